"""Faults of row-level security."""

from mutants.faults import Fault

TESTS = "circe/tests/test_row_level_security.py"

ROW_LEVEL_SECURITY = [
    Fault(
        "a statement without a scope sees every tenant",
        "tenants/scope.py",
        'if scope is None:\n        return ""',
        'if scope is None:\n        return "*"',
        TESTS,
    ),
    Fault("an account lookup sees every tenant", "tenants/scope.py", 'return f"@{account}"', 'return "*"', TESTS),
    Fault(
        "the policies let all rows through",
        "circe/db/row_level_security.py",
        '"TO circe_app", "USING", condition)',
        '"TO circe_app", "USING", "true")',
        TESTS,
    ),
    Fault(
        "the policies do not check written rows",
        "circe/db/row_level_security.py",
        '"TO circe_app", "USING", condition)',
        '"TO circe_app", "USING", f"{condition}) WITH CHECK (true")',
        TESTS,
    ),
    Fault(
        "a table whose policies are not enabled",
        "circe/db/row_level_security.py",
        "ENABLE ROW LEVEL SECURITY, FORCE",
        "FORCE",
        TESTS,
    ),
    Fault(
        "the owner is not bound", "circe/db/row_level_security.py", "ENABLE ROW LEVEL SECURITY, FORCE", "ENABLE", TESTS
    ),
    Fault(
        "a table without policies",
        "tenants/models/base.py",
        '        RowLevelSecurity(name="%(class)s_rls", **row_level_security),\n',
        "",
        "circe/tests/test_architecture.py",
    ),
    Fault(
        "the view of searchable customers does not filter the tenant",
        "customers/migrations/0004_searchable_view.py",
        "WHEN tenant_id THEN true END IS NOT NULL",
        "ELSE true END IS NOT NULL",
        TESTS,
    ),
    Fault(
        "only SELECT statements get the session settings",
        "circe/db/session_settings.py",
        "if isinstance(sql, str) and _is_utility(sql):",
        'if isinstance(sql, str) and not sql.lower().startswith("select"):',
        TESTS,
    ),
    Fault(
        "the session settings outlive their transaction",
        "circe/db/session_settings.py",
        'f"SET LOCAL {name} = %s;"',
        'f"SET {name} = %s;"',
        TESTS,
    ),
    Fault(
        "executemany outside a transaction gets no session settings",
        "circe/db/session_settings.py",
        "transaction.atomic(connection.alias) if connection.get_autocommit() else nullcontext()",
        "nullcontext()",
        TESTS,
    ),
    Fault(
        "rows that a policy opens for reading can be changed",
        "circe/db/row_level_security.py",
        "FOR SELECT TO circe_app",
        "TO circe_app",
        TESTS,
    ),
    Fault(
        "a self-join is taken for the table alone",
        "circe/db/postgresql/base.py",
        "if connection.info.server_version >= 180000:",
        "if False:",
        "customers/tests/test_admin_plans.py",
    ),
]
