"""What a business offers: outlets, services, and which staff offers a service."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from circe.db.foreign_keys import SameTenant, TenantForeignKey
from tenants.models.base import TenantModel
from tenants.models.tenant import validate_amount
from tenants.models.user import Staff

# An appointment ends within a day: an end before its start is on the next day.
MAX_MINUTES = 24 * 60 - 1


class Outlet(TenantModel):
    """A place where a tenant receives customers."""

    name = models.CharField(max_length=100)
    address = models.CharField(max_length=500, blank=True)
    is_active = models.BooleanField(default=True)

    class Meta(TenantModel.Meta):
        ordering = ["name", "id"]
        constraints = [
            *TenantModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["tenant", "name"],
                condition=models.Q(is_active=True),
                name="%(class)s_name",
                violation_error_message="Another active outlet has this name.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Service(TenantModel):
    """A service that a customer can book. `price` is in the tenant's currency.

    `buffer_minutes` are kept free after an appointment, for example to clean up. `rebooking_days` is None where the tenant's
    own number applies. `staff` are those who offer it; a service without them is offered by everybody.
    """

    name = models.CharField(max_length=100)
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
    is_active = models.BooleanField(default=True)

    class Meta(TenantModel.Meta):
        ordering = ["category", "name", "id"]
        constraints = [
            *TenantModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["tenant", "name"],
                condition=models.Q(is_active=True),
                name="%(class)s_name",
                violation_error_message="Another active service has this name.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ServiceStaff(TenantModel):
    """A member of staff who offers a service."""

    service = TenantForeignKey(Service, models.CASCADE, related_name="+")
    staff = TenantForeignKey(Staff, models.CASCADE, db_index=True, related_name="+")

    class Meta(TenantModel.Meta):
        verbose_name = "member of staff who offers it"
        verbose_name_plural = "staff who offer it"
        constraints = [
            *TenantModel.Meta.constraints,
            SameTenant(field="service", name="%(class)s_service"),
            SameTenant(field="staff", name="%(class)s_staff"),
            models.UniqueConstraint(fields=["tenant", "service", "staff"], name="%(class)s_once"),
        ]

    def __str__(self) -> str:
        return str(self.staff)
