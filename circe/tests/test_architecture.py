"""Checks the rules of the architecture: imports, roles, transactions, files, migrations, and SQL objects."""

import ast
import json
import re
import tomllib
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from pathlib import Path

import grimp
import pytest
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.core.management import call_command
from django.db import ProgrammingError, connection, connections, transaction
from django.db.migrations.loader import MigrationLoader
from django.http import HttpResponse
from django.urls import URLPattern, get_resolver
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports
from rest_framework.permissions import SAFE_METHODS
from rest_framework.views import APIView

from circe.backoffice.site import opens_own_transactions
from circe.db.advisory_locks import AdvisoryLock
from circe.db.citus.sql_files import FILES
from circe.db.fields import OmitCodeFromMigrationsMixin
from circe.db.roles import as_owner
from circe.management.commands.check_totals import SUMMARY_TABLES
from circe.tests.sources import PACKAGES, find_files
from tenants.accounts.permissions import ANYONE, HasRole
from tenants.models import Role
from tenants.tests.factories import UserFactory
from tenants.views import TenantViewSet

WITH_SQL = ["tenants", "customers", "appointments"]
SOURCES = find_files("*.py")


def viewsets():
    """Returns the actions that URLs lead to, by viewset of the API."""
    found = {}
    for pattern in get_resolver().url_patterns:
        view = getattr(pattern.callback, "cls", None) if isinstance(pattern, URLPattern) else None
        if view and str(pattern.pattern).startswith("api/"):
            found.setdefault(view, set()).update(pattern.callback.actions.values())
    return found


def test_imports_run_one_way(capsys):
    assert lint_imports(str(settings.BASE_DIR / "pyproject.toml"), no_cache=True) == EXIT_STATUS_SUCCESS


def layers():
    """Returns the modules that the contracts of import-linter put into layers."""
    contracts = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    return {module.strip() for one in contracts for line in one.get("layers", []) for module in re.split("[:|]", line)}


def test_every_module_has_a_layer(imports):
    """If one file of a folder has a layer, all files of the folder have one."""
    named = layers()
    divided = {module.rpartition(".")[0] for module in named} - {""}
    assert {*PACKAGES, "circe.api", "circe.db", "customers.transfer"} <= named | divided
    for parent in divided:
        for module in imports.find_children(parent):
            with_submodules = {module, *(name for name in named if name.startswith(f"{module}."))}
            assert module.endswith(".tests") or with_submodules & named, (
                f"Put {module} into a layer of a contract in pyproject.toml."
            )


@pytest.fixture(scope="module")
def imports():
    """The graph of imports between our files, including imports for types only and imports inside functions."""
    return grimp.build_graph(*PACKAGES, cache_dir=None)


def test_no_files_have_circular_imports(imports):
    files = {file: imports.find_modules_directly_imported_by(file) for file in imports.modules}
    assert len(files) > 300
    try:
        TopologicalSorter(files).prepare()
    except CycleError as error:
        pytest.fail(f"a circle: {' <- '.join(error.args[1])}")


def test_only_tests_import_tests(imports):
    wrong = [
        (file, other)
        for file in imports.modules
        for other in imports.find_modules_directly_imported_by(file)
        if "tests" in other.split(".") and "tests" not in file.split(".")
    ]
    assert wrong == []


APPS = ["tenants", "customers", "appointments", "analytics"]
SHARED = ["api", "backoffice", "db"]
TOP = [
    f"circe.{file.stem}"
    for file in (settings.BASE_DIR / "circe").iterdir()
    if file.stem not in {*SHARED, "__init__", "__pycache__", "templates", "tests"}
]
# By folder: the modules above it and beside it.
ABOVE = {
    "circe/db": [*TOP, *APPS, "circe.api", "circe.backoffice"],
    "circe/api": [*TOP, *APPS, "circe.backoffice"],
    "circe/backoffice": [*TOP, *APPS, "circe.api"],
    **{app: [*TOP, *APPS[number + 1 :]] for number, app in enumerate(APPS)},
}


def names_above(folder, suffix):
    """Returns a pattern for names of everything above the folder: tables, URLs, SQL objects, modules, files and labels."""
    above = [name for name in ABOVE[folder] if name in APPS]
    models = [model._meta for model in apps.get_models() if model._meta.app_label in above]
    # A proxy has the table of the model below it.
    tables = [model.db_table for model in models if not model.proxy]
    # circe.db has no migrations: the SQL functions that it runs are in the lowest app.
    objects = [name for app, name in sql_items() if app in above and (app, folder) != ("tenants", "circe/db")]
    modules = "|".join(name.replace(".", "[./]") for name in ABOVE[folder])
    words = "|".join([*tables, *objects, rf"(?:{modules})[./]\w"])
    # A label in quotes, unless it is the key of a dictionary.
    pattern = rf"""\b(?:{words})|['"](?:{modules})['"](?!\s*:)"""
    # In SQL, a quoted name of a model is the name of its table in the events of the audit trail.
    return re.compile(pattern + "".join(f"|'{model.model_name}'" for model in models if suffix == ".sql"))


@pytest.mark.parametrize("folder", ABOVE)
def test_no_file_names_something_above_its_folder(folder):
    """No text uses apps.get_model, a path to a class, SQL or the name of a URL for it. Higher apps register themselves."""
    found = []
    for file in sorted((settings.BASE_DIR / folder).rglob("*")):
        if file.suffix in {".py", ".sql", ".html", ".js", ".css"} and not {"tests", "migrations"} & {*file.parts}:
            pattern, lines = names_above(folder, file.suffix), enumerate(file.read_text().splitlines(), 1)
            found += [f"{file}:{number}: {line.strip()}" for number, line in lines if pattern.search(line)]
    assert found == []


@pytest.mark.parametrize(
    ("text", "suffix", "is_above"),
    [
        ('apps.get_model("appointments", "Appointment")', ".py", True),
        ('"appointments.Appointment"', ".py", True),
        ("FROM public.appointments_appointment", ".py", True),
        ('reverse("admin:appointments_appointment_add")', ".py", True),
        ("import_string('circe.health.ready')", ".py", True),
        ("see appointments/sql/circe_free.sql", ".py", True),
        ("SELECT circe_occupied(a, b, c)", ".py", True),
        ("analytics.segments", ".py", True),
        ("Their appointments. Also more", ".py", False),
        ('{"appointments": 3}', ".py", False),
        ("appointments_kept=3", ".py", False),
        ("FROM public.customers_customer JOIN tenants_user", ".py", False),
        ("circe.db.ids", ".py", False),
        ("CASE model WHEN 'appointment' THEN", ".sql", True),
        ("CASE model WHEN 'customer' THEN", ".sql", False),
    ],
)
def test_the_pattern_finds_names_of_something_above(text, suffix, is_above):
    assert bool(names_above("customers", suffix).search(text)) is is_above


@pytest.mark.django_db
def test_no_migration_is_missing():
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_every_viewset_names_the_roles_of_all_its_actions():
    assert viewsets()
    for view, actions in viewsets().items():
        assert actions <= set(view.roles), view
        # Roles without a URL are for a stricter variant of an action, which the view itself checks.
        assert set(view.roles) - actions <= {"purge"}, view


def test_every_viewset_checks_roles():
    for view in viewsets():
        assert view.permission_classes == [HasRole], view


def test_only_signing_in_and_out_needs_no_token():
    opened = {action for view in viewsets() for action, roles in view.roles.items() if None in roles}
    by_mail = {"register", "verify", "forgot_password", "reset_password"}
    assert opened == {"login", "refresh", "logout", *by_mail}
    assert set(Role) < ANYONE
    open_views = {view.__name__ for view in viewsets() if view.authentication_classes == ()}
    assert open_views == {"TokenViewSet", "AccountViewSet"}


def api_views():
    return [p.callback for p in get_resolver().url_patterns if "api/" in str(p.pattern) and hasattr(p, "callback")]


def test_every_view_of_the_api_is_a_viewset_or_the_unknown_url():
    views = [view for view in api_views() if not issubclass(getattr(view, "cls", object), APIView)]
    assert [view.__name__ for view in views] == ["unknown_url"]


def test_django_opens_no_transaction_for_a_request():
    """The API answers errors without raising them. A transaction around the request would then commit earlier writes."""
    assert not connection.settings_dict["ATOMIC_REQUESTS"]


def test_no_view_has_a_mark_that_only_counts_with_a_transaction_for_each_request():
    """Django's `non_atomic_requests` would do nothing: a page of the back office says `opens_own_transactions`."""
    assert [file for file in SOURCES if "tests" not in file.parts and "non_atomic_requests" in file.read_text()] == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("mark", "is_one"), [(lambda page: page, True), (opens_own_transactions, False)])
def test_a_page_of_the_back_office_is_one_transaction_unless_it_opens_its_own(rf, mark, is_one):
    request = rf.get("/admin/")
    request.user = UserFactory(role=Role.STAFF)
    page = mark(lambda request: HttpResponse(str(connection.in_atomic_block)))
    assert admin.site.admin_view(page)(request).content.decode() == str(is_one)


def test_each_action_that_writes_a_tenants_rows_is_idempotent():
    """An idempotent action is one transaction too."""
    writes, reads = set(), set()
    for pattern in get_resolver().url_patterns:
        view = getattr(pattern.callback, "cls", None) if isinstance(pattern, URLPattern) else None
        if view and issubclass(view, TenantViewSet):
            for method, action in pattern.callback.actions.items():
                operation = view.operations.get(action)
                is_read = method.upper() in SAFE_METHODS or bool(operation and operation.reads_only)
                (reads if is_read else writes).add(getattr(view, action))
    assert {action.__name__ for action in writes} == {
        *("create", "update", "preferences", "destroy", "restore", "reschedule", "set_status", "cancel")
    }
    assert [action for action in writes if not hasattr(action, "is_idempotent")] == []
    assert [action for action in reads if hasattr(action, "is_idempotent")] == []


@pytest.mark.parametrize("name", ["signals", "utils", "helpers", "common", "core", "services", "misc"])
def test_no_module_has_this_vague_name(name):
    assert [file for file in SOURCES if name in (file.stem, *file.relative_to(settings.BASE_DIR).parts)] == []


def test_no_file_is_longer_than_four_hundred_lines():
    long = {
        str(file.relative_to(settings.BASE_DIR)): lines
        for file in SOURCES
        if not {"migrations", "tests"} & {*file.parts} and (lines := len(file.read_text().splitlines())) > 400
    }
    assert long == {}


def test_only_pages_activate_a_language_or_a_time_zone():
    # The middleware resets both after a page, but not after a request to the API.
    activating = re.compile(r"\b(?:translation|timezone)\.activate\(|import .*\bactivate\b")
    found = {str(file.relative_to(settings.BASE_DIR)) for file in SOURCES if activating.search(file.read_text())}
    assert {name for name in found if "/tests/" not in name} == {
        "tenants/middleware.py",
        "customers/portal/pages/base.py",
    }


def test_only_the_tenant_boundary_uses_unscoped_managers():
    """`_base_manager` and raw() do not filter by tenant."""
    allowed = {"tenants/scope.py"}
    for file in SOURCES:
        path = str(file.relative_to(settings.BASE_DIR))
        if "tests" not in file.parts and path not in allowed:
            text = file.read_text()
            assert not [word for word in ("_base_manager", "objects.raw(", "_raw_delete") if word in text], path


def schema(alias):
    """Returns the tables, constraints, indexes and functions of a database, as lines of text."""
    with connections[alias].cursor() as cursor:
        cursor.execute(
            """
            SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
            WHERE connamespace = 'public'::regnamespace
            UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
            UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
            UNION ALL SELECT table_name || privilege_type FROM information_schema.role_table_grants
            WHERE grantee = 'circe_app'
            UNION ALL SELECT proname || prosrc FROM pg_proc WHERE proname LIKE 'circe%'
            UNION ALL SELECT table_name || '.' || column_name || ' ' || data_type FROM information_schema.columns
            WHERE table_schema = 'public'
            ORDER BY 1
            """
        )
        return [line for (line,) in cursor.fetchall()]


@pytest.fixture
def scratch(django_db_setup, django_db_blocker):
    """Creates an empty database for the test. Yields its alias."""
    name = f"{connection.settings_dict['NAME']}_scratch"
    with django_db_blocker.unblock(), as_owner(), connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}"')
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        connections.databases["scratch"] = connection.settings_dict | {"NAME": name}
        yield "scratch"
        connections["scratch"].close()
        del connections["scratch"], connections.databases["scratch"]
        cursor.execute(f'DROP DATABASE "{name}"')


@pytest.mark.slow("migrates a database to the end, back to nothing and again")
def test_every_migration_can_be_reversed(scratch):
    call_command("migrate", database=scratch, verbosity=0)
    before = schema(scratch)
    for app in ["appointments", "customers"]:
        call_command("migrate", app, "zero", database=scratch, verbosity=0)
    # The admin's log refers to users.
    call_command("migrate", "admin", "zero", database=scratch, verbosity=0)
    call_command("migrate", "tenants", "zero", database=scratch, verbosity=0)
    left = [line for line in schema(scratch) if any(app in line for app in PACKAGES)]
    assert left == []
    call_command("migrate", database=scratch, verbosity=0)
    assert schema(scratch) == before


def test_every_migration_has_a_name():
    for app in PACKAGES:
        for file in (Path(apps.get_app_config(app).path) / "migrations").glob("0*.py"):
            assert "_auto_" not in file.name, file


# --- SQL and migrations ---------------------------------------------------------------------------------------------

MIGRATIONS = [file for app in WITH_SQL for file in (settings.BASE_DIR / app / "migrations").glob("0*.py")]
# Migrations may import Python's library, Django, the operations on SQL objects, and classes of fields and constraints.
MAY_BE_IMPORTED = re.compile(
    r"(datetime|django|django_migrate_sql)(\.|$)|circe\.db\.(audit_trigger|fields|foreign_keys|ids|row_level_security|tenant_key)$"
)


def imported(file):
    """Yields the modules that a file imports."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


@pytest.mark.parametrize("file", MIGRATIONS, ids=lambda file: f"{file.parent.parent.name}-{file.stem}")
def test_a_migration_imports_nothing_that_can_change_under_it(file):
    assert [name for name in imported(file) if not MAY_BE_IMPORTED.match(name)] == []


def test_defaults_and_validators_of_an_app_are_left_out_of_migrations():
    fields = [
        field
        for model in apps.get_models()
        for field in model._meta.local_fields
        if isinstance(field, OmitCodeFromMigrationsMixin)
    ]
    assert len(fields) > 10
    for field in fields:
        assert not {"default", "validators"} & set(field.deconstruct()[3]), field
        assert field.has_default() or len(field.validators) > len(type(field)(max_length=9).validators), field


def sql_items():
    """Returns every SQL object by (app, name)."""
    return {(app, item.name): item for app in WITH_SQL for item in import_module(f"{app}.sql_config").sql_items}


def test_every_sql_file_is_listed_in_its_sql_config():
    files = {(app, file.stem) for app in WITH_SQL for file in (settings.BASE_DIR / app / "sql").glob("*.sql")}
    assert files == set(sql_items())


def test_every_sql_file_that_a_cluster_needs_again_is_registered():
    """These are the files for a cluster, and the views from whose condition Citus reads the tenant."""
    condition = re.compile(r"^CREATE (OR REPLACE )?VIEW\b.*\btenant_id = ", re.MULTILINE | re.DOTALL)
    routed_views = {file for file in settings.BASE_DIR.glob("*/sql/*.sql") if condition.search(file.read_text())}
    assert {*FILES} == {*settings.BASE_DIR.glob("*/sql/cluster/*")} | routed_views


def test_every_sql_object_can_be_removed():
    assert [key for key, item in sql_items().items() if not item.reverse_sql] == []


def test_postgresql_refuses_functions_with_doubtful_constructs(db):
    """The test server is started with `plpgsql.extra_errors`, see `circe.embedded_postgres`."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SHOW plpgsql.extra_errors")
        if cursor.fetchone() != ("all",):
            pytest.skip("the server is not ours")
        with pytest.raises(ProgrammingError, match="shadows"), transaction.atomic():
            cursor.execute(
                "CREATE FUNCTION doubtful(a int) RETURNS int LANGUAGE plpgsql AS $$ DECLARE a int; BEGIN RETURN a; END $$"
            )


def test_advisory_locks_have_only_the_numbers_of_the_list():
    number = re.compile(r"advisory_\w*lock\w*\(\s*(\d+)")
    in_sql = {int(found) for item in sql_items().values() for found in number.findall(item.sql)}
    assert in_sql == {AdvisoryLock.SHARD, AdvisoryLock.CHANGE}
    in_python = [
        file for file in SOURCES if not {"migrations", "tests"} & {*file.parts} and number.search(file.read_text())
    ]
    assert in_python == []
    assert len(set(AdvisoryLock)) == len(AdvisoryLock.__members__)


def rows(cursor, tables):
    """Returns the rows of each table as dictionaries, ordered by their text."""
    found = {}
    for table in tables:
        cursor.execute(f"SELECT to_jsonb(t)::text FROM {table} AS t ORDER BY 1")
        found[table] = [json.loads(row) for (row,) in cursor]
    return found


def fill(apps, alias):
    """Creates rows of two businesses with the models of a state of the migrations. Triggers update the summary tables."""

    def create(app, model, **values):
        return apps.get_model(app, model).objects.using(alias).create(**values)

    for number, slug in enumerate(("lotus", "nordlys")):
        business = {"tenant_id": create("tenants", "Tenant", name=slug, slug=slug, time_zone="UTC").pk}
        person = {"email": f"staff@{slug}.test", "role": "staff", "password": "!", "first_name": "Ana"}
        staff_id = create("tenants", "User", **business, **person).pk
        offer = {
            "outlet_id": create("tenants", "Outlet", **business, name="Centre").pk,
            "service_id": create("tenants", "Service", **business, name="Cut", duration_minutes=60, price=100).pk,
        }
        for digit in range(4):
            customer = create(
                "customers",
                "Customer",
                **business,
                first_name="Jane",
                phone=f"+6281234567{number}{digit}",
                tags=["vip"] if digit else [],
                loyalty_points=digit,
                is_deleted=digit == 3,
                is_active=digit != 3,
                language="en",
            )
            for day in range(digit + 1):
                create(
                    "appointments",
                    "Appointment",
                    **business,
                    **offer,
                    staff_id=staff_id,
                    customer_id=customer.pk,
                    appointment_date=f"2026-0{day + 1}-1{digit}",
                    start_time="10:00",
                    end_time="11:00",
                    status="confirmed" if day == 2 else "completed",
                    total_price=100 + day,
                )
    create("customers", "CustomerImport", **business, file_name="people.csv")


@pytest.mark.slow("makes and migrates a database")
def test_rows_of_the_first_set_of_migrations_keep_their_values_up_to_the_last(scratch):
    """The first set are the migrations with `initial = True`. Every column that still exists keeps its value."""
    loader = MigrationLoader(None)
    first = {
        app: max(name for (of, name), m in loader.disk_migrations.items() if of == app and m.initial)
        for app in WITH_SQL
    }
    for target in first.items():
        call_command("migrate", *target, database=scratch, verbosity=0)
    with as_owner(scratch), connections[scratch].cursor() as cursor:
        fill(loader.project_state(list(first.items())).apps, scratch)
        cursor.execute(
            "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relname ~ '^(tenants|customers|appointments)_'"
        )
        before = rows(cursor, [table for (table,) in cursor.fetchall()])
    assert len([table for table in before if before[table]]) > 10
    call_command("migrate", database=scratch, verbosity=0)
    with as_owner(scratch), connections[scratch].cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'r'")
        remaining = {table for (table,) in cursor.fetchall()} & set(before)
        after = rows(cursor, remaining)
        for table in (table for table in remaining if before[table]):
            columns = set().union(*after[table]) if after[table] else set()
            same = [{name: value for name, value in row.items() if name in columns} for row in before[table]]
            assert sorted(same, key=str) == sorted(
                ({name: row[name] for name in row if name in before[table][0]} for row in after[table]), key=str
            ), table
        cursor.execute("SELECT id FROM tenants_tenant")
        for (tenant_id,) in cursor.fetchall():
            for model in SUMMARY_TABLES:
                cursor.execute(model.stored_sql(), {"tenant": tenant_id})
                stored = cursor.fetchall()
                columns = ", ".join([*model.key_columns, *model.value_columns])
                cursor.execute(
                    f"SELECT {columns} FROM ({model.expected_sql}) AS expected",
                    {"tenant": tenant_id},
                )
                assert sorted(stored, key=str) == sorted(cursor.fetchall(), key=str) != [], model


@pytest.mark.xdist_group("this test")
def test_the_tests_of_a_group_stay_in_one_process(request):
    """pytest-xdist shares out the tests by their ids, and adds the group to the id."""
    if not request.config.getoption("loadgroup", False):
        pytest.skip("runs in one process, or without --dist loadgroup")
    assert request.node.nodeid.endswith("@this test")
