"""Finds what an import created and changed, by its events in the audit trail, and undoes it."""

from collections import defaultdict
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from psycopg.errors import ForeignKeyViolation

from customers.contact_conflicts import DuplicateCustomer
from customers.models import CONTACT_FLAGS, DELETION_FIELDS, PREFERENCE_MODELS, Customer
from tenants.models import AuditEvent

# Undone in one transaction, while the person waits.
MAX_UNDONE_CUSTOMERS = 2_000
CUSTOMER_TABLE = "customer"
# Columns that an import sets and its undoing does not set back: other columns or other actions decide them.
KEPT_COLUMNS = {"email_key", "pending_phone", "created_at", "password"}
# An import can also set `is_active` of a customer whom it does not delete.
DELETION_COLUMNS = DELETION_FIELDS - {"is_active"}


class NotUndone(NamedTuple):
    """A customer who stays as the import left them, with the reason."""

    customer: Customer
    reason: str


def import_request_id(upload_id: str) -> str:
    """Returns the id of the request under which the audit trail has what an import writes."""
    # The header X-Request-ID can't hold a colon. So no client can have its own writes taken for those of the import.
    return f"import:{upload_id}"


def undo_import(upload_id: str, *, by: str) -> tuple[int, list[NotUndone]]:
    """Soft-deletes the customers whom the import created, and sets back those whom it changed. `by` is the id of the
    user. A customer who was changed since the import stays as they are. Returns the number of customers who were
    undone, and those who stay, each with the reason. Raises ValidationError if the import is too large.
    """
    events = AuditEvent.objects.filter(request_id=import_request_id(upload_id), customer_id__isnull=False)
    people = events.order_by("customer_id").values_list("customer_id", flat=True).distinct()
    ids = [str(pk) for pk in people[: MAX_UNDONE_CUSTOMERS + 1]]
    if len(ids) > MAX_UNDONE_CUSTOMERS:
        raise ValidationError(
            f"An import of more than {MAX_UNDONE_CUSTOMERS} customers can't be undone at once. Show its customers, filter "
            "them, and delete or correct those that are wrong."
        )
    by_customer: dict[str, list[AuditEvent]] = defaultdict(list)
    # On a cluster a business can move to another node, whose events have other ids.
    for event in events.order_by("at", "id"):
        by_customer[str(event.customer_id)].append(event)
    changed_since = _find_changed_since(ids, import_request_id(upload_id))
    refused: list[NotUndone] = []
    undone = 0
    customers = Customer.objects.filter(pk__in=ids).order_by("pk").select_for_update(of=("self",)).with_preferred()
    for customer in customers:
        reason = _undo(customer, by_customer[customer.pk], is_changed_since=customer.pk in changed_since, by=by)
        if reason is None:
            undone += 1
        elif reason:
            refused.append(NotUndone(customer, reason))
    return undone, refused


def _find_changed_since(ids: list[str], request_id: str) -> set[str]:
    """Returns the customers whose latest event is not the import's."""
    latest = (
        AuditEvent.objects.filter(customer_id__in=ids).order_by("customer_id", "-at", "-id").distinct("customer_id")
    )
    return {pk for pk, request in latest.values_list("customer_id", "request_id") if pk and request != request_id}


def _undo(customer: Customer, events: list[AuditEvent], *, is_changed_since: bool, by: str) -> str | None:
    """Undoes what the events did to the customer. Returns None if it did so, or the reason why it did not. The reason
    is "" if there was nothing left to undo.
    """
    is_created = any(event.table == CUSTOMER_TABLE and event.action == AuditEvent.Action.CREATED for event in events)
    if is_created and customer.is_deleted:
        return ""
    if is_changed_since:
        return "Somebody changed this customer, or booked for them, since the import."
    if is_created:
        customer.soft_delete(by=by)
        return None
    before = _values_before(events)
    if DELETION_COLUMNS & before.keys():
        return "The import deleted or restored this customer. Restore or delete them on their page."
    flags = {name: before.pop(name) for name in CONTACT_FLAGS.values() if name in before}
    try:
        with transaction.atomic():
            customer.change(before)
            if flags:
                customer.change(flags)
    except DuplicateCustomer:
        return "Another customer has their earlier e-mail address or phone number by now."
    except ValidationError as error:
        return " ".join(error.messages)
    except IntegrityError as error:
        if not isinstance(error.__cause__, ForeignKeyViolation):
            raise
        return "An outlet, a service or a person whom they preferred was deleted since."
    return None


def _values_before(events: list[AuditEvent]) -> dict[str, Any]:
    """Returns the values that the import replaced, as the customer's `change` takes them."""
    fields = {field.column: field for field in Customer._meta.concrete_fields}
    values: dict[str, Any] = {}
    for event in events:
        for column, value in ((event.before or {}) if event.table == CUSTOMER_TABLE else {}).items():
            if column in fields and column not in KEPT_COLUMNS:
                values.setdefault(fields[column].attname, fields[column].to_python(value))
    for name, (model, column) in PREFERENCE_MODELS.items():
        own = [event for event in events if event.table == model._meta.model_name]
        if own:
            removed = [event.before for event in own if event.action == AuditEvent.Action.DELETED and event.before]
            values[name] = [row[column] for row in sorted(removed, key=lambda row: row["position"])]
    return values
