"""`make bench`: how fast Circe is, and beside what.

Loads demo data of the wanted size once, serves them by Circe as in production and by the yardsticks, sees that all
answer the same, and measures them in turn. What is told are medians over the rounds, of ratios where two are compared.
The targets are about 1,000,000 customers.

    make bench
    make bench BENCH="--customers 5000 --seconds 0.5"

`BENCH_DATABASE_URL` names another PostgreSQL than the embedded one; its user creates databases there.
"""

import argparse
import os
import signal
import sys
from pathlib import Path

from bench.databases import ROOT, server
from bench.measure import Bench


def main() -> None:
    """Measure, print, and write `results.md` and `results.svg`."""
    parser = argparse.ArgumentParser(
        prog="make bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=1_000_000, help="how many, with five appointments each")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured, in turn with the others")
    parser.add_argument("--seconds", type=float, default=3, help="how long each time")
    parser.add_argument("--only", nargs="+", choices=Bench.PARTS, default=Bench.PARTS, help="parts to measure")
    parser.add_argument("--into", type=Path, help="folder of the results (default: bench/, of a smaller run var/)")
    options = parser.parse_args()
    # Either way, everything that was started ends, in order.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    into = options.into or ROOT / ("bench" if options.customers >= 1_000_000 else "var")
    try:
        with server() as postgres:
            bench = Bench(postgres, options.customers, options.rounds, options.seconds)
            for part in Bench.PARTS:
                if part in options.only:
                    bench.measure(part)
            report = bench.report()
            (into / "results.md").write_text(report)
            (into / "results.svg").write_text(bench.picture())
    except KeyboardInterrupt:
        print("\nInterrupted: everything that was started has ended.", file=sys.stderr)
        sys.exit(130)
    print(report)
    print(f"Written to {os.path.relpath(into)}/results.md and results.svg.")


if __name__ == "__main__":
    main()
