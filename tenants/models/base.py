"""The base model of every tenant's table."""

from typing import Any

from django.db import models
from django.utils import timezone

from circe.db.audit_trigger import AuditTrigger
from circe.db.fields import OwningTenantKey
from circe.db.ids import IdField
from circe.db.row_level_security import RowLevelSecurity
from tenants.models.tenant import Tenant
from tenants.scope import (
    CrossTenantWrite,
    TenantManager,
    current_tenant,
    current_tenant_id,
)

# The constraints of every tenant's table. A model with its own AuditTrigger has `[its trigger, *TENANT_CONSTRAINTS]`.
TENANT_CONSTRAINTS = [
    RowLevelSecurity(name="%(class)s_rls"),
    models.UniqueConstraint(fields=["tenant", "id"], name="%(class)s_tenant_id"),
]


class TenantModel(models.Model):
    """A row of a tenant. Its default manager filters by the scope, and it can't be saved into another tenant's scope."""

    id = IdField(primary_key=True)
    # The unique constraint on (tenant, id) gives the index.
    tenant = OwningTenantKey(
        Tenant,
        models.PROTECT,
        verbose_name="business",
        default=current_tenant_id,
        related_name="+",
        db_index=False,
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    objects = TenantManager()

    class Meta:
        abstract = True
        constraints = [
            AuditTrigger(name="%(class)s_audit"),
            *TENANT_CONSTRAINTS,
        ]

    def save(self, *args: Any, update_fields: Any = None, **kwargs: Any) -> None:
        """Saves the row. Raises CrossTenantWrite if its tenant is not the one in scope."""
        tenant = current_tenant()
        if tenant is not None and self.tenant_id != tenant.pk:
            raise CrossTenantWrite(f"A {self._meta.verbose_name} of {self.tenant_id} in the scope of {tenant.pk}.")
        super().save(*args, update_fields=update_fields and {*update_fields, "updated_at"}, **kwargs)
