"""After `make run` has served a demo in a checkout, its commands work without any environment variable."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from django.conf import settings

from circe.tests.processes import run_python
from circe.tests.sources import PACKAGES

pytestmark = [
    pytest.mark.skipif("DATABASE_URL" in os.environ, reason="needs the embedded PostgreSQL"),
    pytest.mark.slow("makes a cluster, migrates it and fills it with demo data"),
    pytest.mark.xdist_group("demo_checkout"),
]


@pytest.fixture(scope="module")
def manage():
    """Makes a checkout with demo data. Returns a function: `manage("check")` gives exit code, stdout and stderr."""
    checkout = Path(tempfile.mkdtemp(prefix="circe-demo-"))
    # If we are root, the server runs as another user.
    checkout.chmod(0o755)
    # With the compiled files, else each command would take longer.
    for package in PACKAGES:
        shutil.copytree(settings.BASE_DIR / package, checkout / package)
    for file in ("manage.py", "Makefile", "requirements-demo.lock"):
        shutil.copy(settings.BASE_DIR / file, checkout)

    def call(*arguments, text="", **environment):
        environ = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | environment
        return run_python("manage.py", *arguments, directory=checkout, environment=environ, text=text)

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


@contextmanager
def make_run(checkout, port: int):
    """Starts `make run` with the packages of this process. Yields the process; ends what it left behind."""
    # The packages are there: make takes the file that says so for older than what it depends on.
    command = ["make", "run", f'PYTHON="{sys.executable}"', "--old-file=.venv/run.stamp", "MAKEFLAGS="]
    environ = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | {"PORT": str(port)}
    with subprocess.Popen(
        command, cwd=checkout, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def read_until(process, text: str) -> str:
    """Reads the output of the process up to the line with `text`."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if text in line:
            return "".join(lines)
    raise AssertionError("".join(lines))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_make_run_serves_the_demo_until_it_is_interrupted_and_leaves_nothing_behind(manage, end):
    manage("pg", "stop")
    port = free_port()
    with make_run(manage.checkout, port) as process:
        output = read_until(process, "Booting worker")
        email, password = re.search(r"(\S+@\S+) +(\S+)", output).groups()
        body = f'{{"email": "{email}", "password": "{password}"}}'.encode()
        url = f"http://127.0.0.1:{port}/api/v1/auth/login"
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as response:
            assert response.status == 200
        # As a terminal does: the signal goes to every process of the group.
        os.killpg(process.pid, end)
        rest, _ = process.communicate(timeout=60)
    assert "Traceback" not in rest
    assert manage("pg", "status")[0] == 3
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5)


def test_make_run_on_a_port_in_use_says_so_and_leaves_nothing_behind(manage):
    manage("pg", "stop")
    with socket.create_server(("0.0.0.0", 0)) as listener:
        port = listener.getsockname()[1]
        with make_run(manage.checkout, port) as process:
            output, _ = process.communicate(timeout=120)
    assert process.returncode == 2
    # The sender of mails says that it was stopped, if it had started.
    others = ("make", "ok", "error: Stopped by SIGTERM.")
    errors = [line for line in output.splitlines() if not line.startswith(others)]
    assert errors[-1] == f"error: PORT={port} can't be used: another program uses it. Set PORT to another number."
    assert "Traceback" not in output
    assert manage("pg", "status")[0] == 3


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
