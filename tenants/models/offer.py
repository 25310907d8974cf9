"""Outlets and services of a tenant."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from tenants.models.base import TenantModel
from tenants.models.tenant import validate_amount


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
                name="%(class)s_name",
                violation_error_message="Another outlet has this name.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Service(TenantModel):
    """A service that a customer can book. `price` is in the tenant's currency."""

    name = models.CharField(max_length=100)
    category = models.CharField(max_length=50, blank=True)
    duration_minutes = models.PositiveIntegerField(validators=[MinValueValidator(1), MaxValueValidator(24 * 60)])
    price = models.PositiveBigIntegerField(validators=[validate_amount])
    is_active = models.BooleanField(default=True)

    class Meta(TenantModel.Meta):
        ordering = ["category", "name", "id"]
        constraints = [
            *TenantModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["tenant", "name"],
                name="%(class)s_name",
                violation_error_message="Another service has this name.",
            ),
        ]

    def __str__(self) -> str:
        return self.name
