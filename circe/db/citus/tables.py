"""Moves the tables of this database to where they belong on a cluster, and prepares its nodes."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

from circe.db.citus.cluster import TableLocation, is_true_on_every_node, located_tables, nodes, run_on_nodes
from circe.db.citus.placement import DISTRIBUTION_COLUMN, MOVED_PLACEMENTS, Placement, placements
from circe.db.roles import APPLICATION_ROLE

# The owner of the tables must be a member of these roles on each node.
ROLES_GRANTED_TO_OWNER = (APPLICATION_ROLE, "circe_rls_bypass")
# Settings of the database on each node.
SETTINGS = {
    # SET LOCAL reaches the workers, whose policies and triggers read the settings of the session.
    "citus.propagate_set_commands": "local",
    # Citus calls triggers unsafe, since they may write rows of other nodes. Ours write rows of the same tenant.
    "citus.enable_unsafe_triggers": "on",
    # A trigger runs on the node of its row, and writes to other tables there.
    "citus.allow_nested_distributed_execution": "on",
    # A statement on all businesses uses one connection to each node. Then its transaction may still write to any table.
    "citus.multi_shard_modify_mode": "sequential",
    # A generic plan does not know the tenant, so it does not know the node. Triggers plan their statements on the workers.
    "plan_cache_mode": "force_custom_plan",
}
# In one transaction Citus changes several tables only one after the other.
SEQUENTIAL_MODE_SQL = "SET LOCAL citus.multi_shard_modify_mode = 'sequential'"
TABLES_SQL = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
    AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e')
"""
# The objects that are removed from a table while its rows are copied. Each row has the command that removes an object, the
# command that creates it again, and the place in the order. Triggers would run again for each copied row. A foreign key
# can't refer to a table that lies elsewhere. PostgreSQL copies no rows into a table whose policies bind its owner.
REMOVABLE_SQL = """
WITH moved AS (SELECT oid, oid::regclass::text AS name FROM pg_class WHERE relname = ANY (%(tables)s)
    AND relnamespace = 'public'::regnamespace)
SELECT format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname),
    format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname, pg_get_constraintdef(oid)), 1
FROM pg_constraint WHERE contype = 'f' AND (conrelid IN (SELECT oid FROM moved) OR confrelid IN (SELECT oid FROM moved))
UNION ALL
SELECT format('DROP TRIGGER %%I ON %%s', tgname, name), pg_get_triggerdef(pg_trigger.oid), 2
FROM pg_trigger JOIN moved ON tgrelid = moved.oid WHERE NOT tgisinternal
UNION ALL
SELECT format('ALTER TABLE %%s NO FORCE ROW LEVEL SECURITY', name),
    format('ALTER TABLE %%s FORCE ROW LEVEL SECURITY', name), 3
FROM moved JOIN pg_class USING (oid) WHERE relforcerowsecurity
ORDER BY 3, 1
"""
# Citus copies a function to the nodes when it is created. It can't if an argument has the row type of a table that is local
# then.
FUNCTIONS_SQL = """
SELECT create_distributed_function(oid::regprocedure) FROM pg_proc
WHERE pronamespace = 'public'::regnamespace
    AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
    AND NOT EXISTS (SELECT FROM pg_dist_object WHERE objid = pg_proc.oid)
"""
# By sequence: the table and the column that take their numbers from it.
SEQUENCES_SQL = """
SELECT sequence.oid::regclass::text, attrelid::regclass::text, quote_ident(attname)
FROM pg_class AS sequence JOIN pg_depend ON pg_depend.objid = sequence.oid AND deptype IN ('a', 'i')
    JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid JOIN pg_class AS owner ON owner.oid = attrelid
WHERE sequence.relkind = 'S' AND owner.relname = ANY (%s) AND owner.relnamespace = 'public'::regnamespace
"""
# On each node Citus lets a sequence of bigint begin with the number of the node's group in these bits.
GROUP_SHIFT = 48
# Citus copies views to the nodes, but not their grants.
VIEW_GRANTS_SQL = """
SELECT string_agg(format('GRANT %s ON %s TO %I', privilege_type, pg_class.oid::regclass, rolname), '; ')
FROM pg_class CROSS JOIN aclexplode(relacl) JOIN pg_roles ON pg_roles.oid = grantee
WHERE relnamespace = 'public'::regnamespace AND relkind = 'v' AND grantee <> relowner
"""


def database_tables(cursor: Any) -> set[str]:
    """Returns the names of the tables that are no part of an extension."""
    cursor.execute(TABLES_SQL)
    return {name for (name,) in cursor.fetchall()}


def missing_tables(cursor: Any) -> list[str]:
    """Returns the tables that the database should have and does not have."""
    return sorted(placements().keys() - database_tables(cursor))


def tables_to_move(cursor: Any) -> dict[str, Placement]:
    """Returns the tables that Citus does not manage yet and should: by name the placement to which to move each, in this
    order.
    """
    located = located_tables(cursor)
    return {
        name: placement
        for name, placement in placements().items()
        if placement in MOVED_PLACEMENTS and name not in located
    }


def move_tables(cursor: Any, tables: dict[str, Placement], progress: Callable[[str], None]) -> None:
    """Moves the tables to where they belong, all or none. Calls `progress` with the name of each that was moved."""
    with transaction.atomic():
        cursor.execute(SEQUENTIAL_MODE_SQL)
        with _without_triggers_and_keys(cursor, [*tables]):
            for name, placement in tables.items():
                place_table(cursor, name, placement)
                progress(name)
        cursor.execute(FUNCTIONS_SQL)


def place_table(cursor: Any, table: str, placement: Placement) -> None:
    """Moves the table to where it belongs, and removes the rows that the coordinator had of it."""
    if placement is Placement.REFERENCE:
        cursor.execute("SELECT create_reference_table(%s)", [table])
    else:
        beside = next((name for name, at in located_tables(cursor).items() if at.placement == placement), "default")
        cursor.execute(
            "SELECT create_distributed_table(%s, %s, colocate_with => %s)", [table, DISTRIBUTION_COLUMN, beside]
        )
        # The rows on the coordinator are not visible any more, and would only take space.
        cursor.execute("SELECT truncate_local_data_after_distributing_table(%s)", [table])


@contextmanager
def _without_triggers_and_keys(cursor: Any, tables: Sequence[str]) -> Iterator[None]:
    """Takes triggers, foreign keys and FORCE ROW LEVEL SECURITY off the tables for the block."""
    cursor.execute(REMOVABLE_SQL, {"tables": [*tables]})
    objects = cursor.fetchall()
    for remove, _, _ in objects:
        cursor.execute(remove)
    yield
    for _, restore, _ in objects:
        cursor.execute(restore)


def missing_node_steps(cursor: Any) -> dict[str, str]:
    """Returns the commands that prepare the nodes, by what they do. Leaves out those that no node needs."""
    database, owner = (connection.ops.quote_name(connection.settings_dict[name]) for name in ("NAME", "USER"))
    steps = {
        # Citus connects to its workers as the role that runs the statement.
        f"{APPLICATION_ROLE} may log in": (
            f"SELECT rolcanlogin FROM pg_roles WHERE rolname = '{APPLICATION_ROLE}'",  # noqa: S608 (a constant)
            f"ALTER ROLE {APPLICATION_ROLE} LOGIN",
        ),
    }
    for role in ROLES_GRANTED_TO_OWNER:
        steps[f"{role} exists"] = (
            f"SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}')",  # noqa: S608 (a constant)
            f"IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN CREATE ROLE {role}; END IF",
        )
        steps[f"the owner is a member of {role}"] = (
            f"SELECT pg_has_role('{role}', 'MEMBER')",
            f"GRANT {role} TO {owner}",
        )
    for name, value in SETTINGS.items():
        steps[f"{name} = {value}"] = (
            f"SELECT current_setting('{name}') = '{value}'",
            f"ALTER DATABASE {database} SET {name} = '{value}'",
        )
    return {what: command for what, (question, command) in steps.items() if not is_true_on_every_node(cursor, question)}


def grant_views(cursor: Any) -> None:
    """Gives roles the same rights to views on each node as they have on the coordinator."""
    cursor.execute(VIEW_GRANTS_SQL)
    [(grants,)] = cursor.fetchall()
    if grants:
        run_on_nodes(cursor, grants)


def advance_sequences(cursor: Any) -> None:
    """Lets the sequences of each node go on after the highest number that a row has from it.

    A backup of a cluster has rows with numbers of every node, and the sequences of the coordinator alone. The
    sequences of the workers would give these numbers again.
    """
    distributed = [name for name, at in located_tables(cursor).items() if at.placement == Placement.DISTRIBUTED]
    cursor.execute(SEQUENCES_SQL, [distributed])
    for sequence, table, column in cursor.fetchall():
        for node in nodes(cursor):
            first, last = (group << GROUP_SHIFT for group in (node.group, node.group + 1))
            cursor.execute(f"SELECT max({column}) FROM {table} WHERE {column} > %s AND {column} < %s", [first, last])  # noqa: S608
            [(highest,)] = cursor.fetchall()
            if highest is not None:
                run_on_nodes(
                    cursor,
                    f"PERFORM setval('{sequence}', {highest}) FROM pg_dist_local_group, {sequence} "
                    f"WHERE groupid = {node.group} AND last_value < {highest}",
                )


def describe_misplaced_tables(cursor: Any) -> list[str]:
    """Returns a sentence for each table that does not lie where it should. Statements on it would not go to one node."""
    located, expected = located_tables(cursor), placements()
    colocations = [at.colocation for at in located.values() if at.placement == Placement.DISTRIBUTED]
    usual_colocation = max(colocations, key=colocations.count, default=0)
    reasons = [
        (table, _why_misplaced(expected.get(table), located.get(table), usual_colocation))
        for table in sorted(database_tables(cursor))
    ]
    return [f"{table} {reason}" for table, reason in reasons if reason]


def _why_misplaced(expected: Placement | None, located: TableLocation | None, usual_colocation: int) -> str | None:
    if expected is None:
        return "is no table of Circe: it stays on the coordinator."
    if expected is Placement.LOCAL:
        return None if located is None or located.placement == expected else "belongs on the coordinator alone."
    if located is None or located.placement != expected:
        return f"is no {expected} table: it lies {located.placement if located else 'on the coordinator alone'}."
    if expected is Placement.DISTRIBUTED and located.colocation != usual_colocation:
        return "does not lie beside the other tables of the same business."
    return None
