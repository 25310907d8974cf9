"""Erases a person, and certifies it."""

from argparse import ArgumentParser

import orjson
from django.utils import timezone

from circe.db.ids import new_id
from customers.command_arguments import add_customer_arguments, find_customers, not_found_message
from customers.extensions import count_rows_deleted_with
from customers.models import Customer, block_marketing, failed_logins, purge_all
from customers.models.imports import CustomerImport
from customers.models.preferences import PREFERENCE_MODELS
from tenants.audit.events import record_event
from tenants.commands import REFUSED, TenantCommand
from tenants.models import AuditEvent, IdempotencyRecord, Tenant
from tenants.scope import tenant_scope

BACKUPS = "Backups made before this still hold the person, until they expire."


class Command(TenantCommand):
    """Removes every trace of a person from every table, the audit trail included, as is their right.

    Appointments keep their figures, without the person. Keyed hashes of the addresses stay, which block marketing to them.
    A certificate without personal data is printed and stays in the audit trail, as an event `erased` for each of the
    person's rows. Other customers with the same e-mail or phone are listed, and not erased.
    """

    examples = (
        "erase_customer --tenant lotus --email jane@example.com --dry-run",
        'erase_customer --tenant lotus --email jane@example.com --by "Data protection officer"',
    )
    help = (
        "Erases a person: removes them from every table, the audit trail included, live and soft-deleted rows alike. "
        "Prints a certificate without personal data, which the audit trail keeps. " + BACKUPS
    )
    outcomes = ("erased", "same_contact", REFUSED)
    is_irreversible = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the options that name the person, and who orders the erasure."""
        super().add_arguments(parser)
        add_customer_arguments(parser)
        parser.add_argument("--by", metavar="NAME", help="who does it or orders it, for the certificate")

    def prepare(self, tenants: list[Tenant]) -> None:
        """Finds and shows who will be erased, and asks for confirmation."""
        self.found_ids: dict[str, list[str]] = {}
        lines = []
        for tenant in tenants:
            with tenant_scope(tenant):
                customers = list(find_customers(self.options))
                lines += [_describe(tenant, customer) for customer in customers]
            self.found_ids[tenant.pk] = [customer.pk for customer in customers]
        if lines:
            warning = "\n".join(["This person will be erased. It can't be undone:", *lines])
            self.confirm(warning, self.options["tenant"] or "all")

    def work(self, tenant: Tenant) -> None:
        """Erases all rows that were shown, in one transaction."""
        if not self.found_ids[tenant.pk]:
            return
        rows = Customer.objects.filter(pk__in=self.found_ids[tenant.pk]).order_by("pk").select_for_update(of=("self",))
        self.in_batches((list(rows) for _ in range(1)), lambda customers: self._erase(tenant, customers))

    def finish(self) -> None:
        """Refuses a person who was not found."""
        if not any(self.found_ids.values()):
            self.record(REFUSED, not_found_message(self.options), reason="unknown")

    def _erase(self, tenant: Tenant, customers: list[Customer]) -> None:
        uploads = CustomerImport.objects.all()
        if uploads.count() > uploads.idle().count():
            # The file of a running import may hold the person, and the import would create them again.
            self.record(
                REFUSED, "the request: run this again when the running import has ended", reason="import_running"
            )
            return
        if not customers:
            self.record(REFUSED, "the request: the person was purged or erased meanwhile", reason="unknown")
            return
        ids = [customer.pk for customer in customers]
        for other, fields in _find_others_with_same_contact(customers).items():
            text = f"{other}: has the same {' and '.join(fields)}. If it is the same person, erase it by --id too"
            self.record("same_contact", text, id=other, fields=fields)
        removed, kept = self._purge(customers)
        certificate = {
            # A dry run issues no certificate.
            "certificate": None if self.options["dry_run"] else new_id(),
            "tenant": tenant.slug,
            "at": f"{timezone.now():%Y-%m-%dT%H:%M:%SZ}",
            "command": self.name,
            "by": self.options["by"],
            "customers": ids,
            "removed": removed,
            "kept_without_the_person": kept,
            "backups": BACKUPS,
        }
        for pk in ids:
            record_event("erased", table="customer", row_id=pk, customer_id=pk, tenant_id=tenant.pk, **certificate)
        text = f"{', '.join(ids)}; removed: {_format_counts(removed)}; kept without the person: {_format_counts(kept)}"
        if certificate["certificate"]:
            text += "\n" + orjson.dumps(certificate, option=orjson.OPT_INDENT_2).decode()
        self.record("erased", text, **certificate)

    def _purge(self, customers: list[Customer]) -> tuple[dict[str, int], dict[str, int]]:
        """Purges the rows. Returns how many rows of each kind were removed, and how many stay without the person."""
        ids = [customer.pk for customer in customers]
        removed = {
            "customers": len(ids),
            "preferences": sum(
                model.objects.filter(customer__in=ids).count() for model, _ in PREFERENCE_MODELS.values()
            ),
            **count_rows_deleted_with(customers),
            "idempotency_records": IdempotencyRecord.objects.count(),
            "failed_logins": failed_logins(customers).count(),
            # All uploaded files are deleted, since each may hold the person. They would expire within a day.
            "uploaded_files": CustomerImport.objects.count(),
        }
        blocked = block_marketing(customers, only_refused=False)
        events = AuditEvent.objects.filter(customer_id__in=ids).count()
        kept = {
            "appointments": sum(purge_all(customers).values()),
            "audit_events": events,
            "blocked_addresses": blocked,
        }
        # The purge also removes the idempotency records of the customer's appointments. So the records are counted
        # before and after it.
        removed["idempotency_records"] -= IdempotencyRecord.objects.count()
        return removed, kept


def _describe(tenant: Tenant, customer: Customer) -> str:
    facts = [customer.full_name, customer.email, customer.phone, "soft-deleted" if customer.is_deleted else None]
    return f"  {tenant.slug}  {customer.pk}  {', '.join(fact for fact in facts if fact)}"


def _find_others_with_same_contact(customers: list[Customer]) -> dict[str, list[str]]:
    """Returns the other customers with the same e-mail or phone, by id, each with what is the same: `{id: ["email",
    "phone"]}`.
    """
    others: dict[str, list[str]] = {}
    for conflict in (conflict for customer in customers for conflict in customer.conflicts()):
        fields = others.setdefault(conflict["customer_id"], [])
        fields += {conflict["field"]} - {*fields}
    return {pk: fields for pk, fields in others.items() if pk not in {customer.pk for customer in customers}}


def _format_counts(numbers: dict[str, int]) -> str:
    return ", ".join(f"{what.replace('_', ' ')} {number}" for what, number in numbers.items())
