"""What stays of a purged customer, for clients that synchronise: the id and the time of the purge."""

import datetime as dt

from django.db import models

from circe.db.ids import IdField
from tenants.models import Tenant, tenant_constraints
from tenants.scope import TenantManager

# The trigger circe_leave_tombstone deletes older ones.
TOMBSTONE_RETENTION = dt.timedelta(days=30)


class Tombstone(models.Model):
    """The id of a purged customer, and when they were purged (`updated_at`). A trigger writes it.

    The foreign key in customers_tombstone.sql deletes the rows of a deleted business.
    """

    id = IdField(primary_key=True)
    tenant = models.ForeignKey(Tenant, models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    objects = TenantManager()

    class Meta:
        constraints = tenant_constraints()
        indexes = [models.Index(fields=["tenant", "updated_at", "id"], name="tombstone_changes")]
