"""Starts and stops of the embedded server, on clusters of its own. None of these tests uses the suite's database."""

import ctypes
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import OperationalError

from circe import embedded_postgres
from circe.embedded_postgres import EmbeddedServer

# All tests run in one process, so that the cluster is made once.
pytestmark = [
    pytest.mark.slow("makes, starts, kills and stops database servers"),
    pytest.mark.xdist_group("embedded_postgres"),
]

NOBODY = 65534
OTHER_USER = 54321
CAP_DAC_OVERRIDE = 1 << 1
DURABILITY_SETTINGS = ("fsync", "full_page_writes", "synchronous_commit")

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@contextmanager
def make_directory():
    """Makes a directory that every user can enter. (pytest's tmp_path is closed to other users.)"""
    path = Path(tempfile.mkdtemp(prefix="circe-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def directory():
    with make_directory() as path:
        yield path


@pytest.fixture
def new_cluster(directory):
    """A cluster that has not been created yet. It is stopped at the end."""
    cluster = cluster_in(directory)
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def cluster():
    """One cluster for the tests that don't depend on its state."""
    with make_directory() as path:
        cluster = cluster_in(path, durable=True)
        yield cluster
        cluster.stop()


def cluster_in(directory: Path, durable: bool = False) -> EmbeddedServer:
    return embedded_postgres.database(directory / "var" / "pg18", durable=durable)["EMBEDDED_SERVER"]


def sql(cluster: EmbeddedServer, statement: str, user: str = "circe"):
    """Executes the statement. Returns the first value, or None if it returns no rows."""
    address = {"host": str(cluster.socket_dir), "port": embedded_postgres.PORT, "user": user, "dbname": "circe"}
    with psycopg.connect(**address) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchone()[0] if cursor.description else None


def in_other_processes(count: int, function: Callable, *arguments, uid: int | None = None) -> list:
    """Calls the function in `count` forked processes as the user `uid`. Returns the results, or raises an error of one."""

    def become():
        if uid is not None:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)

    with ProcessPoolExecutor(count, mp_context=get_context("fork"), initializer=become) as pool:
        futures: list[Future] = [pool.submit(function, *arguments) for _ in range(count)]
        return [future.result() for future in futures]


def until(condition: Callable):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "never came true"
        time.sleep(0.005)


def status_of(pid: int) -> dict[str, str]:
    """Returns the entries of /proc/<pid>/status. Returns {} if there is no such process."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def is_alive(pid: int) -> bool:
    return status_of(pid).get("State", "Z (zombie)") != "Z (zombie)"


def list_processes(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def kill(pid: int, number: int = signal.SIGKILL):
    os.kill(pid, number)
    until(lambda: not is_alive(pid))


# --- start ----------------------------------------------------------------------------------------------------------


def test_database_returns_the_settings_and_writes_no_file(directory):
    embedded_postgres.database(directory / "var" / "pg18")
    assert list(directory.iterdir()) == []


def test_four_concurrent_processes_make_one_cluster_and_start_one_server(new_cluster):
    assert set(in_other_processes(4, new_cluster.ensure_running)) == {new_cluster.running_pid()}
    assert new_cluster.log.read_text().count("starting PostgreSQL") == 1
    assert sql(new_cluster, "SELECT current_user || current_database()") == "circecirce"
    assert stat.S_IMODE(new_cluster.data_dir.stat().st_mode) == 0o700


def test_a_running_server_is_recognized_without_running_a_program(cluster, monkeypatch):
    """It is checked before each connection: running a program takes milliseconds, reading /proc takes none."""
    pid = cluster.ensure_running()
    monkeypatch.setattr(subprocess, "Popen", None)
    assert cluster.ensure_running() == pid


def test_the_server_has_no_network_no_superuser_and_no_environment_of_the_caller(new_cluster, monkeypatch):
    for name, value in (("LC_ALL", "POSIX"), ("PGPORT", "1"), ("PGDATA", "/nowhere"), ("TZ", "Asia/Tokyo")):
        monkeypatch.setenv(name, value)
    new_cluster.ensure_running()
    assert sql(new_cluster, "SHOW listen_addresses") == ""
    assert sql(new_cluster, "SELECT rolsuper FROM pg_roles WHERE rolname = 'circe'") is False
    assert sql(new_cluster, "SHOW timezone") == "UTC"
    # The sort order of the C library changes with its version, which breaks indexes.
    assert sql(new_cluster, "SELECT datlocprovider FROM pg_database WHERE datname = 'circe'") == "b"
    assert sql(new_cluster, "SELECT lower('ÉŁ')") == "éł"
    sql(new_cluster, "CREATE EXTENSION pg_trgm")
    assert len(sql(new_cluster, "SELECT show_trgm('ÉŁ')")) == 3


@pytest.mark.parametrize("name", ["a b'c é", "x" * 90])
def test_a_cluster_can_have_any_path_and_stop_removes_the_socket(directory, name):
    cluster = cluster_in(directory / name)
    cluster.ensure_running()
    assert sql(cluster, "SELECT 1") == 1
    # Only a test cluster gives up durability for speed.
    assert {sql(cluster, f"SHOW {name}") for name in DURABILITY_SETTINGS} == {"off"}
    cluster.stop()
    assert not list(directory.rglob(".s.PGSQL*"))
    assert cluster.socket_dir == cluster.data_dir or not cluster.socket_dir.exists()


def test_a_path_that_can_not_be_a_socket_address_is_replaced_by_a_short_one(directory):
    for name in ("x" * 90, "é" * 45, "a,b"):
        assert cluster_in(directory / name).socket_dir.parent == Path("/tmp")


def test_the_servers_own_settings_are_safe(cluster):
    cluster.ensure_running()
    assert {sql(cluster, f"SHOW {name}") for name in DURABILITY_SETTINGS} == {"on"}


def test_a_socket_directory_of_another_user_is_refused(directory):
    cluster = cluster_in(directory / ("x" * 90))
    cluster.socket_dir.mkdir()
    cluster.socket_dir.chmod(0o777)
    try:
        with pytest.raises(OperationalError, match="is not a private directory of"):
            cluster.ensure_running()
    finally:
        cluster.socket_dir.rmdir()


# --- stop, crash and restart ----------------------------------------------------------------------------------------


def test_stop_ends_all_processes_and_keeps_the_data(cluster):
    processes = list_processes(cluster.ensure_running())
    sql(cluster, "CREATE TABLE stopped AS SELECT 42 AS answer")
    cluster.stop()
    assert len(processes) > 3
    until(lambda: not any(map(is_alive, processes)))
    assert cluster.running_pid() is None
    assert not list(cluster.data_dir.glob(".s.PGSQL*"))
    cluster.stop()
    cluster.ensure_running()
    assert sql(cluster, "SELECT answer FROM stopped") == 42


def test_after_kill_9_the_next_use_starts_the_server_with_the_data(cluster):
    pid = cluster.ensure_running()
    sql(cluster, "CREATE TABLE killed AS SELECT 42 AS answer")
    kill(pid)
    assert cluster.running_pid() is None
    assert cluster.ensure_running() != pid
    assert sql(cluster, "SELECT answer FROM killed") == 42


def test_a_restart_waits_for_a_session_that_outlives_the_killed_server(cluster):
    pid = cluster.ensure_running()
    # It takes minutes, and never looks whether the server still lives.
    long = "SELECT count(*) FROM generate_series(1, 100000) AS one, generate_series(1, 100000) AS other"
    with ThreadPoolExecutor(2) as pool:
        query = pool.submit(sql, cluster, long)
        until(lambda: sql(cluster, f"SELECT count(*) FROM pg_stat_activity WHERE query = '{long}'"))
        session = sql(cluster, f"SELECT pid FROM pg_stat_activity WHERE query = '{long}'")
        try:
            kill(pid)
            started = pool.submit(cluster.ensure_running)
            until(lambda: "still in use" in cluster.log.read_text())
            assert not started.done()
        finally:
            kill(session)
        started.result()
        assert query.exception()
    assert sql(cluster, "SELECT 1") == 1


def test_a_socket_of_another_program_is_not_taken_for_the_server(cluster):
    old = cluster.ensure_running()
    kill(old)
    address = cluster.socket_dir / f".s.PGSQL.{embedded_postgres.PORT}"
    address.unlink()
    with ThreadPoolExecutor(1) as pool:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(address))
            listener.listen()
            found = pool.submit(cluster.ensure_running)
            listener.accept()
        assert found.result() != old
    assert sql(cluster, "SELECT 1") == 1


def restart_beside_a_zombie(cluster: EmbeddedServer) -> tuple[int, str, int | None, int]:
    """Kills and restarts the server in a process that adopts it and never waits for its children.

    The first process of a container may do that. Returns the old server's pid and state, the result of `running_pid`, and
    the new server's pid.
    """
    pr_set_child_subreaper = 36
    ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1, 0, 0, 0)
    old = cluster.ensure_running()
    os.kill(old, signal.SIGKILL)
    until(lambda: not is_alive(old))
    found = cluster.running_pid()
    return old, status_of(old)["State"], found, cluster.ensure_running()


def test_the_zombie_of_a_killed_server_is_not_taken_for_the_server(cluster):
    [(old, state, found, new)] = in_other_processes(1, restart_beside_a_zombie, cluster)
    assert state == "Z (zombie)"
    assert found is None
    assert new != old
    assert sql(cluster, "SELECT 1") == 1


def test_another_program_with_the_same_pid_is_not_taken_for_the_server(cluster):
    kill(cluster.ensure_running())
    file = cluster.data_dir / "postmaster.pid"
    _, rest = file.read_text().split("\n", 1)
    file.write_text(f"{os.getpid()}\n{rest}")
    assert cluster.running_pid() is None
    cluster.ensure_running()
    assert sql(cluster, "SELECT 1") == 1


def test_a_shutdown_that_waits_for_a_client_is_made_fast(cluster):
    pid = cluster.ensure_running()
    with psycopg.connect(host=str(cluster.socket_dir), user="circe", dbname="circe"):
        os.kill(pid, signal.SIGTERM)
        until(lambda: "stopping" in (cluster.data_dir / "postmaster.pid").read_text())
        assert cluster.ensure_running() != pid
    assert sql(cluster, "SELECT 1") == 1


def test_an_interrupted_initdb_is_repeated(new_cluster):
    half = new_cluster.data_dir.with_name("pg18.new")
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    new_cluster.ensure_running()
    assert sql(new_cluster, "SELECT 1") == 1
    assert not half.exists()


def test_a_checkout_that_is_moved_while_the_server_runs_still_finds_the_server(directory):
    cluster = cluster_in(directory / "old")
    pid = cluster.ensure_running()
    (directory / "old").rename(directory / "new")
    moved = cluster_in(directory / "new")
    assert moved.ensure_running() == pid
    assert sql(moved, "SELECT 1") == 1
    moved.stop()
    assert not is_alive(pid)


def test_the_error_of_a_failed_start_has_the_end_of_the_log(cluster):
    cluster.ensure_running()
    cluster.stop()
    configuration = cluster.data_dir / "postgresql.auto.conf"
    configuration.write_text("shared_buffers = 'banana'\n")
    with pytest.raises(OperationalError, match=r'did not start(.|\n)*invalid value for parameter "shared_buffers"'):
        cluster.ensure_running()
    configuration.write_text("")


def test_the_wait_for_another_process_that_starts_the_server_has_a_timeout(new_cluster, monkeypatch):
    monkeypatch.setattr(embedded_postgres, "START_TIMEOUT_SECONDS", 0.1)
    with new_cluster.hold_lock(), pytest.raises(OperationalError, match=r"pg18\.lock was held for 0\.1 s"):
        new_cluster.ensure_running()


# --- the user of the server -----------------------------------------------------------------------------------------


@pytest.fixture
def open_checkout():
    """Skips the test if other users can't run the server's programs, as in a checkout below root's home."""
    program = embedded_postgres.programs_directory() / "postgres"
    if subprocess.run(["test", "-x", program], user=NOBODY, group=NOBODY, extra_groups=[], cwd="/").returncode:
        pytest.skip("this checkout is closed to other users")


@as_root
def test_as_root_the_server_runs_as_an_unprivileged_user(open_checkout, cluster):
    status = status_of(cluster.ensure_running())
    assert status["Uid"].split()[0] not in {"0"}
    assert int(status["CapEff"], 16) == 0
    assert status["Groups"].split() in ([], status["Gid"].split()[:1])


@as_root
def test_below_a_closed_directory_the_server_has_one_capability_and_no_mode_changes(directory, monkeypatch):
    home = directory / "home"
    home.mkdir(mode=0o700)
    programs = embedded_postgres.programs_directory()
    installed = programs.parents[2]
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(installed / name, home / name)
    monkeypatch.setattr(embedded_postgres, "programs_directory", lambda: home / programs.relative_to(installed))
    cluster = cluster_in(home)
    status = status_of(cluster.ensure_running())
    assert sql(cluster, "SELECT 1") == 1
    cluster.stop()
    assert status["Uid"].split()[0] not in {"0"}
    assert int(status["CapEff"], 16) == int(status["CapAmb"], 16) == CAP_DAC_OVERRIDE
    assert status["NoNewPrivs"] == "1"
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


@as_root
def test_the_server_of_a_plain_user_runs_as_that_user_and_serves_root_too(open_checkout, directory, new_cluster):
    os.chown(directory, NOBODY, NOBODY)
    [pid] = in_other_processes(1, new_cluster.ensure_running, uid=NOBODY)
    assert new_cluster.ensure_running() == pid
    assert sql(new_cluster, "SELECT 1") == 1
    new_cluster.stop()
    assert status_of(new_cluster.ensure_running())["Uid"].split()[0] == str(NOBODY)


@as_root
def test_the_error_for_another_users_cluster_is_one_sentence(cluster):
    cluster.ensure_running()
    with pytest.raises(OperationalError, match=r"pg18 belongs to \w+: run as \w+ or root, or remove it\.$"):
        in_other_processes(1, cluster.ensure_running, uid=OTHER_USER)


@as_root
def test_the_error_for_a_directory_without_write_permission_names_it(new_cluster):
    with pytest.raises(OperationalError, match=r"Permission denied: .*/var"):
        in_other_processes(1, new_cluster.ensure_running, uid=OTHER_USER)


# --- Django with the server-------------------------------------------------------------------------------------------


def manage(directory: Path, database: str, *arguments: str) -> subprocess.CompletedProcess:
    """Runs a management command in a project whose default database is the value of the expression."""
    (directory / "project.py").write_text(
        f"from pathlib import Path\nfrom circe import embedded_postgres\n"
        f"INSTALLED_APPS = ['circe.embedded_postgres']\nSECRET_KEY = 'x'\nDATABASES = {{'default': {database}}}\n"
    )
    path = f"{directory}:{settings.BASE_DIR}"
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "project", "PYTHONPATH": path, "PYTHONWARNINGS": "error"}
    command = [sys.executable, "-m", "django", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


IN_A_POOL = """
import threading
from concurrent.futures import ThreadPoolExecutor
from django.db import connection

def request(others=None):
    with connection.cursor() as cursor:
        if others:
            others.wait()  # so that each thread has a connection of its own
        cursor.execute("SELECT pg_backend_pid()")
        backend = cursor.fetchone()[0]
    connection.close()
    return backend

with ThreadPoolExecutor(6) as pool:
    before = set(pool.map(request, [threading.Barrier(6)] * 6))
    kill(connection.settings_dict["EMBEDDED_SERVER"].running_pid())
    print(len(before), request() in before)
connection.close_pool()
"""


def test_a_pool_of_dead_connections_is_replaced_at_once(directory, cluster):
    """psycopg's own pool would try one after another, with pauses of 0, 1, 2, 4 … seconds, and fail after 5 seconds."""
    options = "{'OPTIONS': {'pool': {'min_size': 1, 'max_size': 10, 'timeout': 5}}}"
    database = f"embedded_postgres.database(Path({str(cluster.data_dir)!r})) | {options}"
    script = f"from {__name__} import kill\n{IN_A_POOL}"
    done = manage(directory, database, "shell", "--verbosity", "0", "--command", script)
    assert (done.stdout, done.stderr) == ("6 False\n", "")


def test_pg_status_stop_and_psql(directory, new_cluster):
    database = f"embedded_postgres.database(Path({str(new_cluster.data_dir)!r}), durable=False)"

    stopped = manage(directory, database, "pg", "status")
    assert (stopped.returncode, stopped.stderr) == (3, "")
    assert "stopped" in stopped.stdout
    assert "not made yet" in stopped.stdout
    assert not new_cluster.data_dir.exists()

    session = manage(directory, database, "pg", "psql", "-Atc", "SELECT current_user", "--quiet")
    assert (session.returncode, session.stdout, session.stderr) == (0, "circe\n", "")
    failed = manage(directory, database, "pg", "psql", "-c", "SELECT 1/0", "-v", "ON_ERROR_STOP=1")
    assert (failed.returncode, failed.stdout) == (1, "")

    running = manage(directory, database, "pg", "status")
    assert running.returncode == 0
    for fact in (
        "PostgreSQL 18",
        f"pid {new_cluster.running_pid()}",
        str(new_cluster.data_dir),
        str(new_cluster.socket_dir),
        "M)",
    ):
        assert fact in running.stdout

    assert manage(directory, database, "pg", "stop", "now").returncode == 1
    assert manage(directory, database, "pg", "stop").returncode == 0
    assert new_cluster.running_pid() is None
    assert manage(directory, database, "pg", "stop").returncode == 0


def test_the_command_pg_with_a_database_url(directory, cluster, monkeypatch):
    cluster.ensure_running()
    address = f"'NAME': 'circe', 'USER': 'circe', 'HOST': {str(cluster.socket_dir)!r}, 'PORT': '5432'"
    database = f"{{'ENGINE': 'django.db.backends.postgresql', {address}}}"

    status = manage(directory, database, "pg", "status")
    assert (status.returncode, status.stdout) == (
        3,
        "The embedded PostgreSQL is not in use: DATABASE_URL is set.\n",
    )
    assert manage(directory, database, "pg", "stop").returncode == 0
    assert cluster.running_pid()
    monkeypatch.setenv("PATH", str(embedded_postgres.programs_directory()))
    assert manage(directory, database, "pg", "psql", "-Atc", "SELECT 1").stdout == "1\n"
    monkeypatch.setenv("PATH", "/nowhere")
    assert "No psql was found" in manage(directory, database, "pg", "psql").stderr
