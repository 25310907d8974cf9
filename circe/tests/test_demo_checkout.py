"""After `make run` has served a demo in a checkout, its commands work without any environment variable."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from django.conf import settings

pytestmark = [
    pytest.mark.skipif("DATABASE_URL" in os.environ, reason="needs the embedded PostgreSQL"),
    pytest.mark.slow("makes a cluster, migrates it and fills it with demo data"),
    pytest.mark.xdist_group("demo_checkout"),
]
PACKAGES = ("circe", "tenants", "customers", "appointments", "analytics")


@pytest.fixture(scope="module")
def manage():
    """Makes a checkout with demo data. Returns a function: `manage("check")` gives exit code, stdout and stderr."""
    checkout = Path(tempfile.mkdtemp(prefix="circe-demo-"))
    # If we are root, the server runs as another user.
    checkout.chmod(0o755)
    # With the compiled files, else each command would take longer.
    for package in PACKAGES:
        shutil.copytree(settings.BASE_DIR / package, checkout / package)
    shutil.copy(settings.BASE_DIR / "manage.py", checkout)

    def call(*arguments, text=None, **environment):
        environ = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | environment
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(
            command, cwd=checkout, env=environ, input=text, capture_output=True, text=True, timeout=300
        )
        return done.returncode, done.stdout, done.stderr

    call.checkout = checkout
    try:
        # `make run` does the same.
        for command in (("migrate", "--verbosity", "0"), ("seed_demo", "--customers", "20", "--appointments", "40")):
            assert call(*command, DEMO="1")[0] == 0
        (checkout / "var" / "demo").touch()
        yield call
    finally:
        call("pg", "stop", DEMO="1")
        shutil.rmtree(checkout)


def test_a_command_shows_its_help(manage):
    code, out, err = manage("restore_customers", "--help")
    assert (code, err) == (0, "")
    assert out.startswith("Examples:\n  manage.py restore_customers ")


def test_a_command_works_on_the_demo_data(manage):
    code, out, err = manage("purge_customers", "--tenant", "lotus", "--older-than", "9999d", "--dry-run")
    assert (code, err) == (0, "")
    assert out.endswith("[dry run] Nothing was changed.\n")


def test_a_command_starts_the_server_after_a_stop(manage):
    assert manage("check_totals", "--tenant", "lotus")[0] == 0
    code, out, err = manage("pg", "stop")
    assert (code, err) == (0, "")
    assert re.fullmatch(r"ok: PostgreSQL was stopped \(pid \d+\)\.\n", out)
    assert manage("pg", "status")[0] == 3
    assert manage("pg", "stop") == (0, "ok: PostgreSQL was not running.\n", "")
    assert manage("check_totals", "--all-tenants")[0] == 0
    assert manage("pg", "status")[0] == 0


def test_stop_names_a_server_of_circe_that_still_runs(manage):
    sleep = [sys.executable, "-c", "import time; time.sleep(60)", "-m", "gunicorn"]
    with subprocess.Popen(sleep, cwd=manage.checkout) as server:
        try:
            code, out, err = manage("pg", "stop")
        finally:
            server.kill()
    assert (code, err) == (0, "")
    assert f"Still running: Circe's server (gunicorn, pid {server.pid})." in out


def test_the_shell_runs_in_the_scope_of_a_tenant(manage):
    code, out, err = manage("shell", "--tenant", "lotus", "--verbosity", "0", text="print(Customer.objects.count())\n")
    assert (code, out, err) == (0, "10\n", "")
    assert "NoTenantScope" in manage("shell", "--verbosity", "0", text="print(Customer.objects.count())\n")[2]
    assert manage("shell", "--tenant", "nobody", text="1\n") == (2, "", "error: There is no tenant nobody.\n")
