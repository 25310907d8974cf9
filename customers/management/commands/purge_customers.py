"""Purges customers who were soft-deleted long ago."""

import datetime as dt
import re
from argparse import ArgumentParser, ArgumentTypeError

from django.utils import timezone

from customers.models import Customer, CustomerQuerySet, purge_all
from customers.models.imports import CustomerImport
from tenants.commands import TenantCommand
from tenants.models import IdempotencyRecord, Tenant
from tenants.scope import ALL_TENANTS, tenant_scope


class Command(TenantCommand):
    """Removes customers from every table, the audit trail included. Appointments keep their figures, without the customer.

    A customer who is restored meanwhile stays, because each batch locks its rows and reads them again.
    """

    examples = (
        "purge_customers --tenant lotus --older-than 30d --dry-run",
        "purge_customers --all-tenants --older-than 30d --yes",
    )
    help = (
        "Purges customers who were soft-deleted long ago: removes them from every table. Their appointments keep their "
        "figures, without the customer. Customers who are not deleted are never touched."
    )
    outcomes = ("purged",)
    batch_size = 200
    is_irreversible = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the option that says how long ago the customers were deleted. It has no default, so that nobody purges
        by accident.
        """
        super().add_arguments(parser)
        parser.add_argument(
            "--older-than",
            type=_parse_days,
            required=True,
            metavar="DAYS",
            help="soft-deleted more than so many days of 24 hours ago, such as 30d",
        )

    def prepare(self, tenants: list[Tenant]) -> None:
        """Asks for confirmation, with the number of customers."""
        self.before = timezone.now() - self.options["older_than"]
        with tenant_scope(ALL_TENANTS):
            number = self._rows().filter(tenant__in=tenants).count()
        whose = self.options["tenant"] or f"all {len(tenants)} businesses"
        self.confirm(
            f"To be purged: {number:,} customers of {whose}, all deleted before {self.before:%Y-%m-%d %H:%M} UTC. "
            "It can't be undone.",
            self.options["tenant"] or "all",
        )

    def work(self, tenant: Tenant) -> None:
        """Purges the customers of the tenant in the order of their ids.

        Then deletes the expired files of imports and the expired idempotency records of the tenant, since both may hold
        the customers.
        """
        rows = self._rows()
        self.in_batches(self.locked_batches(rows), self._purge, total=rows.count())
        if not self.options["dry_run"]:
            CustomerImport.objects.expired().delete()
            IdempotencyRecord.expired().delete()

    def _rows(self) -> CustomerQuerySet:
        return Customer.objects.deleted().filter(deleted_at__lt=self.before)

    def _purge(self, customers: list[Customer]) -> None:
        kept = purge_all(customers)
        for customer in customers:
            number, at = kept.get(customer.pk, 0), timezone.localtime(customer.deleted_at)
            text = f"{customer.pk} (deleted {at:%Y-%m-%d %H:%M}); appointments kept without the person: {number}"
            self.record("purged", text, id=customer.pk, deleted_at=customer.deleted_at, appointments_kept=number)


def _parse_days(text: str) -> dt.timedelta:
    if not re.fullmatch(r"[1-9][0-9]{0,4}d", text, re.ASCII):
        raise ArgumentTypeError("give a number of days, such as 30d")
    return dt.timedelta(days=int(text[:-1]))
