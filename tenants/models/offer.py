"""The offers of a business: outlets and services, and which staff offers a service."""

import datetime as dt
import unicodedata
from collections.abc import Collection
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import IntegrityError, models, transaction

from circe.api.conflicts import ConflictError
from circe.db.audit_trigger import AuditTrigger
from circe.db.constraints import violated_constraint
from circe.db.fields import ValidatedCharField
from circe.db.foreign_keys import SameTenant, TenantForeignKey
from tenants.characters import validate_name, without_unseen_characters
from tenants.models.base import TenantModel, tenant_constraints
from tenants.models.tenant import validate_amount
from tenants.models.user import Staff

# Customers of the portal may read what is on offer.
PUBLIC_CONSTRAINTS = [AuditTrigger(name="%(class)s_audit"), *tenant_constraints(is_public=True)]
# An appointment ends within a day: an end before its start is on the next day.
MAX_MINUTES = 24 * 60 - 1


class DuplicateName(ConflictError):
    """Another active outlet or service of the business has the name."""

    code = "duplicate_name"

    def __init__(self, what: str) -> None:
        sentence = f"Another active {what} has this name."
        self.details = {"errors": [{"field": "name", "code": self.code, "detail": sentence}]}
        super().__init__(sentence)


def build_unique_name(what: str) -> models.UniqueConstraint:
    """Returns the constraint that a name is unique among the active rows of the tenant."""
    return models.UniqueConstraint(
        fields=["tenant", "name"],
        condition=models.Q(is_active=True),
        name="%(class)s_name",
        violation_error_message=f"Another active {what} has this name.",
    )


class Offer(TenantModel):
    """The base of outlets and services: a name, unique among the active ones, and whether it is on offer."""

    is_public = True

    name = ValidatedCharField(max_length=100, validators=[validate_name])
    is_active = models.BooleanField("active", default=True)

    class Meta(TenantModel.Meta):
        abstract = True
        # A super_admin looks for an outlet or a service by its id alone, in all businesses.
        indexes = [models.Index(fields=["id"], name="%(class)s_by_id")]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        self.name = without_unseen_characters(unicodedata.normalize("NFC", self.name).strip()).strip()

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Saves the row. Raises DuplicateName if it is active and another active one has its name."""
        self.clean()
        try:
            with transaction.atomic():
                super().save(*args, **kwargs)
        except IntegrityError as error:
            if violated_constraint(error) != f"{self._meta.model_name}_name":
                raise
            raise DuplicateName(str(self._meta.verbose_name)) from error

    def change(self, changes: dict[str, Any]) -> None:
        """Sets the values of `changes` and saves only these, so that two changes of different values both survive."""
        for name, value in changes.items():
            setattr(self, name, value)
        self.save(update_fields=None if self._state.adding else {*changes})


class Outlet(Offer):
    """A place where a tenant receives customers."""

    address = models.CharField(max_length=500, blank=True)

    class Meta(Offer.Meta):
        ordering = ["name", "id"]
        constraints = [*PUBLIC_CONSTRAINTS, build_unique_name("outlet")]


class Service(Offer):
    """A service that a customer can book. `price` is in the tenant's currency.

    `buffer_minutes` are kept free after an appointment, for example to clean up. `rebooking_days` is None where the tenant's
    own number applies. The rows of ServiceStaff are those who offer it. A service without such rows is offered by everybody.
    """

    category = models.CharField(max_length=50, blank=True)
    duration_minutes = models.PositiveIntegerField(validators=[MinValueValidator(1), MaxValueValidator(MAX_MINUTES)])
    buffer_minutes = models.PositiveIntegerField(
        default=0,
        validators=[MaxValueValidator(MAX_MINUTES)],
        help_text="Kept free after each appointment, for example to clean up.",
    )
    rebooking_days = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(3650)],
        help_text="It is due again after so many days. Empty: as the business says for all services.",
    )
    price = models.PositiveBigIntegerField(validators=[validate_amount])

    class Meta(Offer.Meta):
        ordering = ["category", "name", "id"]
        constraints = [*PUBLIC_CONSTRAINTS, build_unique_name("service")]

    @property
    def duration(self) -> dt.timedelta:
        """How long an appointment of it lasts, without the buffer."""
        return dt.timedelta(minutes=self.duration_minutes)

    def change(self, changes: dict[str, Any]) -> None:
        """Does what `Offer.change` does. `changes` may hold `staff_ids` too: who offers the service from now on."""
        fields = {name: value for name, value in changes.items() if name != "staff_ids"}
        with transaction.atomic():
            # The version of a service changes with those who offer it.
            super().change(fields | ({"updated_at": None} if "staff_ids" in changes else {}))
            if "staff_ids" in changes:
                self.set_staff(changes["staff_ids"])

    def set_staff(self, ids: Collection[str]) -> None:
        """Sets who offers the service, by id: nobody means everybody. The row must be locked or new."""
        offers = ServiceStaff.objects.filter(service=self)
        offers.exclude(staff__in=ids).delete()
        added = set(ids).difference(offers.values_list("staff_id", flat=True))
        ServiceStaff.objects.bulk_create(
            ServiceStaff(tenant_id=self.tenant_id, service=self, staff_id=pk) for pk in sorted(added)
        )


class ServiceStaff(TenantModel):
    """A member of staff who offers a service."""

    is_public = True

    service = TenantForeignKey(Service, models.CASCADE, related_name="+")
    # PROTECT, since without its last member of staff everybody would offer the service.
    staff = TenantForeignKey(Staff, models.PROTECT, db_index=True, related_name="+")

    class Meta(TenantModel.Meta):
        verbose_name = "offered service"
        constraints = [
            *PUBLIC_CONSTRAINTS,
            SameTenant(field="service", name="%(class)s_service"),
            SameTenant(field="staff", name="%(class)s_staff"),
            models.UniqueConstraint(fields=["tenant", "service", "staff"], name="%(class)s_once"),
        ]

    def __str__(self) -> str:
        return str(self.staff)
