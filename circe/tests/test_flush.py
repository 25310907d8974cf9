"""`flush`, and what the tests use in its place: after both every table is empty."""

import pytest
from django.core.management import call_command
from django.db import connection

from circe.db.roles import as_owner
from circe.tests import quick_flush
from circe.tests.every_table import make_rows

pytestmark = pytest.mark.django_db(transaction=True)
FILLED = {"django_content_type", "auth_permission"}


def count_rows():
    """Returns the number of rows by table, where there are any."""
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(f"SELECT '{table}', count(*) FROM {table}" for table in tables))
        return {table: rows for table, rows in cursor.fetchall() if rows}


@pytest.fixture
def rows(tenant, other_tenant):
    make_rows(tenant)
    make_rows(other_tenant)
    assert len(count_rows()) > 25
    return count_rows()


def test_flush_empties_the_tables_as_their_owner(rows):
    call_command("flush", verbosity=0, interactive=False)
    assert count_rows() == {table: rows[table] for table in FILLED}


@pytest.mark.parametrize("max_bytes", [quick_flush.MAX_BYTES_TO_DELETE, 0], ids=["by DELETE", "by TRUNCATE"])
def test_the_tables_are_empty_after_a_test_that_commits(rows, monkeypatch, max_bytes):
    monkeypatch.setattr(quick_flush, "MAX_BYTES_TO_DELETE", max_bytes)
    quick_flush.empty_tables()
    assert count_rows() == {table: rows[table] for table in FILLED}
