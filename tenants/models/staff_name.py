"""The view `tenants_staffname`: what a customer of the portal may know of a business's staff."""

from django.db import models

from circe.db.ids import IdField
from tenants.models.tenant import Tenant
from tenants.scope import TenantManager


class StaffName(models.Model):
    """The name of a member of staff, and whether they work there still. Customers can't read the other columns of the
    account.
    """

    is_public = True

    id = IdField(primary_key=True)
    tenant = models.ForeignKey(Tenant, models.DO_NOTHING, related_name="+")
    name = models.CharField(max_length=201)
    is_active = models.BooleanField("active")

    objects = TenantManager()

    class Meta:
        managed = False
        db_table = "tenants_staffname"
        verbose_name = "staff"
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name
