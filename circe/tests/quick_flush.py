"""Empties the tables after a test that commits, at a tenth of the processor time of Django's `flush`."""

import psycopg
from django.db import connection

from circe.db.roles import as_owner

# Django fills these after each migration, and would fill them again after each test.
KEPT = {"django_content_type", "auth_permission"}
# TRUNCATE makes new files for each table and index. DELETE leaves dead rows, so that a table grows until it is truncated.
MAX_BYTES_TO_DELETE = 256 * 1024
SIZES = """
SELECT oid::regclass::text, pg_relation_size(oid) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND pg_relation_size(oid) > 0
"""


def allow_quick_flush(settings):
    """Lets the login role switch triggers off, which takes the superuser of the tests' own server."""
    with psycopg.connect(host=settings["HOST"], port=settings["PORT"], dbname="postgres", user="postgres") as session:
        # The workers of a suite grant it at the same moment, which PostgreSQL refuses otherwise.
        session.execute("SELECT pg_advisory_xact_lock(1)")
        session.execute(f"GRANT SET ON PARAMETER session_replication_role TO {settings['USER']}")


def empty_tables(test_case=None):
    """Leaves every table empty, but for those which it keeps as they are. Takes the place of `flush` after a test."""
    with as_owner(), connection.cursor() as cursor:
        tables = set(connection.introspection.django_table_names(include_views=False)) - KEPT
        cursor.execute(SIZES)
        sizes = {table: size for table, size in cursor.fetchall() if table in tables}
        if max(sizes.values(), default=0) > MAX_BYTES_TO_DELETE:
            cursor.execute(f"TRUNCATE {', '.join(tables)}")
        elif sizes:
            # Neither triggers nor foreign keys are checked, so that the order does not matter.
            statements = ["SET LOCAL session_replication_role = replica", *(f"DELETE FROM {table}" for table in sizes)]
            cursor.execute("; ".join(statements))
