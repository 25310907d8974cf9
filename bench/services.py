"""Starts the services that are measured: Circe as in production, and the two of `bench/yardstick`."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.databases import PYTHON, ROOT
from bench.load import Connection, RequestFailed, request

WORKERS = 2
START_TIMEOUT_SECONDS = 60
PASSWORD = "circe-demo"
# All services have the same keys, so that one token is valid for all. All log a line for each request, their default.
SECRETS = {"SECRET_KEY": secrets.token_hex(32), "JWT_SIGNING_KEY": secrets.token_hex(32)}
UVICORN = (sys.executable, "-m", "uvicorn", "--workers", str(WORKERS), "--loop", "uvloop", "--http", "httptools")
COMMANDS = {
    "circe": (str(PYTHON), "-m", "gunicorn", "--config", "circe/gunicorn.py"),
    "fastapi": (*UVICORN, "bench.yardstick.app:app"),
    "raw": (*UVICORN, "bench.yardstick.raw:app"),
}


class Service:
    """A running service."""

    def __init__(self, name: str, port: int, process: subprocess.Popen) -> None:
        self.name, self.port, self.process = name, port, process

    def token(self, mailbox: str) -> str:
        """Returns a new access token of lotus's `admin`, `manager` or `staff`. Only Circe can log somebody in."""
        body = json.dumps({"email": f"{mailbox}@lotus.test", "password": PASSWORD}).encode()
        return json.loads(Connection(self.port).get(request("/api/v1/auth/login", body=body)))["access"]

    def memory(self) -> float:
        """Returns the memory per worker in megabytes: that of all processes, with shared pages counted once."""
        own, total = _descendants(self.process.pid), 0
        for pid in own:
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        return total / 1024 / WORKERS


@contextmanager
def running(name: str, database_url: str) -> Iterator[Service]:
    """Starts the service `name` of COMMANDS on the database, and stops it after the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if name not in {"DEMO", "DEBUG", "LOG_LEVEL"}}
    environment |= SECRETS | {"DATABASE_URL": database_url, "PORT": str(port), "WEB_WORKERS": str(WORKERS)}
    environment |= {"ALLOWED_HOSTS": "127.0.0.1", "SECURE_SSL_REDIRECT": "false"}
    command = [*COMMANDS[name], *([] if name == "circe" else ["--port", str(port)])]
    with open(ROOT / "var" / f"bench-{name}.log", "w") as log:
        # A session of its own, so that Ctrl-C reaches this process only, which then stops the service.
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
        )
    try:
        _wait_for(name, port, process, log.name)
        yield Service(name, port, process)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_for(name: str, port: int, process: subprocess.Popen, log: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError, RequestFailed):
            Connection(port).get(request("/healthz"))
            return
        time.sleep(0.2)
    sys.exit(f"{name} did not start, see {log}.")


def processor_time(pid: int) -> float:
    """Returns the processor time of a process and its descendants, also of those that have ended, in seconds."""
    ticks = 0
    for one in _descendants(pid):
        with suppress(OSError):
            ticks += sum(map(int, Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _descendants(pid: int) -> list[int]:
    parents = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(file.parent.name)] = int(file.read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for parent in found:
        found += [child for child, its_parent in parents.items() if its_parent == parent]
    return found
