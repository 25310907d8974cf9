"""Demo data that the tests of a module share."""

from contextlib import contextmanager
from io import StringIO

from django.core.management import call_command
from django.db import connection

from circe.db.roles import as_owner


@contextmanager
def loaded_demo_data(**options):
    """Loads demo data of `manage.py seed_demo` with these options, and removes them after the block."""
    call_command("seed_demo", **options, stdout=StringIO())
    yield
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE tenants_tenant, tenants_user, tenants_loginfailure, tenants_auditevent CASCADE")
