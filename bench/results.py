"""Builds the document with the results of a run."""

import os
import platform
import subprocess

from bench import load
from bench.databases import ROOT
from bench.measure import Bench
from bench.report import table
from bench.samples import TODAY
from bench.services import WORKERS


def build_report(bench: Bench) -> str:
    """Returns all results of a run as Markdown."""
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True).stdout
    with bench.server.connect() as connection:
        version = connection.info.parameter_status("server_version")
    sections = [
        "# How fast Circe is",
        f"{TODAY}, commit {commit.strip()}: {bench.customers:,} customers, of whom {bench.samples.total:,} in the tenant "
        f"measured; PostgreSQL {version}, Python {platform.python_version()}, {WORKERS} workers each, {bench.rounds} "
        f"rounds of {bench.seconds:g} s in turn; load of the machine at the end {os.getloadavg()[1]:.1f} on "
        f"{os.cpu_count()} cores. The load generator took at most {bench.busiest:.0%} of a core, and gets "
        f"{load.measure_generator().rate:,.0f} answers a second from a server that does nothing else.",
        *(() if bench.customers >= 1_000_000 else ("The targets are about 1,000,000 customers, not these.",)),
        "![Requests per second, and growth](results.svg)",
        table(["what", "ours", "the other", "ratio", "target", ""], [figure.row() for figure in bench.figures]),
    ]
    if bench.costs:
        sections += [
            "## Processor time a request, service and database together, at 16 clients",
            table(["what", "against", "ours", "the other's", "ratio", "target"], bench.costs),
        ]
    for title, head, rows in bench.tables:
        sections += [f"## {title}", table(head, rows)]
    return "\n\n".join(sections) + "\n"
