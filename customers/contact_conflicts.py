"""Customers of one tenant who have the same e-mail address or phone number."""

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db.models import CharField, Q

from circe.api.conflicts import ConflictError
from circe.db.ids import IdField
from circe.db.prepared import PreparedQuery
from tenants.identity import email_key

if TYPE_CHECKING:
    from customers.models import Customer


class DuplicateCustomer(ConflictError):
    """Another customer of the tenant has the e-mail address or the phone number.

    `conflicts` is `[{"field", "customer_id", "is_deleted"}]`.
    """

    code = "duplicate_customer"

    def __init__(self, conflicts: list[dict[str, Any]]) -> None:
        self.conflicts = conflicts
        self.details = {"conflicts": conflicts}
        fields = dict.fromkeys(conflict["field"] for conflict in conflicts if not conflict["is_deleted"])
        what = " and ".join({"email": "e-mail address", "phone": "phone number"}[field] for field in fields)
        super().__init__(f"Another customer has this {what or 'e-mail address or phone number'}.")


# Who of a tenant has one of them, deleted ones last.
SAME = PreparedQuery(
    lambda tenant, email, phone: (
        apps.get_model("customers", "Customer")
        .objects.filter(Q(email_key=email) | Q(phone=phone), tenant_id=tenant)
        .order_by("is_deleted", "id")
        .values_list("pk", "is_deleted", "email_key", "phone")
    ),
    tenant=IdField(),
    email=CharField(),
    phone=CharField(),
)


def find_contact_conflicts(customer: "Customer") -> tuple[list[dict[str, Any]], bool]:
    """Who else has the customer's e-mail or phone, deleted ones last: `[{"field", "customer_id", "is_deleted"}]`; and
    whether the customer, as stored, has one of them.
    """
    values = {"email": email_key(customer.email) if customer.email else None, "phone": customer.phone}
    rows = SAME.rows(tenant=customer.tenant_id, **values)
    conflicts = [
        {"field": field, "customer_id": pk, "is_deleted": is_deleted}
        for field, value in values.items()
        for pk, is_deleted, *theirs in rows
        if value and pk != customer.pk and theirs[[*values].index(field)] == value
    ]
    return conflicts, customer.pk in {pk for pk, *_ in rows}
