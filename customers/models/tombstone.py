"""Tombstones of deleted rows, for clients that synchronise: the id and the time of the deletion."""

import datetime as dt
from typing import Any

from django.db import models
from django.db.models import F
from django.utils import timezone

from circe.db.ids import IdField
from tenants.models import Tenant, tenant_constraints
from tenants.scope import TenantManager

# The triggers that write tombstones delete older ones.
TOMBSTONE_RETENTION = dt.timedelta(days=30)


class TombstoneFields(models.Model):
    """The id of a deleted row, and when it was deleted (`updated_at`). A trigger writes it.

    A foreign key in the SQL file of the table deletes the rows of a deleted business.
    """

    id = IdField(primary_key=True)
    tenant = models.ForeignKey(Tenant, models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    objects = TenantManager()

    class Meta:
        abstract = True

    @classmethod
    def kept(cls) -> models.QuerySet[Any, Any]:
        """Returns the rows in scope that are not too old, as a query of `circe.api.changes.Changes`: the id, and the time
        of the deletion as the times of the change and of the removal.
        """
        rows = cls._default_manager.filter(updated_at__gt=timezone.now() - TOMBSTONE_RETENTION)
        times = rows.annotate(changed_at=F("updated_at"), removed_at=F("updated_at"))
        return times.values_list("pk", "changed_at", "removed_at")


class Tombstone(TombstoneFields):
    """The tombstone of a purged customer."""

    class Meta:
        constraints = tenant_constraints()
        indexes = [models.Index(fields=["tenant", "updated_at", "id"], name="tombstone_changes")]
