"""What is remembered of a purged customer, for clients that synchronise."""

import datetime as dt

from django.db import models

from tenants.models import TenantModel, tenant_constraints

# The trigger circe_leave_tombstone deletes older ones.
TOMBSTONE_AGE = dt.timedelta(days=30)


class Tombstone(TenantModel):
    """The id of a purged customer, and when they were purged (`updated_at`). A trigger writes it."""

    class Meta(TenantModel.Meta):
        constraints = tenant_constraints()
        indexes = [models.Index(fields=["tenant", "updated_at", "id"], name="tombstone_changes")]
