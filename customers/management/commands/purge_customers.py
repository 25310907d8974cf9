"""Remove for good who was soft-deleted long ago."""

import datetime as dt
import re
from argparse import ArgumentParser, ArgumentTypeError

from django.utils import timezone

from customers.models import Customer, CustomerQuerySet, purge_all
from customers.models.imports import CustomerImport
from tenants.commands import TenantCommand
from tenants.models import Tenant
from tenants.scope import ALL_TENANTS, tenant_scope


class Command(TenantCommand):
    """The person goes from every table, the audit trail included; appointments keep their figures, tied to nobody.

    Whoever is restored in the meantime stays: each batch locks and looks again.
    """

    help = (
        "Remove for good the customers who were soft-deleted long ago. Their appointments keep their figures, tied to "
        "nobody. Customers who are not deleted are never touched."
    )
    outcomes = ("purged",)
    batch_size = 200
    irreversible = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How long ago; there is no default, so that nobody purges by accident."""
        super().add_arguments(parser)
        parser.add_argument(
            "--older-than",
            type=_days,
            required=True,
            metavar="DAYS",
            help="soft-deleted more than so many days of 24 hours ago, such as 30d",
        )

    def prepare(self, tenants: list[Tenant]) -> None:
        """Ask, with the number."""
        self.before = timezone.now() - self.options["older_than"]
        with tenant_scope(ALL_TENANTS):
            number = self._rows().filter(tenant__in=tenants).count()
        whose = self.options["tenant"] or f"all {len(tenants)} businesses"
        self.confirm(
            f"To be removed for good: {number:,} customers of {whose}, all deleted before {self.before:%Y-%m-%d %H:%M} UTC. "
            "It can't be undone.",
            self.options["tenant"] or "all",
        )

    def work(self, tenant: Tenant) -> None:
        """In the order of their ids."""
        rows = self._rows()
        self.in_batches(self.locked(rows), self._purge, total=rows.count())

    def finish(self) -> None:
        """Files that were uploaded for an import, and were to be kept for a day, go with them."""
        if not self.options["dry_run"]:
            with tenant_scope(ALL_TENANTS):
                CustomerImport.objects.expired().delete()

    def _rows(self) -> CustomerQuerySet:
        return Customer.objects.deleted().filter(deleted_at__lt=self.before)

    def _purge(self, customers: list[Customer]) -> None:
        kept = purge_all(customers)
        for customer in customers:
            number, at = kept.get(customer.pk, 0), timezone.localtime(customer.deleted_at)
            text = f"{customer.pk} (deleted {at:%Y-%m-%d %H:%M}); appointments kept without the person: {number}"
            self.record("purged", text, id=customer.pk, deleted_at=customer.deleted_at, appointments_kept=number)


def _days(text: str) -> dt.timedelta:
    if not re.fullmatch(r"[1-9][0-9]{0,4}d", text, re.ASCII):
        raise ArgumentTypeError("give a number of days, such as 30d")
    return dt.timedelta(days=int(text[:-1]))
