"""What is kept of requests that may come twice: of those with an idempotency key, and of forms of the back office."""

import datetime as dt
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from circe.db.fields import OwningTenantKey
from circe.db.ids import IdField
from circe.db.row_level_security import RowLevelSecurity
from tenants.scope import ALL_TENANTS, TenantManager, current_scope, current_tenant_id, tenant_scope

RECORD_LIFETIME = dt.timedelta(hours=24)
MAX_DELETED_AT_ONCE = 10


class IdempotencyRecord(models.Model):
    """The answer to a request with an idempotency key, or what a form stored. Valid for RECORD_LIFETIME and for its user,
    an account or a customer of the portal.

    `row_id` is the id of the row, of `tenant`, that the request changed. `tenant` is None for a form of a super_admin
    about several businesses or none.
    """

    tenant = OwningTenantKey(
        "tenants.Tenant", models.CASCADE, default=current_tenant_id, null=True, db_index=False, related_name="+"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="idempotency_records", db_index=False
    )
    customer_id = IdField(null=True, default=None)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    row_id = IdField(null=True, default=None, db_index=True)
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField()
    body = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)

    objects = TenantManager()
    customer_column = "customer_id"

    class Meta:
        constraints = [
            RowLevelSecurity(
                name="idempotencyrecord_rls",
                subject_column="customer_id",
                subject_commands=["SELECT", "INSERT", "UPDATE", "DELETE"],
            ),
            models.UniqueConstraint(fields=["user", "key"], name="idempotencyrecord_user_key"),
            models.UniqueConstraint(fields=["customer_id", "key"], name="idempotencyrecord_customer_key"),
            models.CheckConstraint(
                condition=models.Q(user=None, customer_id__isnull=False)
                | models.Q(user__isnull=False, customer_id=None),
                name="idempotencyrecord_of_one",
            ),
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotencyrecord_age")]

    @property
    def is_expired(self) -> bool:
        return self.created_at <= timezone.now() - RECORD_LIFETIME

    @classmethod
    def find_valid(cls, *, key: str, **owner: Any) -> Self | None:
        """Returns the record of the key of its owner: `user=…` or `customer_id=…`. Deletes it, and returns None, if it has
        expired.
        """
        # A key of an account belongs to it in whichever business it was used.
        with tenant_scope(ALL_TENANTS if "user" in owner else current_scope()):
            record = cls.objects.filter(key=key, **owner).first()
            if record and record.is_expired:
                record.delete()
                return None
            return record

    @classmethod
    @tenant_scope(ALL_TENANTS)
    def delete_expired(cls) -> None:
        """Deletes up to MAX_DELETED_AT_ONCE expired records of any tenant. It leaves those that another request is deleting.

        A request stores one record and deletes several, so expired records do not pile up.
        """
        expired = cls.objects.filter(created_at__lte=timezone.now() - RECORD_LIFETIME).order_by("created_at")
        # The ids are read first. PostgreSQL may execute a sub-select with LIMIT again for each row, and then deletes more.
        ids = list(expired.select_for_update(skip_locked=True).values_list("pk", flat=True)[:MAX_DELETED_AT_ONCE])
        if ids:
            cls.objects.filter(pk__in=ids).delete()
