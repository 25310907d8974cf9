"""The tombstones of deleted appointments, for clients that synchronise."""

from django.db import models

from customers.models.tombstone import TombstoneFields
from tenants.models import tenant_constraints


class AppointmentTombstone(TombstoneFields):
    """The tombstone of an appointment that a super_admin has deleted."""

    class Meta:
        constraints = tenant_constraints()
        indexes = [models.Index(fields=["tenant", "updated_at", "id"], name="appointment_tombstone_changes")]
