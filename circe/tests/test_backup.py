"""The two restores of the operating guide: of a dump into a new server, and of a server to a point in time."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from appointments.tests.factories import AppointmentFactory
from circe import embedded_postgres
from circe.tests.chaos import CUSTOMERS, Circe, until
from circe.tests.processes import run_python
from customers.models import Customer
from customers.tests.factories import CustomerFactory
from tenants.scope import tenant_scope
from tenants.tests.factories import PASSWORD, UserFactory

pytestmark = [
    pytest.mark.slow("makes a second server and restores into it"),
    pytest.mark.skipif("DATABASE_URL" in os.environ, reason="needs the programs of the embedded PostgreSQL"),
]

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
        embedded_postgres.database(Path(path) / "pg18", durable=False)["EMBEDDED_SERVER"].stop()


# Settings of a database that is not the one of `circe.tests.settings`.
SETTINGS = """
from circe.settings import *
from circe import embedded_postgres
from pathlib import Path
DATABASES["default"] |= embedded_postgres.database(Path({data_dir!r}), durable=False) | {{"NAME": {name!r}}}
ALLOWED_HOSTS = ["testserver"]
"""


@pytest.fixture
def manage(directory):
    """Returns a function that runs a command on the test database ("source") or on a new server ("target")."""
    source = connection.settings_dict
    for name, data_dir, database in (
        ("source", str(source["EMBEDDED_SERVER"].data_dir), source["NAME"]),
        ("target", f"{directory}/pg18", "circe"),
    ):
        (Path(directory) / f"{name}.py").write_text(SETTINGS.format(data_dir=data_dir, name=database))

    def call(database, *arguments, **environment):
        environment = os.environ | environment_of(directory, database) | environment
        return run_python("manage.py", *arguments, directory=settings.BASE_DIR, environment=environment)

    return call


def environment_of(directory, database):
    return {"DJANGO_SETTINGS_MODULE": database, "PYTHONPATH": f"{directory}:{settings.BASE_DIR}", "DEMO": "1"}


def query(directory, database, statement):
    data_dir = (
        connection.settings_dict["EMBEDDED_SERVER"].data_dir if database == "source" else Path(directory) / "pg18"
    )
    cluster = embedded_postgres.database(data_dir)["EMBEDDED_SERVER"]
    address = {"host": str(cluster.socket_dir), "port": embedded_postgres.PORT, "user": "circe", "dbname": "circe"}
    address |= {"dbname": connection.settings_dict["NAME"]} if database == "source" else {}
    with psycopg.connect(**address) as session:
        return session.execute(statement).fetchall()


PRIVILEGES = """
SELECT relname, relacl::text, relrowsecurity, relforcerowsecurity, pg_get_userbyid(relowner)
FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'S') ORDER BY 1
"""
DEFAULT_PRIVILEGES = "SELECT defaclobjtype, defaclacl::text FROM pg_default_acl ORDER BY 1"
FUNCTIONS = """
SELECT proname, prosecdef, proacl::text, pg_get_userbyid(proowner) FROM pg_proc
WHERE pronamespace = 'public'::regnamespace AND proname LIKE 'circe%' ORDER BY 1, 2, 3
"""


@pytest.mark.django_db(transaction=True)
def test_circe_works_on_a_backup_that_was_restored_into_a_new_server(directory, manage, tenant):
    admin = UserFactory(tenant=tenant, role="tenant_admin")
    jane = CustomerFactory(tenant=tenant, first_name="Quetzalcoatl", last_name="Doe")
    with tenant_scope(tenant):
        Customer.objects.get().change({"last_name": "Roe"})
    AppointmentFactory(tenant=tenant, customer=jane)
    file = Path(directory) / "circe.dump"

    code, output, errors = manage("source", "backup", str(file))
    assert (code, errors) == (0, "")
    assert re.fullmatch(rf"ok: {file} holds \d+ tables with [\d,]+ rows \(.+ s\)\.\n", output)
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in Path(directory).iterdir() if "circe.dump" in path.name) == ["circe.dump"]
    assert manage("source", "backup", str(file)) == (
        2,
        "",
        f"error: {file} exists already: name another file, or remove it.\n",
    )

    code, output, errors = manage("target", "restore", str(file))
    assert (code, errors) == (0, "")
    assert output.startswith("ok: ")
    for statement in (PRIVILEGES, DEFAULT_PRIVILEGES, FUNCTIONS):
        assert query(directory, "target", statement) == query(directory, "source", statement)
    smoke = SMOKE.format(email=admin.email, password=PASSWORD)
    environment = os.environ | environment_of(directory, "target")
    smoked = run_python("-c", smoke, directory=settings.BASE_DIR, environment=environment)
    assert smoked[:2] == (0, "complete\n"), smoked[2]

    # The smoke test has added a customer, which is gone afterwards.
    code, output, errors = manage("target", "restore", str(file))
    assert (code, output) == (2, "")
    assert errors.startswith("error: The database is not empty: it has ")
    assert len(query(directory, "target", "SELECT 1 FROM customers_customer")) == 2
    damaged = Path(directory) / "damaged.dump"
    damaged.write_bytes(file.read_bytes()[:-100])
    code, output, errors = manage("target", "restore", str(damaged), "--replace")
    assert (code, output) == (1, "")
    assert errors.startswith(f"error: {damaged} is damaged: ")
    assert len(query(directory, "target", "SELECT 1 FROM customers_customer")) == 2
    assert manage("target", "restore", str(file), "--replace")[0] == 0
    assert len(query(directory, "target", "SELECT 1 FROM customers_customer")) == 1
    assert query(directory, "target", PRIVILEGES) == query(directory, "source", PRIVILEGES)


@pytest.mark.django_db(transaction=True)
def test_a_restore_that_fails_changes_nothing(directory, manage, tenant):
    """A table that the file does not have refers to one that it has; so nothing can be dropped without it."""
    file = Path(directory) / "circe.dump"
    assert manage("source", "backup", str(file))[0] == 0
    manage("target", "pg", "psql", "--command", "CREATE TABLE other AS SELECT 42 AS answer")
    broken = Path(directory) / "broken"
    broken.mkdir()
    # A pg_restore that ends with an error, after it printed all.
    for name in ("pg_dump", "psql"):
        (broken / name).symlink_to(embedded_postgres.programs_directory() / name)
    (broken / "pg_restore").write_text(
        f'#!/bin/sh\n{embedded_postgres.programs_directory()}/pg_restore "$@"\ncase "$*" in *--use-list*) exit 1;; esac\n'
    )
    (broken / "pg_restore").chmod(0o755)
    target = embedded_postgres.database(Path(directory) / "pg18")
    address = f"postgres://circe@/circe?host={target['HOST']}&port={target['PORT']}"
    production = dict.fromkeys(("SECRET_KEY", "JWT_SIGNING_KEY"), "x" * 50) | {"DATABASE_URL": address}
    production |= {"DJANGO_SETTINGS_MODULE": "circe.settings", "DEMO": "0", "PATH": f"{broken}:{os.environ['PATH']}"}
    code, output, errors = manage("target", "restore", str(file), "--replace", **production)
    assert (code, output) == (1, "")
    # The program that was replaced says nothing.
    assert errors == "error: Nothing was changed, since the restore failed:\n"
    assert query(directory, "target", "SELECT answer FROM other") == [(42,)]
    assert query(directory, "target", "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(1,)]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("programs", "beginning"),
    [
        ({}, "No pg_dump was found in PATH: install PostgreSQL's client programs"),
        ({"pg_dump": "(PostgreSQL) 14.1"}, "pg_dump is of PostgreSQL 14, and too old for the server's "),
    ],
)
def test_programs_that_are_missing_or_too_old_are_named(directory, manage, programs, beginning):
    for name, version in programs.items():
        (Path(directory) / name).write_text(f"#!/bin/sh\necho 'pg_dump {version}'\n")
        (Path(directory) / name).chmod(0o755)
    source = connection.settings_dict
    address = f"postgres://{source['USER']}@/{source['NAME']}?host={source['HOST']}&port={source['PORT']}"
    environment = {"DATABASE_URL": address, "PATH": directory, "DJANGO_SETTINGS_MODULE": "circe.settings"}
    code, output, errors = manage("source", "backup", f"{directory}/circe.dump", **environment)
    assert (code, output) == (2, "")
    assert beginning in errors
    assert len(errors.splitlines()) == 1


# As PostgreSQL's programs do: they write English only in the locale C.
FAILING_PG_DUMP = """#!/bin/sh
[ "$1" = --version ] && echo "pg_dump (PostgreSQL) 99" && exit
[ "$LC_ALL" = C ] && echo "pg_dump: error: it is broken" >&2 || echo "pg_dump: Fehler: kaputt" >&2
exit 1
"""


@pytest.mark.django_db
def test_why_pg_dump_failed_is_told_whatever_the_language_of_the_machine(directory, manage):
    (Path(directory) / "pg_dump").write_text(FAILING_PG_DUMP)
    (Path(directory) / "pg_dump").chmod(0o755)
    for name in ("pg_restore", "psql"):
        (Path(directory) / name).symlink_to(embedded_postgres.programs_directory() / name)
    source = connection.settings_dict
    address = f"postgres://{source['USER']}@/{source['NAME']}?host={source['HOST']}&port={source['PORT']}"
    environment = {"DATABASE_URL": address, "PATH": directory, "DJANGO_SETTINGS_MODULE": "circe.settings"}
    code, output, errors = manage("source", "backup", f"{directory}/circe.dump", LC_ALL="de_DE.UTF-8", **environment)
    assert (code, output, errors) == (1, "", "error: pg_dump failed: pg_dump: error: it is broken\n")
    assert not list(Path(directory).glob("*circe.dump*"))


# Writes a part of the file, and then waits as for a large table.
WAITING_PG_DUMP = """#!/bin/sh
[ "$1" = --version ] && echo "pg_dump (PostgreSQL) 99" && exit
for option; do case "$option" in --file=*) echo "Jane Doe" > "${option#--file=}" ;; esac; done
echo $$ > "$STARTED.new" && mv "$STARTED.new" "$STARTED"
exec /bin/sleep 60
"""


@pytest.mark.django_db
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_backup_that_is_stopped_leaves_no_file_and_no_program(directory, number):
    (Path(directory) / "pg_dump").write_text(WAITING_PG_DUMP)
    (Path(directory) / "pg_dump").chmod(0o755)
    for name in ("pg_restore", "psql", "mv"):
        folder = Path("/bin") if name == "mv" else embedded_postgres.programs_directory()
        (Path(directory) / name).symlink_to(folder / name)
    source, started = connection.settings_dict, Path(directory) / "started"
    environment = os.environ | {
        "DATABASE_URL": f"postgres://{source['USER']}@/{source['NAME']}?host={source['HOST']}&port={source['PORT']}",
        "PATH": directory,
        "DEMO": "1",
        "DJANGO_SETTINGS_MODULE": "circe.settings",
        "STARTED": str(started),
    }
    command = [sys.executable, "manage.py", "backup", f"{directory}/circe.dump"]
    options = {"env": environment, "cwd": settings.BASE_DIR, "stderr": subprocess.PIPE, "text": True}

    def stop_at_signals():
        """Undoes what a suite inherits that was started by `nohup` or in the background: such a command ignores signals."""
        signal.signal(number, signal.SIG_DFL)

    with subprocess.Popen(command, preexec_fn=stop_at_signals, **options) as backup:
        until(started.exists)
        backup.send_signal(number)
        _, errors = backup.communicate(timeout=120)
    assert (backup.returncode, errors.count("\n")) == (128 + number, 1)
    assert not list(Path(directory).glob("*circe.dump*"))
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("backup", "{}/none/circe.dump"), "{}/none is no directory: make it, or name another."),
        (("backup", "{}/new.dump"), "The database does not have the tables of Circe: there is nothing to back up."),
        (("restore", "{}/none.dump"), "{}/none.dump is no file: name one that `backup` wrote."),
        (("restore", "{}/target.py"), "{}/target.py is no backup: "),
    ],
)
def test_wrong_use_is_told_and_leaves_no_file(directory, manage, arguments, error):
    before = sorted(Path(directory).glob("*.*"))
    code, output, errors = manage("target", *(argument.format(directory) for argument in arguments))
    assert (code, output) == (2, "")
    assert errors.startswith(f"error: {error.format(directory)}")
    assert {*Path(directory).glob("*.*")} - {*before} <= {Path(directory) / "pg18.log", Path(directory) / "pg18.lock"}


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
    cluster = embedded_postgres.database(directory / "pg18", durable=False)["EMBEDDED_SERVER"]
    circe, data = Circe(directory, cluster), cluster.data_dir
    circe.start_filled()
    owner = data.owner()

    def shell(script):
        address = {"PGHOST": str(cluster.socket_dir), "PGPORT": embedded_postgres.PORT, "PGUSER": circe.superuser}
        path = f"{embedded_postgres.programs_directory()}:{os.environ['PATH']}"
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
