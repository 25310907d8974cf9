"""The two restores of the operating guide: of a dump into a new server, and of a server to a point in time."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from appointments.tests.factories import AppointmentFactory
from circe import embedded_postgres
from circe.tests.chaos import CUSTOMERS, Circe, until
from customers.models import Customer
from customers.tests.factories import CustomerFactory
from tenants.scope import tenant_scope
from tenants.tests.factories import PASSWORD, UserFactory

pytestmark = [
    pytest.mark.slow("makes a second server and restores into it"),
    pytest.mark.skipif("DATABASE_URL" in os.environ, reason="needs the programs of the embedded PostgreSQL"),
]

RESTORED = """
from pathlib import Path
from circe.settings import *
from circe import embedded_postgres
DATABASES["default"] |= embedded_postgres.database(Path({directory!r}) / "pg18", durable=False)
DATABASES["default"]["OPTIONS"] = {{"options": "-c role=circe_app"}}
ALLOWED_HOSTS = ["testserver"]
"""
ROLES = "CREATE ROLE circe_app; CREATE ROLE circe_rls_bypass; GRANT circe_app, circe_rls_bypass TO circe"
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
    print("complete")
"""


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, cwd=settings.BASE_DIR, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def directory():
    with tempfile.TemporaryDirectory(prefix="circe-drill-") as path:
        Path(path).chmod(0o755)
        yield path
        embedded_postgres.database(Path(path) / "pg18", durable=False)["CLUSTER"].stop()


@pytest.mark.django_db(transaction=True)
def test_circe_works_on_a_dump_that_was_restored_into_a_new_server(directory, tenant):
    admin = UserFactory(tenant=tenant, role="tenant_admin")
    jane = CustomerFactory(tenant=tenant, first_name="Quetzalcoatl", last_name="Doe")
    with tenant_scope(tenant):
        Customer.objects.get().change({"last_name": "Roe"})
    AppointmentFactory(tenant=tenant, customer=jane)
    programs = embedded_postgres.binaries()
    source, target = connection.settings_dict, embedded_postgres.database(Path(directory) / "pg18", durable=False)
    target["CLUSTER"].ensure_running()

    def program(name, database, *options):
        address = (f"--host={database['HOST']}", f"--port={database['PORT']}", f"--username={database['USER']}")
        return run(str(programs / name), *address, *options)

    program(
        "pg_dump",
        source,
        "--enable-row-security",
        "--format=custom",
        f"--file={directory}/circe.dump",
        f"--dbname={source['NAME']}",
    )
    program("psql", target, "--dbname=circe", f"--command={ROLES}")
    program("pg_restore", target, "--no-owner", "--exit-on-error", "--dbname=circe", f"{directory}/circe.dump")

    (Path(directory) / "restored.py").write_text(RESTORED.format(directory=directory))
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "restored",
        "PYTHONPATH": f"{directory}:{settings.BASE_DIR}",
        "DEMO": "1",
    }
    smoke = SMOKE.format(email=admin.email, password=PASSWORD)
    assert run(sys.executable, "-c", smoke, env=environment) == "complete\n"


# --- restore to a point in time -------------------------------------------------------------------------------------


def read_recipe(name, directory, **replacements):
    """Returns the code blocks of the guide's section `name`, with `directory` instead of /backup."""
    guide = (settings.BASE_DIR / "docs" / "operating.md").read_text()
    section = guide.split(f"### {name}\n")[1].split("\n## ")[0]
    for old, new in {"/backup": str(directory), **replacements}.items():
        assert old in section, old
        section = section.replace(old, new)
    return re.findall(r"```\w+\n(.*?)```", section, re.DOTALL)


def test_a_server_is_restored_to_the_moment_before_a_mistake(directory):
    """Runs the commands of the guide."""
    directory = Path(directory)
    cluster = embedded_postgres.database(directory / "pg18", durable=False)["CLUSTER"]
    circe, data = Circe(directory, cluster), cluster.data_dir
    circe.fill()
    owner = data.owner()

    def shell(script):
        address = {"PGHOST": str(cluster.socket_dir), "PGPORT": embedded_postgres.PORT, "PGUSER": circe.superuser}
        path = f"{embedded_postgres.binaries()}:{os.environ['PATH']}"
        run(
            "bash",
            "-ec",
            f"cd {data}\n{script}\nchown -R {owner} {directory}",
            env=os.environ | address | {"PATH": path},
        )

    configuration, base_backup, _ = read_recipe("Restore to a point in time", directory)
    cluster.stop()
    shell(f"mkdir {directory}/wal {directory}/base; cat >> postgresql.conf <<END\n{configuration}END\n")
    cluster.ensure_running()
    shell(base_backup)
    with circe.serving():
        customer_id = circe.ask("POST", CUSTOMERS, {"first_name": "Jane", "phone": "+4790000001"}).json["id"]
        ((moment,),) = circe.sql("SELECT now()::text FROM pg_sleep(0.1)")
        circe.sql("SELECT pg_sleep(0.1)")
        assert circe.ask("DELETE", f"{CUSTOMERS}/{customer_id}").status == 200
        assert circe.ask("POST", CUSTOMERS, {"first_name": "Later", "phone": "+4790000002"}).status == 201
    ((segment,),) = circe.sql("SELECT pg_walfile_name(pg_switch_wal())", user=circe.superuser)
    until(lambda: (directory / "wal" / segment).exists())

    cluster.stop()
    data.rename(directory / "mistaken")
    data.mkdir(mode=0o700)
    _, _, restore = read_recipe("Restore to a point in time", directory, **{"2026-11-24 09:41:00+00": moment})
    shell(f"tar xf {directory}/base/*/base.tar.gz; tar xf {directory}/base/*/pg_wal.tar.gz -C pg_wal; {restore}")
    cluster.ensure_running()
    until(lambda: circe.sql("SELECT pg_is_in_recovery()") == [(False,)])
    with circe.serving():
        assert circe.ask("GET", "/readyz").status == 200
        assert circe.ask("GET", f"{CUSTOMERS}/{customer_id}").json["first_name"] == "Jane"
        assert circe.ask("GET", f"{CUSTOMERS}?search=Later").json["items"] == []
        assert circe.ask("DELETE", f"{CUSTOMERS}/{customer_id}").status == 200
