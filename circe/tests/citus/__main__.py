"""Makes an empty database on each node of the cluster of CITUS_URL, and runs pytest on it with the given arguments.

CITUS_URL names the coordinator and any database of the cluster in which Citus knows all nodes, as a superuser:
`postgres://postgres@localhost:5432/postgres`. Each node must let this user, the role `circe_test` and the role `circe_app`
connect from every node.
"""

import os
import sys

import psycopg
import pytest
from psycopg import sql

DATABASE, OWNER = "test_circe_on_citus", "circe_test"
ROLES = ("circe_app", "circe_rls_bypass")
# A quarter of the time to distribute. The counters tell how many shards a statement was sent to.
SETTINGS = {"citus.shard_count": "8", "citus.enable_stat_counters": "on"}
UNSET = (
    "CITUS_URL is not set: the tests with a cluster are skipped. Set it to the address of a coordinator, such as "
    "postgres://postgres@localhost:5432/postgres."
)


def make_database(url: str) -> str:
    """Makes the database anew on each node. Returns its address. The coordinator is the first node."""
    with psycopg.connect(url) as session:
        nodes = session.execute("SELECT nodename, nodeport FROM pg_dist_node ORDER BY groupid").fetchall()
    for host, port in nodes:
        with psycopg.connect(url, host=host, port=port, autocommit=True) as session:
            _make_roles(session)
            name = sql.Identifier(DATABASE)
            session.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
            session.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, sql.Identifier(OWNER)))
            for setting, value in SETTINGS.items():
                session.execute(sql.SQL("ALTER DATABASE {} SET {} = {}").format(name, sql.SQL(setting), value))
        with psycopg.connect(url, host=host, port=port, dbname=DATABASE, autocommit=True) as session:
            session.execute("CREATE EXTENSION citus")
    coordinator, *workers = nodes
    with psycopg.connect(url, dbname=DATABASE, autocommit=True) as session:
        session.execute("SELECT citus_set_coordinator_host(%s, %s)", coordinator)
        for host, port in workers:
            session.execute("SELECT citus_add_node(%s, %s)", [host, port])
    host, port = coordinator
    return f"postgres://{OWNER}@{host}:{port}/{DATABASE}"


def _make_roles(session: psycopg.Connection) -> None:
    """Makes the roles on one node, and the owner of the database a member of them."""
    session.execute("SET citus.enable_ddl_propagation = off")
    for role in (OWNER, *ROLES):
        if not session.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).fetchall():
            session.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
    session.execute(sql.SQL("ALTER ROLE {} LOGIN CREATEDB CREATEROLE").format(sql.Identifier(OWNER)))
    for role in ROLES:
        session.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), sql.Identifier(OWNER)))


if __name__ == "__main__":
    url = os.environ.get("CITUS_URL", "")
    if not url:
        sys.stdout.write(f"{UNSET}\n")
        sys.exit()
    os.environ |= {"DATABASE_URL": make_database(url), "DJANGO_SETTINGS_MODULE": "circe.tests.citus.settings"}
    sys.exit(pytest.main(["-p", "circe.tests.citus.plugin", "--reuse-db", *sys.argv[1:]]))
