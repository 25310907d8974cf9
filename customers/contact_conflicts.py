"""Finds customers of one tenant who have the same e-mail address or phone number."""

from collections.abc import Collection
from typing import Any

from django.db.models import CharField

from circe.api.conflicts import ConflictError
from circe.db.advisory_locks import AdvisoryLock, lock_in_turn
from circe.db.ids import IdField
from circe.db.prepared import PreparedQuery, Sql

# By `field` of a conflict: what people call it.
CONTACT_LABELS = {"email": "e-mail address", "phone": "phone number"}


class DuplicateCustomer(ConflictError):
    """Another customer of the tenant has the e-mail address or the phone number.

    `conflicts` is `[{"field", "customer_id", "is_deleted"}]`.
    """

    code = "duplicate_customer"

    def __init__(self, conflicts: list[dict[str, Any]]) -> None:
        self.conflicts = conflicts
        self.details = {"conflicts": conflicts}
        fields = dict.fromkeys(conflict["field"] for conflict in conflicts if not conflict["is_deleted"])
        what = " and ".join(CONTACT_LABELS[field] for field in fields)
        super().__init__(f"Another customer has this {what or 'e-mail address or phone number'}.")


# The query looks only in the tenant of the customer, even in the scope of all tenants. Deleted customers come last.
CONTACT_CONFLICTS = PreparedQuery(
    "contact_conflicts",
    lambda **contacts: Sql(
        """
        SELECT id, is_deleted, email_key, phone FROM customers_customer
        WHERE tenant_id = {tenant_id} AND (email_key = {email_key} OR phone = {phone})
        ORDER BY is_deleted, id
        """,
        **contacts,
    ),
    scoped=False,
    tenant_id=IdField(),
    email_key=CharField(),
    phone=CharField(),
)


def find_contact_conflicts(
    *, customer_id: str, tenant_id: str | None, email_key: str | None, phone: str | None
) -> tuple[list[dict[str, Any]], bool]:
    """Returns the other customers with the e-mail or the phone, and whether the customer's own row is stored with one
    of them. The others are `[{"field", "customer_id", "is_deleted"}]`: first those with the e-mail, then those with the
    phone, and of each the deleted ones last.
    """
    rows = CONTACT_CONFLICTS.rows(tenant_id=tenant_id, email_key=email_key, phone=phone)
    others = [row for row in rows if row[0] != customer_id]
    conflicts = [
        {"field": "email", "customer_id": pk, "is_deleted": is_deleted}
        for pk, is_deleted, other_email_key, _ in others
        if email_key and other_email_key == email_key
    ] + [
        {"field": "phone", "customer_id": pk, "is_deleted": is_deleted}
        for pk, is_deleted, _, other_phone in others
        if phone and other_phone == phone
    ]
    return conflicts, len(others) < len(rows)


def lock_contacts(tenant_id: str | None, contacts: Collection[str]) -> None:
    """Waits until no other transaction has locked one of these contacts, and locks them until this transaction ends."""
    lock_in_turn(AdvisoryLock.CONTACT, *(f"{tenant_id}{contact}" for contact in sorted(contacts)))
