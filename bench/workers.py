"""Circe's gunicorn worker beside gunicorn's own, granian, and nginx in front of gunicorn's own.

`DEMO=1 python -m bench.workers [--seconds 5] [--rounds 3] [name …]` uses the demo of this checkout (`make run` makes it).
granian and nginx have to be installed for the names that need them; nginx has the configuration of deploy/.
docs/decisions/gunicorn-worker.md has the figures.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import repeat
from pathlib import Path

import psutil

from bench.load import Connection, RequestFailed, request, run
from bench.services import processor_time
from circe.tests.nginx import SlowClients, free_port, run_nginx

ROOT = Path(__file__).resolve().parent.parent
GUNICORN = [sys.executable, "-m", "gunicorn", "--config"]
STOCK = """
from circe.gunicorn import *
worker_class = "gthread"
"""
NAMES = ["ours", "stock", "stock+nginx", "ours+nginx", "granian"]
SLOW_CLIENTS = (100, 300)


@contextmanager
def serving(name: str, place: Path) -> Iterator[tuple[int, psutil.Process]]:
    """Gives the port and the process of the server, after it answers."""
    port = behind = free_port()
    with ExitStack() as stack:
        if name.endswith("+nginx"):
            port = stack.enter_context(run_nginx(behind)).port
        (place / "stock.py").write_text(STOCK)
        command = [*GUNICORN, "circe/gunicorn.py" if name.startswith("ours") else str(place / "stock.py")]
        if name == "granian":
            command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--workers", "2", "--port", str(behind)]
            command += ["--blocking-threads", "100", "circe.wsgi:application"]
        environment = os.environ | {"PORT": str(behind), "DEMO": "1", "PYTHONPATH": os.pathsep.join([".", *sys.path])}
        with (place / f"{name}.log").open("w") as log:
            server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        stack.callback(server.wait)
        stack.callback(server.terminate)
        for _ in range(150):
            with suppress(OSError, RequestFailed):
                Connection(port).get(request("/healthz"))
                break
            time.sleep(0.2)
        yield port, psutil.Process(server.pid)


def connections_by_worker(server: psutil.Process) -> list[int]:
    """Returns how many connections of clients each worker has open."""
    workers = [child for child in server.children() if "tracker" not in " ".join(child.cmdline())]
    return sorted(
        sum(c.status == psutil.CONN_ESTABLISHED and c.laddr.port != 5432 for c in worker.net_connections("tcp"))
        for worker in workers
    )


def measure(port: int, server: psutil.Process, message: bytes, clients: int, seconds: float) -> dict:
    shares: list[int] = []
    probe = threading.Timer(seconds / 2, lambda: shares.extend(connections_by_worker(server)))
    probe.start()
    used = processor_time(server.pid)
    load = run(port, repeat(message), clients=clients, seconds=seconds)
    probe.join()
    cost = (processor_time(server.pid) - used) / len(load.latencies)
    return {"rate": load.rate, "p99": 1000 * load.percentile(0.99), "cost": 1e6 * cost, "shares": shares}


def answers_within(port: int, seconds: float) -> dict:
    """Asks for /healthz on a new connection ten times a second. An answer that takes more than 2 seconds is lost."""
    latencies, lost, end = [], 0, time.monotonic() + seconds
    while time.monotonic() < end:
        begun = time.monotonic()
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=2) as client:
                client.sendall(request("/healthz"))
                lost += b" 200 " not in client.recv(1000)[:20]
        except OSError:
            lost += 1
        latencies.append(1000 * (time.monotonic() - begun))
        time.sleep(max(0, 0.1 - time.monotonic() + begun))
    return {"asked": len(latencies), "lost": lost, "p99": sorted(latencies)[int(0.99 * len(latencies))]}


def token(port: int) -> str:
    body = json.dumps({"email": "admin@lotus.test", "password": "circe-demo"}).encode()
    return json.loads(Connection(port).get(request("/api/v1/auth/login", body=body)))["access"]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("names", nargs="*", default=NAMES)
    chosen = parser.parse_args()
    results: dict[tuple[str, str, int], list[dict]] = {}
    with tempfile.TemporaryDirectory() as place:
        for number in range(chosen.rounds):
            for name in chosen.names:
                with serving(name, Path(place)) as (port, server):
                    list_request = request("/api/v1/customers?size=20", token(port))
                    for what, message in (("healthz", request("/healthz")), ("list", list_request)):
                        for clients in (8, 64):
                            one = measure(port, server, message, clients, chosen.seconds)
                            results.setdefault((name, what, clients), []).append(one)
                    if number == 0:
                        for slow in SLOW_CLIENTS:
                            with SlowClients(port, slow):
                                time.sleep(2)
                                first = answers_within(port, 5)
                                time.sleep(12)
                                print(name, slow, "slow clients, at once:", first, "later:", answers_within(port, 5))
    for key, rounds in results.items():
        figures = {unit: round(statistics.median(one[unit] for one in rounds), 1) for unit in ("rate", "p99", "cost")}
        print(*key, figures, *(one["shares"] for one in rounds), flush=True)


if __name__ == "__main__":
    main()
