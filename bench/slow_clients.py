"""Compares the 95th percentile of the latency of clients with and without 200 others that send a byte a second.

`DEMO=1 python -m bench.slow_clients [--slow 200] [--clients 8] [--seconds 1] [--rounds 40] [name …]` uses the demo of this
checkout (`make run` makes it) and the names of bench.workers. It measures in turn with and without slow clients, and prints
the median of the ratios of each two measurements, since other work on the machine comes and goes.
docs/decisions/gunicorn-worker.md has the figures.
"""

import argparse
import statistics
import tempfile
from itertools import repeat
from pathlib import Path

from bench.load import RequestFailed, request, run
from bench.workers import serving, token
from circe.tests.nginx import SlowClients

NAMES = ["ours+nginx", "stock+nginx", "ours"]


def measure_p95(port: int, message: bytes, clients: int, seconds: float) -> float:
    """Returns the 95th percentile in milliseconds. It is infinite if a request fails."""
    try:
        return 1000 * run(port, repeat(message), clients=clients, seconds=seconds).percentile(0.95)
    except (OSError, RequestFailed):
        return float("inf")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--slow", type=int, default=200)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("names", nargs="*", default=NAMES)
    chosen = parser.parse_args()
    for name in chosen.names:
        with tempfile.TemporaryDirectory() as place, serving(name, Path(place)) as (port, _):
            message = request("/api/v1/customers?size=20", token(port))
            measure_p95(port, message, chosen.clients, chosen.seconds)
            quiet, slow = [], []
            for _ in range(chosen.rounds):
                quiet.append(measure_p95(port, message, chosen.clients, chosen.seconds))
                with SlowClients(port, chosen.slow):
                    slow.append(measure_p95(port, message, chosen.clients, chosen.seconds))
        ratio = statistics.median(after / before for before, after in zip(quiet, slow, strict=True))
        middle = statistics.median(quiet), statistics.median(slow)
        print(f"{name}: p95 {middle[0]:.1f} ms, with slow clients {middle[1]:.1f} ms, ratio {ratio:.2f}", flush=True)


if __name__ == "__main__":
    main()
