"""`make bench` measures how fast Circe is, compared with other ways to build the same service.

It loads demo data of the wanted size once, and serves them by Circe as in production and by the services in
`bench/yardstick`. It checks that all give the same answers, and measures them in turn. The results are medians over the
rounds; where two services are compared, medians of their ratios. The targets are meant for 1,000,000 customers.

    make bench
    make bench BENCH="--customers 5000 --seconds 0.5"

`BENCH_DATABASE_URL` names another PostgreSQL than the embedded one; its user creates databases there.
"""

import argparse
import os
import signal
import sys
from pathlib import Path

from bench.databases import ROOT, database_server
from bench.measure import Bench
from bench.report import picture
from bench.results import build_report


def main() -> None:
    """Measures, prints the report, and writes `results.md` and `results.svg`."""
    parser = argparse.ArgumentParser(
        prog="make bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--customers", type=int, default=1_000_000, help="number of customers, with five appointments each"
    )
    parser.add_argument(
        "--rounds", type=int, default=3, help="how often each service is measured, in turn with the others"
    )
    parser.add_argument("--seconds", type=float, default=3, help="seconds of each measurement")
    parser.add_argument(
        "--only", nargs="+", choices=Bench.MEASUREMENTS, default=Bench.MEASUREMENTS, help="what to measure"
    )
    parser.add_argument("--into", type=Path, help="folder of the results (default: bench/, of a smaller run var/)")
    options = parser.parse_args()
    # Both signals raise KeyboardInterrupt, so that every service that was started is stopped.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    into = options.into or ROOT / ("bench" if options.customers >= 1_000_000 else "var")
    into.mkdir(parents=True, exist_ok=True)
    try:
        with database_server() as postgres:
            bench = Bench(postgres, options.customers, options.rounds, options.seconds)
            for name in Bench.MEASUREMENTS:
                if name in options.only:
                    bench.measure(name)
            report = build_report(bench)
            (into / "results.md").write_text(report)
            (into / "results.svg").write_text(picture(bench.rates, bench.growth))
    except KeyboardInterrupt:
        print("\nInterrupted: everything that was started has ended.", file=sys.stderr)
        sys.exit(130)
    print(report)
    print(f"Written to {os.path.relpath(into)}/results.md and results.svg.")


if __name__ == "__main__":
    main()
