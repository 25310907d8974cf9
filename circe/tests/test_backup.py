"""The drill that the operating guide describes: a dump of one server, restored into a fresh one, is Circe again."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from appointments.tests.factories import AppointmentFactory
from circe import embedded_postgres
from customers.models import Customer
from customers.tests.factories import CustomerFactory
from tenants.scope import tenant_scope
from tenants.tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.skipif("DATABASE_URL" in os.environ, reason="needs the programs of the embedded PostgreSQL")

RESTORED = """
from pathlib import Path
from circe.settings import *
from circe import embedded_postgres
DATABASES["default"] |= embedded_postgres.database(Path({place!r}) / "pg18", durable=False)
DATABASES["default"]["OPTIONS"] = {{"options": "-c role=circe_app"}}
ALLOWED_HOSTS = ["testserver"]
"""
ROLES = "CREATE ROLE circe_app; CREATE ROLE circe_keeper; GRANT circe_app, circe_keeper TO circe"
SMOKE = """
import django; django.setup()
from django.core.management import call_command
from rest_framework.test import APIClient
call_command("migrate", check_unapplied=True, verbosity=0)
client = APIClient()
assert client.get("/readyz").status_code == 200
tokens = client.post("/api/v1/auth/login", {{"email": {email!r}, "password": {password!r}}}).json()
client.credentials(HTTP_AUTHORIZATION="Bearer " + tokens["access"])
url = "/api/v1/customers/" + client.get("/api/v1/customers?search=quetzal").json()["items"][0]["id"]
assert client.get(url + "/appointments").json()["pagination"]["total"] == 1
assert [item["changes"] for item in client.get(url + "/history").json()["items"]][-2] == [
    {{"field": "last_name", "before": "Doe", "after": "Roe"}}
]
assert client.get("/api/v1/customers/statistics/summary").json()["statistics"]["total_customers"] == 1
assert client.put(url, {{"last_name": "Poe"}}).json()["last_name"] == "Poe"
assert client.post("/api/v1/customers", {{"first_name": "Jane", "phone": "+62 8123 456 789"}}).status_code == 201
from django.db import ProgrammingError, connection
with connection.cursor() as cursor:
    cursor.execute("SELECT count(*) FROM customers_customer")
    assert cursor.fetchone() == (0,)
try:
    connection.cursor().execute("DELETE FROM tenants_auditevent")
except ProgrammingError:
    print("whole")
"""


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, cwd=settings.BASE_DIR, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def place():
    with tempfile.TemporaryDirectory(prefix="circe-drill-") as path:
        Path(path).chmod(0o755)
        yield path
        embedded_postgres.database(Path(path) / "pg18", durable=False)["CLUSTER"].stop()


@pytest.mark.django_db(transaction=True)
def test_a_dump_restored_into_a_fresh_server_is_circe_again(place, tenant):
    admin = UserFactory(tenant=tenant, role="tenant_admin")
    jane = CustomerFactory(tenant=tenant, first_name="Quetzalcoatl", last_name="Doe")
    with tenant_scope(tenant):
        Customer.objects.get().change({"last_name": "Roe"})
    AppointmentFactory(tenant=tenant, customer=jane)
    programs = embedded_postgres.binaries()
    source, target = connection.settings_dict, embedded_postgres.database(Path(place) / "pg18", durable=False)
    target["CLUSTER"].ensure_running()

    def program(name, database, *options):
        address = (f"--host={database['HOST']}", f"--port={database['PORT']}", f"--username={database['USER']}")
        return run(str(programs / name), *address, *options)

    program(
        "pg_dump",
        source,
        "--enable-row-security",
        "--format=custom",
        f"--file={place}/circe.dump",
        f"--dbname={source['NAME']}",
    )
    program("psql", target, "--dbname=circe", f"--command={ROLES}")
    program("pg_restore", target, "--no-owner", "--exit-on-error", "--dbname=circe", f"{place}/circe.dump")

    (Path(place) / "restored.py").write_text(RESTORED.format(place=place))
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "restored",
        "PYTHONPATH": f"{place}:{settings.BASE_DIR}",
        "DEMO": "1",
    }
    smoke = SMOKE.format(email=admin.email, password=PASSWORD)
    assert run(sys.executable, "-c", smoke, env=environment) == "whole\n"
