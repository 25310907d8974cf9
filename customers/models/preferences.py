"""A customer's ordered lists of preferred services and staff. Each list has a table of its own."""

from django.db import models

from circe.db.audit_trigger import AuditTrigger
from circe.db.foreign_keys import SameTenant, TenantForeignKey
from tenants.models import Service, Staff, TenantModel, tenant_constraints


class Preference(TenantModel):
    """An entry of an ordered list of what a customer prefers. `position` counts from 0."""

    customer_column = "customer_id"

    customer = TenantForeignKey("customers.Customer", models.CASCADE, db_index=True, related_name="+")
    position = models.PositiveSmallIntegerField()

    class Meta(TenantModel.Meta):
        abstract = True
        ordering = ["position"]
        constraints = [
            AuditTrigger(name="%(class)s_audit", subject_column="customer_id"),
            *tenant_constraints(subject_column="customer_id", subject_commands=["SELECT", "INSERT", "DELETE"]),
        ]


class PreferredService(Preference):
    """A service that a customer likes."""

    service = TenantForeignKey(Service, models.CASCADE, related_name="+")

    class Meta(Preference.Meta):
        constraints = [
            *Preference.Meta.constraints,
            SameTenant(field="customer", name="%(class)s_customer"),
            SameTenant(field="service", name="%(class)s_service"),
            models.UniqueConstraint(fields=["tenant", "customer", "service"], name="%(class)s_once"),
        ]


class PreferredStaff(Preference):
    """A member of staff whom a customer likes."""

    staff = TenantForeignKey(Staff, models.CASCADE, related_name="+")

    class Meta(Preference.Meta):
        constraints = [
            *Preference.Meta.constraints,
            SameTenant(field="customer", name="%(class)s_customer"),
            SameTenant(field="staff", name="%(class)s_staff"),
            models.UniqueConstraint(fields=["tenant", "customer", "staff"], name="%(class)s_once"),
        ]


# By name of a preferred list: the model of its entries, and their column with the id of what the customer prefers.
PREFERENCE_MODELS: dict[str, tuple[type[Preference], str]] = {
    "preferred_services": (PreferredService, "service_id"),
    "preferred_staff_ids": (PreferredStaff, "staff_id"),
}
