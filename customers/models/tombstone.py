"""What stays of a deleted row, for clients that synchronise: its id and the time of the deletion."""

import datetime as dt

from django.db import models

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


class Tombstone(TombstoneFields):
    """The tombstone of a purged customer."""

    class Meta:
        constraints = tenant_constraints()
        indexes = [models.Index(fields=["tenant", "updated_at", "id"], name="tombstone_changes")]
