"""A cluster of Citus: which nodes it has, whether it can be used, and which tables lie where.

Citus is an extension of PostgreSQL. One node, the coordinator, knows where the rows lie, and passes each statement on to the
workers that hold them. Its functions and its tables `pg_dist_…` are documented at https://docs.citusdata.com.
"""

from typing import Any, NamedTuple

from circe.db.citus.placement import DISTRIBUTION_COLUMN, Placement

MINIMUM_VERSION = (13, 0)
# In pg_dist_partition, `partmethod` and `repmodel` together give the kind of a table.
PLACEMENT_SQL = """
SELECT relname, CASE
    WHEN partmethod = 'h' AND column_to_column_name(logicalrelid, partkey) = %s THEN 'distributed'
    WHEN partmethod = 'n' AND repmodel = 't' THEN 'reference'
    WHEN partmethod = 'n' AND repmodel = 's' THEN 'local'
    ELSE 'otherwise distributed'
END, colocationid
FROM pg_dist_partition JOIN pg_class ON pg_class.oid = logicalrelid
WHERE relnamespace = 'public'::regnamespace
"""
NODES_SQL = """
SELECT groupid, nodename, nodeport, isactive AND hasmetadata AND metadatasynced, shouldhaveshards
FROM pg_dist_node WHERE noderole = 'primary' ORDER BY groupid
"""


class ClusterUnusable(Exception):
    """The cluster is not ready for use. The message says what the operator must do."""


class Node(NamedTuple):
    """A server of the cluster. The coordinator has the group 0."""

    group: int
    host: str
    port: int
    is_ready: bool
    holds_rows: bool

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"


class TableLocation(NamedTuple):
    """The placement of a table. For tables with the same colocation id, all rows of a tenant lie on one node."""

    placement: str
    colocation: int


def citus_version(cursor: Any) -> tuple[int, int] | None:
    """Returns the version of Citus in this database, such as (13, 2). Returns None if there is none."""
    cursor.execute("SELECT extversion FROM pg_extension WHERE extname = 'citus'")
    row = cursor.fetchone()
    if row is None:
        return None
    major, minor = row[0].partition("-")[0].split(".")[:2]
    return int(major), int(minor)


def is_worker(cursor: Any) -> bool:
    """Returns whether this server is a worker of a cluster."""
    if citus_version(cursor) is None:
        return False
    cursor.execute("SELECT groupid <> 0 FROM pg_dist_local_group")
    [(answer,)] = cursor.fetchall()
    return bool(answer)


def refuse_worker(cursor: Any) -> None:
    """Raises ClusterUnusable if this server is a worker: only the coordinator may change the schema."""
    if not is_worker(cursor):
        return
    coordinator = [node.address for node in nodes(cursor) if node.group == 0]
    raise ClusterUnusable(
        f"This server is a worker of a cluster. Name the coordinator{''.join(f' ({it})' for it in coordinator)} in "
        "DATABASE_URL."
    )


def nodes(cursor: Any) -> list[Node]:
    """Returns the nodes of the cluster, the coordinator first."""
    cursor.execute(NODES_SQL)
    return [Node(*row) for row in cursor.fetchall()]


def check_and_list_nodes(cursor: Any) -> list[Node]:
    """Returns the nodes of the cluster. Raises ClusterUnusable if Circe can't distribute its tables over this cluster."""
    version = citus_version(cursor)
    least = ".".join(map(str, MINIMUM_VERSION))
    if version is None:
        raise ClusterUnusable(
            f"This database has no Citus. Install Citus {least} or later on each node, add it to shared_preload_libraries, "
            "and run CREATE EXTENSION citus in the database on each node: see “Scale out” in docs/operating.md."
        )
    if version < MINIMUM_VERSION:
        raise ClusterUnusable(
            f"Citus {'.'.join(map(str, version))} is too old: update it on each node to {least} or later, and run "
            "ALTER EXTENSION citus UPDATE there."
        )
    refuse_worker(cursor)
    members = nodes(cursor)
    if not any(node.group == 0 for node in members):
        raise ClusterUnusable(
            "The cluster does not know its coordinator: run SELECT citus_set_coordinator_host('<host>') here, with the "
            "name by which the workers reach this server."
        )
    if not any(node.holds_rows for node in members):
        raise ClusterUnusable("No node holds rows: add a worker with SELECT citus_add_node('<host>', 5432).")
    for node in members:
        if not node.is_ready:
            raise ClusterUnusable(
                f"The node {node.address} is only half set up: run SELECT citus_activate_node('{node.host}', {node.port})."
            )
    _check_connections(cursor)
    return members


def _check_connections(cursor: Any) -> None:
    """Raises ClusterUnusable if a node does not answer, does not reach another node, or has another version of Citus."""
    answers = _ask_nodes(cursor, "SELECT extversion FROM pg_extension WHERE extname = 'citus'")
    for address, succeeded, result in answers:
        if not succeeded:
            raise ClusterUnusable(f"The node {address} is away or refuses the connection ({result}).")
    if len({version for _, _, version in answers}) > 1:
        versions = ", ".join(f"{address} {version}" for address, _, version in answers)
        raise ClusterUnusable(f"The nodes have different versions of Citus ({versions}): update them all.")
    cursor.execute(
        "SELECT from_nodename, from_nodeport, to_nodename, to_nodeport FROM citus_check_cluster_node_health() "
        "WHERE result IS DISTINCT FROM true"
    )
    for from_host, from_port, to_host, to_port in cursor.fetchall():
        raise ClusterUnusable(
            f"The node {from_host}:{from_port} does not reach {to_host}:{to_port}: let every node connect to every other "
            "(listen_addresses, pg_hba.conf)."
        )


def located_tables(cursor: Any) -> dict[str, TableLocation]:
    """Returns, by name, where each table lies that Citus manages."""
    cursor.execute(PLACEMENT_SQL, [DISTRIBUTION_COLUMN])
    return {name: TableLocation(placement, colocation) for name, placement, colocation in cursor.fetchall()}


def has_distributed_tables(cursor: Any) -> bool:
    """Returns whether the tables of this database have been distributed. Returns False on a server without Citus."""
    if citus_version(cursor) is None:
        return False
    return any(table.placement == Placement.DISTRIBUTED for table in located_tables(cursor).values())


def run_on_nodes(cursor: Any, command: str) -> None:
    """Runs a PL/pgSQL statement on every node, the coordinator included. Raises ClusterUnusable if a node refuses it."""
    # Without this setting, each node would also send the command to the others.
    block = f"BEGIN PERFORM set_config('citus.enable_ddl_propagation', 'off', true); {command}; END"
    for node, succeeded, result in _ask_nodes(cursor, f"DO $circe${block}$circe$"):
        if not succeeded:
            raise ClusterUnusable(
                f"The node {node} refuses “{command}” ({result}). An administrator may have to run it there."
            )


def is_true_on_every_node(cursor: Any, question: str) -> bool:
    """Returns whether the query, a SELECT of one boolean, gives true on every node. An error counts as false."""
    return all(result == "t" for _, _, result in _ask_nodes(cursor, question))


def _ask_nodes(cursor: Any, command: str) -> list[tuple[str, bool, str]]:
    """Runs the command on each node. Returns for each node: its address, whether the command succeeded, and the answer or
    the error.
    """
    cursor.execute(
        "SELECT nodename || ':' || nodeport, success, coalesce(result, '') FROM run_command_on_all_nodes(%s) "
        "JOIN pg_dist_node USING (nodeid) ORDER BY groupid",
        [command],
    )
    return [(address, succeeded, " ".join(result.split())) for address, succeeded, result in cursor.fetchall()]
