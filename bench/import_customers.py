"""Measures time and memory of an import, and checks that a dry run's report equals the import's.

    DEMO=1 .venv/bin/python bench/import_customers.py --tenant lotus --rows 100000

Writes a CSV file of mixed rows: with and without ids, national and international phone numbers, notes of several lines, and
some invalid rows. Imports it as a dry run, then really, then once more. Prints for each run the seconds, the seconds of
processor time (without PostgreSQL's), and the peak memory. The customers stay in the database: `manage.py seed_demo --reset`
removes them from a demo.
"""

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
HEADER = [
    "id",
    "first_name",
    "last_name",
    "email",
    "phone",
    "gender",
    "date_of_birth",
    "tags",
    "loyalty_points",
    "notes",
]
FIRST = ["Sari", "Dewi", "Budi", "Agus", "Åse", "Bjørn", "José", "Zoë", "田中", "Putri"]
LAST = ["Wijaya", "Santoso", "Ødegård", "Müller", "García", "Doe", "Lestari", ""]


def row(number: int, pick: random.Random) -> list[str]:
    """Returns a valid row."""
    return [
        f"{0x60000000 + number:08x}{number:016x}" if number % 3 else "",
        pick.choice(FIRST),
        pick.choice(LAST),
        f"c{number}@example.com",
        f"+62812{number:08}" if number % 2 else f"0812-{number:08}",
        pick.choice(["", "female", "male"]),
        pick.choice(["", "1990-01-31"]),
        pick.choice(["", "vip;regular", "new"]),
        str(number % 500),
        pick.choice(["", "", "", "=1+1", 'likes tea, "hot",\nand quiet']),
    ]


def rows(total: int, bad: float) -> Iterator[list[str]]:
    """Yields `total` rows. The share `bad` of them is invalid."""
    pick = random.Random(1)
    for number in range(total):
        cells = row(number, pick)
        if pick.random() < bad:
            column, text = pick.choice(
                [(1, ""), (3, "no address"), (3, "c0@example.com"), (4, "12"), (6, "31/01/1990")]
            )
            cells[column] = text
            # Some invalid rows also have too few cells.
            cells = cells[: pick.choice([5, 10, 10])]
        yield cells


def run(*arguments: str | Path) -> tuple[dict, str]:
    """Runs `import_customers`. Returns its JSON report, and a line with its time and memory."""
    started = time.monotonic()
    command = [sys.executable, "manage.py", "import_customers", "--json", *map(str, arguments)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    output = process.stdout.read()
    _, _, usage = os.wait4(process.pid, 0)
    report = json.loads(output)
    cpu = usage.ru_utime + usage.ru_stime
    return report, (
        f"{time.monotonic() - started:7.1f} s  {cpu:7.1f} s of CPU  {usage.ru_maxrss / 1024:6.0f} MB  {report['totals']}"
    )


def main() -> None:
    """Prints a line for each run. Exits with 1 if the report of the dry run differs from the import's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tenant", required=True)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--bad", type=float, default=0.05, help="share of invalid rows")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        file = Path(folder) / "customers.csv"
        with file.open("w", newline="", encoding="utf-8") as target:
            writer = csv.writer(target)
            writer.writerow(HEADER)
            writer.writerows(rows(options.rows, options.bad))
        print(f"{options.rows:,} rows, {file.stat().st_size / 1e6:.0f} MB")
        dry, costs = run("--tenant", options.tenant, "--dry-run", file)
        print(f"dry run  {costs}", flush=True)
        real, costs = run("--tenant", options.tenant, file)
        print(f"import   {costs}", flush=True)
        _, costs = run("--tenant", options.tenant, file)
        print(f"again    {costs}")
    same = dry | {"dry_run": False} == real
    print("The dry run's report is the import's." if same else "The dry run's report is NOT the import's.")
    sys.exit(not same)


if __name__ == "__main__":
    main()
