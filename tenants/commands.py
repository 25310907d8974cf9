"""The base of operators' commands: choice of tenants, dry runs, batches, report and exit codes."""

import os
import signal
import sys
import threading
from argparse import ArgumentParser, ArgumentTypeError
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TypeVar

import orjson
from django.core.management.base import BaseCommand, CommandError, OutputWrapper
from django.db import OperationalError, models, transaction
from django.utils import timezone
from tqdm import tqdm

from tenants.audit.context import audit_context
from tenants.models import Tenant
from tenants.scope import ALL_TENANTS, tenant_scope

EXIT_SOME_REFUSED, EXIT_USAGE_ERROR = 1, 2
REFUSED = "refused"
# If no business has the slug of --tenant, the error names at most this number of businesses.
MAX_NAMED_TENANTS = 20

Batch = TypeVar("Batch", bound=Sequence[Any])


class UsageError(CommandError):
    """The command was used wrongly. Nothing was changed; the exit code is 2."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, returncode=EXIT_USAGE_ERROR)


class Stopped(Exception):
    """A signal ended the run between two batches. Finished batches are kept."""


@contextmanager
def delayed_signals(stop: Callable[[signal.Signals], None]) -> Iterator[None]:
    """Calls `stop` when SIGINT or SIGTERM arrives within the block. The block must then end by itself. A second signal
    of the same kind ends the process at once.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def receive(number: int, frame: Any) -> None:
        signal.signal(number, signal.SIG_DFL)
        stop(signal.Signals(number))

    before = {number: signal.signal(number, receive) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class TenantCommand(BaseCommand):
    """The base class of a command that works for one tenant, or for each tenant in turn.

    A subclass names its `outcomes`, adds its arguments after calling `super().add_arguments`, and implements

    - `prepare(tenants)`: reads and checks the arguments, and asks for confirmation, outside any scope. Raises UsageError.
      Optional.
    - `work(tenant)`: does the work for one tenant, in the tenant's scope and time zone, and under the command's name. All
      writes go through `self.in_batches`, and the outcome of each row is passed to `self.record`.
    - `finish()`: does what follows the last tenant. Optional.

    `self.options` are the arguments. The exit code is 0; 1 if a row had one of the `failures` or the database gave up; 2
    for wrong use; and 128 + the signal's number if a signal ended the run.
    """

    # The outcomes of a row, in the order of the summary. The outcomes in `failures` give the exit code 1.
    outcomes: tuple[str, ...] = (REFUSED,)
    failures: tuple[str, ...] = (REFUSED,)
    # The default of --batch-size, in rows of a transaction. None for a command without that option.
    batch_size: int | None = None
    # Whether what an earlier batch wrote can be a reason to refuse a row. If so, a dry run keeps all of a tenant's batches
    # in one transaction, and holds its locks to the end. If not, a dry run rolls back each batch.
    batches_are_dependent = False
    # Whether the command calls `confirm`, and so has the option --yes.
    is_irreversible = False

    options: dict[str, Any]
    tenant: Tenant | None = None
    received_signal: signal.Signals | None = None

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the options that every command has."""
        whose = parser.add_mutually_exclusive_group(required=True)
        whose.add_argument("--tenant", metavar="SLUG", help="the business to work for")
        whose.add_argument("--all-tenants", action="store_true", help="work for each business in turn")
        parser.add_argument(
            "--dry-run", action="store_true", help="do everything but commit, and print just what would change"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object instead of lines")
        if self.batch_size:
            parser.add_argument(
                "--batch-size",
                type=parse_positive_number,
                default=self.batch_size,
                metavar="N",
                help=f"rows in one transaction (default {self.batch_size})",
            )
        if self.is_irreversible:
            parser.add_argument("--yes", action="store_true", help="don't ask: this can't be undone")

    def handle(self, *args: Any, **options: Any) -> None:
        """Runs the command. Raises UsageError, and exits with the codes that the class documents."""
        self.options, stopped_by = options, None
        self.name = type(self).__module__.rpartition(".")[2]
        self.report = RunReport(
            self.name, self.outcomes, self.stdout, dry_run=options["dry_run"], as_json=options["json"]
        )
        try:
            tenants = self._tenants()
            self.prepare(tenants)
        except OperationalError as error:
            if not getattr(error.__cause__, "sqlstate", None):
                # There was no connection. manage.py says it in one line.
                raise
            raise CommandError(f"{str(error).strip()}\nNothing was changed.", returncode=EXIT_SOME_REFUSED) from error
        with delayed_signals(self._stop):
            try:
                for tenant in tenants:
                    with self.working_for(tenant):
                        self.work(tenant)
                    self._raise_if_signalled()
                self.tenant = tenants[0] if len(tenants) == 1 else None
                self.finish()
            except (Stopped, OperationalError) as end:
                stopped_by = self._report_early_end(end)
        self.report.close(stopped_by)
        if self.received_signal:
            sys.exit(128 + self.received_signal)
        if stopped_by or any(self.report.totals[outcome] for outcome in self.failures):
            sys.exit(EXIT_SOME_REFUSED)

    def prepare(self, tenants: list[Tenant]) -> None:
        """Does nothing. A command overrides it to check its arguments or to ask for confirmation."""

    def work(self, tenant: Tenant) -> None:
        """Does the work for one tenant."""
        raise NotImplementedError

    def finish(self) -> None:
        """Does nothing. A command overrides it for what follows the last tenant."""

    @contextmanager
    def working_for(self, tenant: Tenant) -> Iterator[None]:
        """Opens the tenant's scope and time zone for the block, and names the command in the audit trail."""
        self.tenant = tenant
        self.report.open(tenant.slug)
        with tenant_scope(tenant), timezone.override(tenant.zone), audit_context(command=self.name):
            yield
        self.tenant = None

    def record(self, outcome: str, text: str, /, **facts: Any) -> None:
        """Reports the outcome of a row: the line `text`, or with --json the object `facts`. Printed after the commit."""
        self.report.add(self.tenant.slug if self.tenant else None, outcome, text, facts)

    def in_batches(self, batches: Iterator[Batch], work: Callable[[Batch], None], *, total: int | None = None) -> None:
        """Passes each batch to `work`, in a transaction that begins before the batch is taken from the iterator.

        `total` is how many rows there are, for the progress bar. Raises Stopped after a batch in which a signal came.
        """
        dry_run = self.options["dry_run"]
        whole: AbstractContextManager[None] = (
            _rolled_back() if dry_run and self.batches_are_dependent else nullcontext()
        )
        each = _rolled_back if dry_run and not self.batches_are_dependent else transaction.atomic
        with whole, tqdm(desc=self.tenant.slug, total=total, unit="", disable=None) as bar:
            while True:
                with each():
                    batch = next(batches, None)
                    if batch is not None:
                        work(batch)
                if batch is None:
                    return
                with bar.external_write_mode():
                    self.report.flush()
                bar.update(len(batch))
                self._raise_if_signalled()

    def locked_batches(self, rows: models.QuerySet) -> Iterator[list[Any]]:
        """Yields batches of the rows by id. Each batch is locked and read by the transaction in which it is taken."""
        rows, size = rows.order_by("pk").select_for_update(of=("self",)), self.options["batch_size"]
        batch = list(rows[:size])
        while batch:
            yield batch
            batch = list(rows.filter(pk__gt=batch[-1].pk)[:size])

    def confirm(self, warning: str, word: str) -> None:
        """Asks the operator to type `word`, unless --yes or --dry-run is given. Raises UsageError for anything else."""
        if self.options["yes"] or self.options["dry_run"]:
            return
        if not sys.stdin.isatty():
            raise UsageError("There is no terminal to confirm it on: add --yes, or --dry-run to look first.")
        self.stderr.write(f"{warning}\nType {word} to go on: ", ending="")
        self.stderr.flush()
        try:
            typed = sys.stdin.readline().strip()
        except KeyboardInterrupt:
            typed = ""
        if typed != word:
            raise UsageError("Not confirmed: nothing was changed.")

    @tenant_scope(ALL_TENANTS)
    def _tenants(self) -> list[Tenant]:
        if self.options["all_tenants"]:
            return list(Tenant.objects.order_by("slug"))
        tenants = list(Tenant.objects.filter(slug=self.options["tenant"]))
        if not tenants:
            slugs = list(Tenant.objects.order_by("slug").values_list("slug", flat=True)[: MAX_NAMED_TENANTS + 1])
            some = ", ".join(slugs[:MAX_NAMED_TENANTS]) + (" and others" if slugs[MAX_NAMED_TENANTS:] else "")
            raise UsageError(f"No business has the slug {self.options['tenant']!r}. There are: {some or 'none yet'}.")
        return tenants

    def _stop(self, received: signal.Signals) -> None:
        self.received_signal = received
        os.write(2, b"\nStopping after this batch; once more stops at once.\n")

    def _raise_if_signalled(self) -> None:
        if self.received_signal:
            raise Stopped(f"Stopped by {self.received_signal.name}.")

    def _report_early_end(self, end: Exception) -> str:
        """Prints why the run ended early. Returns what the report calls it: the name of a signal, or "database"."""
        kept = "Nothing was changed" if self.options["dry_run"] else "The reported changes are stored"
        word = "" if self.received_signal else "error: "
        self.stderr.write(f"{word}{' '.join(str(end).split())}\n{kept}; run the command again for the rest.")
        return self.received_signal.name if self.received_signal else "database"


class RunReport:
    """Prints a run's results: a line for each row and a summary, or one JSON object whose rows are printed as they come.

    `{"command", "dry_run", "rows": [{"tenant", "outcome", …}], "tenants": [{"tenant", <outcome>: n}], "totals":
    {<outcome>: n}, "stopped_by"}`; `stopped_by` is null, a signal's name or "database".
    """

    def __init__(
        self, command: str, outcomes: tuple[str, ...], out: OutputWrapper, *, dry_run: bool, as_json: bool
    ) -> None:
        self.command, self.outcomes, self.out, self.dry_run, self.as_json = command, outcomes, out, dry_run, as_json
        self.totals: Counter[str] = Counter()
        self.by_tenant: dict[str, Counter[str]] = {}
        self._pending: list[tuple[str | None, str, str, dict[str, Any]]] = []
        self._separator = ""

    def open(self, tenant: str) -> None:
        """Adds a tenant to the summary."""
        self.by_tenant.setdefault(tenant, Counter())

    def add(self, tenant: str | None, outcome: str, text: str, facts: dict[str, Any]) -> None:
        """Adds a row, to be printed by `flush`."""
        self._pending.append((tenant, outcome, text, facts))

    def flush(self) -> None:
        """Prints and counts the added rows. Call it after they are committed."""
        rows, self._pending = self._pending, []
        for tenant, outcome, text, facts in rows:
            self.totals[outcome] += 1
            if tenant:
                self.by_tenant[tenant][outcome] += 1
            if self.as_json:
                self._write_row({"tenant": tenant, "outcome": outcome, **facts})
            else:
                self._write_line(f"{tenant or 'all tenants'}: {_readable(outcome)} {text}")
        self.out.flush()

    def close(self, stopped_by: str | None) -> None:
        """Prints the summary."""
        if not stopped_by:
            self.flush()
        if self.as_json:
            self._write_end(stopped_by)
            return
        for tenant, counts in self.by_tenant.items():
            self._write_line(f"{tenant}: {self._summary(counts)}")
        if len(self.by_tenant) != 1:
            self._write_line(f"all tenants: {self._summary(self.totals)}")
        if self.dry_run:
            self._write_line("Nothing was changed.")

    def _summary(self, counts: Counter[str]) -> str:
        return ", ".join(_count_in_words(outcome, counts[outcome]) for outcome in self.outcomes)

    def _figures(self, counts: Counter[str]) -> dict[str, int]:
        return {outcome: counts[outcome] for outcome in self.outcomes}

    def _write_line(self, line: str) -> None:
        self.out.write(f"[dry run] {line}" if self.dry_run else line)

    def _write_row(self, row: dict[str, Any]) -> None:
        beginning = self._separator or self._beginning()
        self.out.write(f"{beginning}\n{orjson.dumps(row).decode()}", ending="")
        self._separator = ","

    def _beginning(self) -> str:
        return f'{{"command": "{self.command}", "dry_run": {str(self.dry_run).lower()}, "rows": ['

    def _write_end(self, stopped_by: str | None) -> None:
        end = {
            "tenants": [{"tenant": tenant, **self._figures(counts)} for tenant, counts in self.by_tenant.items()],
            "totals": self._figures(self.totals),
            "stopped_by": stopped_by,
        }
        beginning = "" if self._separator else self._beginning()
        self.out.write(f"{beginning}\n], {orjson.dumps(end).decode()[1:]}")


def parse_positive_number(text: str) -> int:
    """Returns a whole number from 1. Raises ArgumentTypeError for anything else."""
    if not (text.isascii() and text.isdigit() and int(text)):
        raise ArgumentTypeError("give a whole number from 1")
    return int(text)


@contextmanager
def _rolled_back() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def _count_in_words(outcome: str, number: int) -> str:
    return "nobody was refused" if (outcome, number) == (REFUSED, 0) else f"{number:,} {_readable(outcome)}"


def _readable(outcome: str) -> str:
    return outcome.replace("_", " ")
