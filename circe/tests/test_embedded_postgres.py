"""The life cycle of the embedded server, on real clusters of its own: none of these tests uses the suite's database."""

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
from circe.embedded_postgres import Cluster

# All of them in one process: its cluster is made once.
pytestmark = [
    pytest.mark.slow("makes, starts, kills and stops database servers"),
    pytest.mark.xdist_group("embedded_postgres"),
]

NOBODY = 65534
STRANGER = 54321
CAP_DAC_OVERRIDE = 1 << 1
RISKS = ("fsync", "full_page_writes", "synchronous_commit")

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@contextmanager
def a_place():
    """A directory which everyone can reach (pytest's tmp_path is closed to others)."""
    path = Path(tempfile.mkdtemp(prefix="circe-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def place():
    with a_place() as path:
        yield path


@pytest.fixture
def fresh(place):
    """A cluster that isn't made yet; stopped at the end."""
    cluster = cluster_in(place)
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def cluster():
    """A cluster that was made before, for the tests that don't mind what became of it in others."""
    with a_place() as path:
        cluster = cluster_in(path, durable=True)
        yield cluster
        cluster.stop()


def cluster_in(place: Path, durable: bool = False) -> Cluster:
    return embedded_postgres.database(place / "var" / "pg18", durable=durable)["CLUSTER"]


def sql(cluster: Cluster, statement: str, user: str = "circe"):
    """The first value that the statement gives, None where it gives no rows."""
    address = {"host": str(cluster.socket_dir), "port": embedded_postgres.PORT, "user": user, "dbname": "circe"}
    with psycopg.connect(**address) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchone()[0] if cursor.description else None


def in_other_processes(count: int, function: Callable, *arguments, uid: int | None = None) -> list:
    """What the function returns in each of `count` forked processes, which run as `uid`. Its errors come out here."""

    def become():
        if uid is not None:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)

    with ProcessPoolExecutor(count, mp_context=get_context("fork"), initializer=become) as pool:
        futures: list[Future] = [pool.submit(function, *arguments) for _ in range(count)]
        return [future.result() for future in futures]


def until(condition: Callable):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "never came true"
        time.sleep(0.005)


def status_of(pid: int) -> dict[str, str]:
    """/proc/<pid>/status; empty where there is no such process."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def alive(pid: int) -> bool:
    return status_of(pid).get("State", "Z (zombie)") != "Z (zombie)"


def family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def kill(pid: int, number: int = signal.SIGKILL):
    os.kill(pid, number)
    until(lambda: not alive(pid))


# --- coming up ------------------------------------------------------------------------------------------------------


def test_describing_the_database_touches_nothing(place):
    embedded_postgres.database(place / "var" / "pg18")
    assert list(place.iterdir()) == []


def test_four_processes_at_once_make_one_cluster_and_start_one_server(fresh):
    assert set(in_other_processes(4, fresh.ensure_running)) == {fresh.running_pid()}
    assert fresh.log.read_text().count("starting PostgreSQL") == 1
    assert sql(fresh, "SELECT current_user || current_database()") == "circecirce"
    assert stat.S_IMODE(fresh.data_dir.stat().st_mode) == 0o700


def test_the_next_use_finds_it_running_without_running_a_program(cluster, monkeypatch):
    """It is asked before each request's connection: a program would cost milliseconds, and a look at /proc costs none."""
    pid = cluster.ensure_running()
    monkeypatch.setattr(subprocess, "Popen", None)
    assert cluster.ensure_running() == pid


def test_no_network_no_superuser_and_nothing_of_the_callers_environment(fresh, monkeypatch):
    for name, value in (("LC_ALL", "POSIX"), ("PGPORT", "1"), ("PGDATA", "/nowhere"), ("TZ", "Asia/Tokyo")):
        monkeypatch.setenv(name, value)
    fresh.ensure_running()
    assert sql(fresh, "SHOW listen_addresses") == ""
    assert sql(fresh, "SELECT rolsuper FROM pg_roles WHERE rolname = 'circe'") is False
    assert sql(fresh, "SHOW timezone") == "UTC"
    # The C library's order of letters changes with its version, and breaks indexes then.
    assert sql(fresh, "SELECT datlocprovider FROM pg_database WHERE datname = 'circe'") == "b"
    assert sql(fresh, "SELECT lower('ÉŁ')") == "éł"
    sql(fresh, "CREATE EXTENSION pg_trgm")
    assert len(sql(fresh, "SELECT show_trgm('ÉŁ')")) == 3


@pytest.mark.parametrize("name", ["a b'c é", "x" * 90])
def test_any_path_will_do_and_stop_leaves_no_socket_behind(place, name):
    cluster = cluster_in(place / name)
    cluster.ensure_running()
    assert sql(cluster, "SELECT 1") == 1
    # By the way: a test cluster, and no other, gives up safety for speed.
    assert {sql(cluster, f"SHOW {name}") for name in RISKS} == {"off"}
    cluster.stop()
    assert not list(place.rglob(".s.PGSQL*"))
    assert cluster.socket_dir == cluster.data_dir or not cluster.socket_dir.exists()


def test_a_path_that_can_not_name_a_socket_gets_a_short_one(place):
    for name in ("x" * 90, "é" * 45, "a,b"):
        assert cluster_in(place / name).socket_dir.parent == Path("/tmp")


def test_the_servers_own_settings_are_safe(cluster):
    cluster.ensure_running()
    assert {sql(cluster, f"SHOW {name}") for name in RISKS} == {"on"}


def test_a_socket_directory_that_someone_else_made_is_refused(place):
    cluster = cluster_in(place / ("x" * 90))
    cluster.socket_dir.mkdir()
    cluster.socket_dir.chmod(0o777)
    try:
        with pytest.raises(OperationalError, match="is not a private directory of"):
            cluster.ensure_running()
    finally:
        cluster.socket_dir.rmdir()


# --- going down and coming back -------------------------------------------------------------------------------------


def test_stop_leaves_nothing_running_and_the_data_in_place(cluster):
    processes = family(cluster.ensure_running())
    sql(cluster, "CREATE TABLE stopped AS SELECT 42 AS answer")
    cluster.stop()
    assert len(processes) > 3
    until(lambda: not any(map(alive, processes)))
    assert cluster.running_pid() is None
    assert not list(cluster.data_dir.glob(".s.PGSQL*"))
    cluster.stop()
    cluster.ensure_running()
    assert sql(cluster, "SELECT answer FROM stopped") == 42


def test_after_kill_9_the_next_use_brings_it_back_with_the_data(cluster):
    pid = cluster.ensure_running()
    sql(cluster, "CREATE TABLE killed AS SELECT 42 AS answer")
    kill(pid)
    assert cluster.running_pid() is None
    assert cluster.ensure_running() != pid
    assert sql(cluster, "SELECT answer FROM killed") == 42


def test_a_session_that_outlives_the_killed_server_is_waited_for(cluster):
    pid = cluster.ensure_running()
    long = "SELECT count(*) FROM generate_series(1, 4000000)"
    with ThreadPoolExecutor(1) as pool:
        query = pool.submit(sql, cluster, long)
        until(lambda: sql(cluster, f"SELECT count(*) FROM pg_stat_activity WHERE query = '{long}'"))
        kill(pid)
        cluster.ensure_running()
        assert query.done()
    assert "still in use" in cluster.log.read_text()
    assert sql(cluster, "SELECT 1") == 1


def test_a_killed_servers_socket_in_the_hands_of_another_is_not_taken_for_a_server(cluster):
    old = cluster.ensure_running()
    kill(old)
    address = cluster.socket_dir / f".s.PGSQL.{embedded_postgres.PORT}"
    address.unlink()
    with ThreadPoolExecutor(1) as pool:
        with socket.socket(socket.AF_UNIX) as heir:
            heir.bind(str(address))
            heir.listen()
            found = pool.submit(cluster.ensure_running)
            heir.accept()
        assert found.result() != old
    assert sql(cluster, "SELECT 1") == 1


def beside_a_zombie(cluster: Cluster) -> tuple[int, str, int | None, int]:
    """To be run in a process of its own, which adopts the server and never collects its children, as a container's
    first process may. The old server's pid and state, what was taken for the running one, and the new one's pid."""
    pr_set_child_subreaper = 36
    ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1, 0, 0, 0)
    old = cluster.ensure_running()
    os.kill(old, signal.SIGKILL)
    until(lambda: not alive(old))
    found = cluster.running_pid()
    return old, status_of(old)["State"], found, cluster.ensure_running()


def test_a_killed_servers_zombie_is_not_taken_for_a_server(cluster):
    [(old, state, found, new)] = in_other_processes(1, beside_a_zombie, cluster)
    assert state == "Z (zombie)"
    assert found is None
    assert new != old
    assert sql(cluster, "SELECT 1") == 1


def test_another_program_that_has_the_pid_now_is_not_taken_for_a_server(cluster):
    kill(cluster.ensure_running())
    file = cluster.data_dir / "postmaster.pid"
    _, rest = file.read_text().split("\n", 1)
    file.write_text(f"{os.getpid()}\n{rest}")
    assert cluster.running_pid() is None
    cluster.ensure_running()
    assert sql(cluster, "SELECT 1") == 1


def test_a_shutdown_that_waits_for_a_client_is_hurried(cluster):
    pid = cluster.ensure_running()
    with psycopg.connect(host=str(cluster.socket_dir), user="circe", dbname="circe"):
        os.kill(pid, signal.SIGTERM)
        until(lambda: "stopping" in (cluster.data_dir / "postmaster.pid").read_text())
        assert cluster.ensure_running() != pid
    assert sql(cluster, "SELECT 1") == 1


def test_an_interrupted_initdb_is_begun_again(fresh):
    half = fresh.data_dir.with_name("pg18.new")
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    fresh.ensure_running()
    assert sql(fresh, "SELECT 1") == 1
    assert not half.exists()


def test_a_checkout_that_is_moved_while_the_server_runs_finds_it(place):
    cluster = cluster_in(place / "old")
    pid = cluster.ensure_running()
    (place / "old").rename(place / "new")
    moved = cluster_in(place / "new")
    assert moved.ensure_running() == pid
    assert sql(moved, "SELECT 1") == 1
    moved.stop()
    assert not alive(pid)


def test_a_server_that_can_not_start_says_why_with_the_end_of_its_log(cluster):
    cluster.ensure_running()
    cluster.stop()
    configuration = cluster.data_dir / "postgresql.auto.conf"
    configuration.write_text("shared_buffers = 'banana'\n")
    with pytest.raises(OperationalError, match=r'did not start(.|\n)*invalid value for parameter "shared_buffers"'):
        cluster.ensure_running()
    configuration.write_text("")


def test_a_start_that_hangs_elsewhere_is_not_waited_for_forever(fresh, monkeypatch):
    monkeypatch.setattr(embedded_postgres, "START_TIMEOUT_SECONDS", 0.1)
    with fresh.hold_lock(), pytest.raises(OperationalError, match=r"pg18\.lock was held for 0\.1 s"):
        fresh.ensure_running()


# --- whose server ---------------------------------------------------------------------------------------------------


@pytest.fixture
def open_checkout():
    """Skips where a plain user can't run the server's programs, as in a checkout below root's home."""
    program = embedded_postgres.binaries() / "postgres"
    if subprocess.run(["test", "-x", program], user=NOBODY, group=NOBODY, extra_groups=[], cwd="/").returncode:
        pytest.skip("this checkout is closed to other users")


@as_root
def test_as_root_the_server_is_an_unprivileged_users(open_checkout, cluster):
    status = status_of(cluster.ensure_running())
    assert status["Uid"].split()[0] not in {"0"}
    assert int(status["CapEff"], 16) == 0
    assert status["Groups"].split() in ([], status["Gid"].split()[:1])


@as_root
def test_below_a_directory_closed_to_that_user_it_keeps_one_capability_and_opens_nothing(place, monkeypatch):
    home = place / "home"
    home.mkdir(mode=0o700)
    programs = embedded_postgres.binaries()
    installed = programs.parents[2]
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(installed / name, home / name)
    monkeypatch.setattr(embedded_postgres, "binaries", lambda: home / programs.relative_to(installed))
    cluster = cluster_in(home)
    status = status_of(cluster.ensure_running())
    assert sql(cluster, "SELECT 1") == 1
    cluster.stop()
    assert status["Uid"].split()[0] not in {"0"}
    assert int(status["CapEff"], 16) == int(status["CapAmb"], 16) == CAP_DAC_OVERRIDE
    assert status["NoNewPrivs"] == "1"
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


@as_root
def test_a_plain_users_server_is_that_users_and_serves_root_too(open_checkout, place, fresh):
    os.chown(place, NOBODY, NOBODY)
    [pid] = in_other_processes(1, fresh.ensure_running, uid=NOBODY)
    assert fresh.ensure_running() == pid
    assert sql(fresh, "SELECT 1") == 1
    fresh.stop()
    assert status_of(fresh.ensure_running())["Uid"].split()[0] == str(NOBODY)


@as_root
def test_another_users_cluster_is_refused_in_one_sentence(cluster):
    cluster.ensure_running()
    with pytest.raises(OperationalError, match=r"pg18 belongs to \w+: run as \w+ or root, or remove it\.$"):
        in_other_processes(1, cluster.ensure_running, uid=STRANGER)


@as_root
def test_a_place_where_one_may_not_write_is_an_error_that_names_it(fresh):
    with pytest.raises(OperationalError, match=r"Permission denied: .*/var"):
        in_other_processes(1, fresh.ensure_running, uid=STRANGER)


# --- Django over it -------------------------------------------------------------------------------------------------


def manage(place: Path, database: str, *arguments: str) -> subprocess.CompletedProcess:
    """A management command in a project whose default database is what the expression says."""
    (place / "project.py").write_text(
        f"from pathlib import Path\nfrom circe import embedded_postgres\n"
        f"INSTALLED_APPS = ['circe.embedded_postgres']\nSECRET_KEY = 'x'\nDATABASES = {{'default': {database}}}\n"
    )
    path = f"{place}:{settings.BASE_DIR}"
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
            others.wait()  # so that all hold a connection of their own
        cursor.execute("SELECT pg_backend_pid()")
        backend = cursor.fetchone()[0]
    connection.close()
    return backend

with ThreadPoolExecutor(6) as pool:
    before = set(pool.map(request, [threading.Barrier(6)] * 6))
    kill(connection.settings_dict["CLUSTER"].running_pid())
    print(len(before), request() in before)
connection.close_pool()
"""


def test_a_pool_full_of_dead_connections_gives_a_living_one_at_once(place, cluster):
    """By itself it tries one after another, with 0, 1, 2, 4 … seconds in between, and gives up after 5."""
    options = "{'OPTIONS': {'pool': {'min_size': 1, 'max_size': 10, 'timeout': 5}}}"
    database = f"embedded_postgres.database(Path({str(cluster.data_dir)!r})) | {options}"
    script = f"from {__name__} import kill\n{IN_A_POOL}"
    done = manage(place, database, "shell", "--verbosity", "0", "--command", script)
    assert (done.stdout, done.stderr) == ("6 False\n", "")


def test_pg_status_stop_and_psql(place, fresh):
    database = f"embedded_postgres.database(Path({str(fresh.data_dir)!r}), durable=False)"

    stopped = manage(place, database, "pg", "status")
    assert (stopped.returncode, stopped.stderr) == (3, "")
    assert "stopped" in stopped.stdout
    assert "not made yet" in stopped.stdout
    assert not fresh.data_dir.exists()

    session = manage(place, database, "pg", "psql", "-Atc", "SELECT current_user", "--quiet")
    assert (session.returncode, session.stdout, session.stderr) == (0, "circe\n", "")
    failed = manage(place, database, "pg", "psql", "-c", "SELECT 1/0", "-v", "ON_ERROR_STOP=1")
    assert (failed.returncode, failed.stdout) == (1, "")

    running = manage(place, database, "pg", "status")
    assert running.returncode == 0
    for fact in ("PostgreSQL 18", f"pid {fresh.running_pid()}", str(fresh.data_dir), str(fresh.socket_dir), "M)"):
        assert fact in running.stdout

    assert manage(place, database, "pg", "stop", "now").returncode == 1
    assert manage(place, database, "pg", "stop").returncode == 0
    assert fresh.running_pid() is None
    assert manage(place, database, "pg", "stop").returncode == 0


def test_pg_beside_a_database_url(place, cluster, monkeypatch):
    cluster.ensure_running()
    where = f"'NAME': 'circe', 'USER': 'circe', 'HOST': {str(cluster.socket_dir)!r}, 'PORT': '5432'"
    database = f"{{'ENGINE': 'django.db.backends.postgresql', {where}}}"

    status = manage(place, database, "pg", "status")
    assert (status.returncode, status.stdout) == (
        3,
        "The embedded PostgreSQL is not in use: DATABASE_URL is set.\n",
    )
    assert manage(place, database, "pg", "stop").returncode == 0
    assert cluster.running_pid()
    monkeypatch.setenv("PATH", str(embedded_postgres.binaries()))
    assert manage(place, database, "pg", "psql", "-Atc", "SELECT 1").stdout == "1\n"
    monkeypatch.setenv("PATH", "/nowhere")
    assert "No psql was found" in manage(place, database, "pg", "psql").stderr
