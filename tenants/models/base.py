"""The base model of every tenant's table."""

from typing import Any, ClassVar

from django.db import models
from django.utils import timezone

from circe.db.audit_trigger import AuditTrigger
from circe.db.fields import OwningTenantKey
from circe.db.ids import IdField
from circe.db.row_level_security import RowLevelSecurity
from circe.db.tenant_key import TenantPrimaryKey
from tenants.models.tenant import Tenant
from tenants.scope import (
    CrossTenantWrite,
    CustomerScope,
    TenantFilter,
    TenantManager,
    build_scope_condition,
    current_scope,
    current_tenant,
    current_tenant_id,
)


def tenant_constraints(**row_level_security: Any) -> list[models.BaseConstraint]:
    """Returns the constraints of every tenant's table, with these arguments of RowLevelSecurity.

    A model with its own AuditTrigger has `[its trigger, *tenant_constraints()]`.
    """
    return [
        RowLevelSecurity(name="%(class)s_rls", **row_level_security),
        TenantPrimaryKey(name="%(class)s_tenant_id"),
    ]


TENANT_CONSTRAINTS = tenant_constraints()


class ScopedModel(models.Model):
    """A model whose rows are read and written only in scope, by Django's own code too.

    Django saves a row, reads it again and finds the rows that refer to it by the base manager. The option
    `base_manager_name` stands in a class of its own, whose Meta no model inherits. So it is not in every migration.
    """

    objects = TenantManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"

    @classmethod
    def scope_condition(cls) -> TenantFilter:
        """Returns the condition that our compilers add to each UPDATE and DELETE, see `circe.db.postgresql.compiler`."""
        return build_scope_condition(cls)


class TenantModel(ScopedModel):
    """A row of a tenant. Its default manager filters by the scope, and it can't be saved into another tenant's scope.

    A model whose rows a customer of the portal may see names the column with the customer's id, or says that they are
    public. Its RowLevelSecurity says the same to the database.
    """

    customer_column: ClassVar[str | None] = None
    is_public: ClassVar[bool] = False

    id = IdField(primary_key=True)
    # The primary key (tenant, id) gives the index.
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

    class Meta:
        abstract = True
        constraints = [
            AuditTrigger(name="%(class)s_audit"),
            *TENANT_CONSTRAINTS,
        ]

    def save(self, *args: Any, update_fields: Any = None, **kwargs: Any) -> None:
        """Saves the row. Raises CrossTenantWrite if the scope is another tenant's, or another customer's."""
        scope, tenant = current_scope(), current_tenant()
        if isinstance(scope, CustomerScope) and getattr(self, self.customer_column or "", None) != scope.customer_id:
            raise CrossTenantWrite(f"A {self._meta.verbose_name} that is not of customer {scope.customer_id} in scope.")
        if tenant is not None and self.tenant_id != tenant.pk:
            raise CrossTenantWrite(f"A {self._meta.verbose_name} of {self.tenant_id} in the scope of {tenant.pk}.")
        super().save(*args, update_fields=update_fields and {*update_fields, "updated_at"}, **kwargs)

    def refresh_from_db(self, using: Any = None, fields: Any = None, from_queryset: Any = None) -> None:
        """Reads the row of its own tenant again, without a filter by the scope. Row-level security still limits the rows."""
        rows = models.QuerySet(type(self)) if from_queryset is None else from_queryset
        super().refresh_from_db(using, fields, rows.filter(tenant_id=self.tenant_id))
