"""Restores soft-deleted customers."""

from argparse import ArgumentParser, ArgumentTypeError

from django.contrib.postgres.aggregates import ArrayAgg
from django.core.exceptions import ValidationError
from django.db.models import Count, Q
from django.utils import timezone

from circe.api.parameters import first_instant, is_reversed, last_instant, to_day_or_instant
from circe.db.ids import is_id
from customers.command_arguments import email_argument, id_argument
from customers.contact_conflicts import CONTACT_LABELS, DuplicateCustomer
from customers.models import Customer, CustomerQuerySet, restore_all
from tenants.commands import REFUSED, TenantCommand, UsageError
from tenants.models import Tenant, User
from tenants.scope import ALL_TENANTS, tenant_scope


class Command(TenantCommand):
    """Restores customers by id, by e-mail address, or by who deleted them.

    It refuses a customer whose e-mail or phone another customer has by now, an id or address that no customer has, and an
    address that several deleted customers have. A customer who is not deleted stays as they are. This does not count as
    a refusal.
    """

    examples = (
        "restore_customers --tenant lotus --deleted-by rina@lotus.test --from 2026-11-24 --dry-run",
        "restore_customers --tenant lotus --email jane@example.com",
    )
    help = (
        "Restores soft-deleted customers as they were: some by id or e-mail address, or all that one user deleted. "
        "If another customer has the e-mail or the phone by now, nothing is overwritten."
    )
    outcomes = ("restored", "not_deleted", REFUSED)
    batch_size = 200
    # If two deleted customers have one e-mail address, only the first is restored, and the second may be in a later
    # batch.
    batches_are_dependent = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the options that say which customers are restored."""
        super().add_arguments(parser)
        parser.add_argument("--id", type=id_argument, action="append", default=[], help="one customer; repeatable")
        parser.add_argument(
            "--email",
            type=email_argument,
            action="append",
            default=[],
            help="one customer, in any spelling; repeatable",
        )
        parser.add_argument("--deleted-by", metavar="USER", help="all that this user deleted: e-mail address or id")
        bounds = "a day, or an ISO 8601 instant, by the tenant's clock"
        parser.add_argument(
            "--from", type=_day_or_instant, metavar="TIME", help=f"with --deleted-by: not before TIME, {bounds}"
        )
        parser.add_argument(
            "--to", type=_day_or_instant, metavar="TIME", help="with --deleted-by: not after TIME, that day included"
        )

    def prepare(self, tenants: list[Tenant]) -> None:
        """Raises UsageError if the options name no customers, or a time that is impossible."""
        named, by = [*self.options["id"], *self.options["email"]], self.options["deleted_by"]
        if bool(named) == bool(by):
            raise UsageError("Say whom to restore: by --id and --email, or by --deleted-by.")
        if named and (self.options["from"] or self.options["to"]):
            raise UsageError("--from and --to are about --deleted-by.")
        self.missing = dict.fromkeys(named)
        self.user_id = _find_user_id(by) if by else None
        for tenant in tenants:
            with tenant_scope(tenant):
                self._rows()

    def work(self, tenant: Tenant) -> None:
        """Restores the customers of the tenant in the order of their ids."""
        rows = self._rows().exclude(pk__in=self._refuse_ambiguous())
        self.in_batches(self.locked_batches(rows), self._restore, total=rows.count())

    def finish(self) -> None:
        """Refuses the ids and addresses that no customer has."""
        for unknown in self.missing:
            self.record(REFUSED, f"{unknown}: there is no such customer", reason="unknown", given=unknown)

    def _rows(self) -> CustomerQuerySet:
        """Returns the rows in scope that the options name. Raises UsageError if --from is after --to."""
        if self.user_id is None:
            return Customer.objects.filter(Q(pk__in=self.options["id"]) | Q(email_key__in=self.options["email"]))
        rows = Customer.objects.deleted().filter(deleted_by=self.user_id)
        try:
            start, end = (text and to_day_or_instant(text) for text in (self.options["from"], self.options["to"]))
        except ValidationError as error:  # an instant that lies beyond the calendar in the tenant's time zone
            raise UsageError(f"--from and --to: {error.message}") from error
        if start and end and is_reversed(start, end):
            raise UsageError("--from is after --to.")
        rows = rows.filter(deleted_at__gte=first_instant(start)) if start else rows
        return rows.filter(deleted_at__lte=last_instant(end)) if end else rows

    def _refuse_ambiguous(self) -> set[str]:
        """Refuses each address that several deleted customers have. Returns the ids of these customers, except the ids
        that --id names.
        """
        deleted = Customer.objects.deleted().filter(email_key__in=self.options["email"]).order_by()
        several = deleted.values_list("email_key").annotate(ids=ArrayAgg("pk", order_by="pk"), n=Count("pk"))
        left: set[str] = set()
        for email, ids, _ in several.filter(n__gt=1).order_by("email_key"):
            self.missing.pop(email, None)
            text = f"{email}: several deleted customers have it, choose with --id: {', '.join(ids)}"
            self.record(REFUSED, text, reason="ambiguous", given=email, customer_ids=ids)
            left |= {*ids}
        return left - {*self.options["id"]}

    def _restore(self, customers: list[Customer]) -> None:
        refusals = restore_all([customer for customer in customers if customer.is_deleted])
        for customer in customers:
            self.missing.pop(customer.pk, None)
            self.missing.pop(customer.email_key, None)
            if not customer.is_deleted:
                self.record("not_deleted", customer.pk, id=customer.pk)
            elif customer.pk in refusals:
                self._refuse(customer, refusals[customer.pk])
            else:
                self.record("restored", f"{customer.pk}{_deletion_time(customer)}", id=customer.pk)

    def _refuse(self, customer: Customer, error: DuplicateCustomer) -> None:
        taken = [conflict for conflict in error.conflicts if not conflict["is_deleted"]]
        whose = [
            f"its {CONTACT_LABELS[conflict['field']]} is now that of {conflict['customer_id']}" for conflict in taken
        ]
        self.record(
            REFUSED,
            f"{customer.pk}: {', '.join(whose) or error}",
            id=customer.pk,
            reason="conflict",
            conflicts=[{"field": conflict["field"], "customer_id": conflict["customer_id"]} for conflict in taken],
        )


def _day_or_instant(text: str) -> str:
    """Returns the text if it is a day or an instant. The text is converted later, by the clock of each tenant."""
    try:
        with tenant_scope(ALL_TENANTS):
            to_day_or_instant(text)
    except ValidationError as error:
        raise ArgumentTypeError(error.message) from error
    return text


def _find_user_id(who: str) -> str:
    if is_id(who.lower()):
        return who.lower()
    try:
        return User.objects.get_by_natural_key(who).pk
    except (User.DoesNotExist, ValidationError) as error:
        raise UsageError(
            f"--deleted-by {who}: no user has this e-mail address. Give the id of one who is gone."
        ) from error


def _deletion_time(customer: Customer) -> str:
    at = customer.deleted_at
    return f" (deleted {timezone.localtime(at):%Y-%m-%d %H:%M})" if at else ""
