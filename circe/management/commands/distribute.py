"""Distributes the tables over the nodes of a Citus cluster."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from tqdm import tqdm

from circe.db.citus import tables
from circe.db.citus.cluster import ClusterUnusable, check_and_list_nodes, run_on_nodes
from circe.db.citus.placement import Placement, placements
from circe.db.citus.sql_files import create_objects
from circe.db.roles import as_owner


class Command(BaseCommand):
    """Does what is missing, and no more. It exits with 1 if a table does not lie where it should afterwards."""

    help = (
        "Distribute the businesses over the nodes of a Citus cluster, whose coordinator DATABASE_URL names: all rows of a "
        "business lie on one node. Run it once after `migrate`, and again after each upgrade and for each new node. It does "
        "only what is missing. While it copies rows, nobody else can read or write: stop the web servers before."
    )
    examples = ("distribute --dry-run", "distribute")

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the option --dry-run."""
        parser.add_argument("--dry-run", action="store_true", help="print what would be done, and do nothing")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        """Distributes the tables. Raises CommandError if the cluster can't be used, or is not complete afterwards."""
        self.line_prefix = "[dry run] " if dry_run else ""
        with as_owner():
            try:
                self._distribute(dry_run)
            except ClusterUnusable as error:
                raise CommandError(str(error), returncode=2) from error

    def _distribute(self, dry_run: bool) -> None:
        with connection.cursor() as cursor:
            nodes = check_and_list_nodes(cursor)
            self._check_tables(cursor)
            steps = tables.missing_node_steps(cursor)
            for what, command in steps.items():
                if not dry_run:
                    run_on_nodes(cursor, command)
                self._print(f"each node: {what}")
        if steps and not dry_run:
            # A session has the settings of the database as they were when it began.
            connection.close()
        with connection.cursor() as cursor:
            misplaced = tables.tables_to_move(cursor)
            if misplaced and not dry_run:
                with tqdm(desc="tables", total=len(misplaced), unit="", disable=None) as bar:
                    tables.move_tables(cursor, misplaced, lambda name: bar.update(1))
            for name, placement in misplaced.items():
                self._print(f"{placement}: {name}")
            if dry_run:
                self._print(self._summary(len(nodes)))
                return
            create_objects(cursor)
            tables.grant_views(cursor)
            tables.advance_sequences(cursor)
            self._report(cursor, len(nodes))

    def _check_tables(self, cursor: Any) -> None:
        if missing := tables.missing_tables(cursor):
            raise CommandError(f"Run `manage.py migrate` first: there is no table {missing[0]} yet.", returncode=2)

    def _report(self, cursor: Any, node_count: int) -> None:
        unrouted = tables.describe_misplaced_tables(cursor)
        for sentence in unrouted:
            self._print(f"not routed: {sentence}")
        if unrouted:
            raise CommandError(f"Statements on {len(unrouted)} tables would not go to one node.", returncode=1)
        self._print(self._summary(node_count))

    def _summary(self, node_count: int) -> str:
        counts = {placement: [*placements().values()].count(placement) for placement in Placement}
        return (
            f"ok: {node_count} nodes; {counts[Placement.DISTRIBUTED]} tables distributed by business, "
            f"{counts[Placement.REFERENCE]} copied to each node, {counts[Placement.LOCAL]} on the coordinator alone."
        )

    def _print(self, line: str) -> None:
        self.stdout.write(f"{self.line_prefix}{line}")
