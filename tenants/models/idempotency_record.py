"""The records of requests that may be sent twice: requests with an idempotency key, and forms of the back office."""

import datetime as dt
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from circe.db.fields import OwningTenantKey
from circe.db.ids import IdField
from circe.db.row_level_security import RowLevelSecurity
from circe.db.tenant_key import TenantPrimaryKey
from tenants.models.base import ScopedModel
from tenants.scope import (
    ALL_TENANTS,
    current_scope,
    current_tenant_id_or_no_tenant,
    tenant_scope,
)

RECORD_LIFETIME = dt.timedelta(hours=24)
MAX_DELETED_AT_ONCE = 10


class IdempotencyRecord(ScopedModel):
    """The answer to a request with an idempotency key, or what a form stored. Valid for RECORD_LIFETIME and for its user,
    an account or a customer of the portal.

    `row_id` is the id of the row, of `tenant`, that the request changed. The record of a super_admin's form about several
    businesses, or about none, has NO_TENANT. `tenant` and `user` have no foreign key in the database: NO_TENANT is
    no tenant, and a super_admin belongs to none.
    """

    tenant = OwningTenantKey(
        "tenants.Tenant",
        models.CASCADE,
        default=current_tenant_id_or_no_tenant,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        related_name="idempotency_records",
        db_constraint=False,
        db_index=False,
    )
    customer_id = IdField(null=True, default=None)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    row_id = IdField(null=True, default=None, db_index=True)
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField()
    body = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)

    customer_column = "customer_id"

    class Meta:
        constraints = [
            RowLevelSecurity(
                name="idempotencyrecord_rls",
                subject_column="customer_id",
                subject_commands=["SELECT", "INSERT", "UPDATE", "DELETE"],
            ),
            TenantPrimaryKey(name="idempotencyrecord_tenant_id"),
            # A super_admin's key is looked up in all businesses, so the tenant comes last.
            models.UniqueConstraint(fields=["user", "key", "tenant"], name="idempotencyrecord_user_key"),
            models.UniqueConstraint(fields=["tenant", "customer_id", "key"], name="idempotencyrecord_customer_key"),
            models.CheckConstraint(
                condition=models.Q(user=None, customer_id__isnull=False)
                | models.Q(user__isnull=False, customer_id=None),
                name="idempotencyrecord_of_one",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "created_at"], name="idempotencyrecord_age")]

    @property
    def is_expired(self) -> bool:
        return self.created_at <= timezone.now() - RECORD_LIFETIME

    @classmethod
    def find_valid(cls, *, key: str, **owner: Any) -> Self | None:
        """Returns the record of the key of its owner: `user=…` or `customer_id=…`. Deletes it, and returns None, if it has
        expired.
        """
        # A super_admin's key belongs to them in whichever business it was used.
        of_super_admin = "user" in owner and owner["user"].tenant_id is None
        with tenant_scope(ALL_TENANTS if of_super_admin else current_scope()):
            record = cls.objects.filter(key=key, **owner).first()
            if record and record.is_expired:
                record.delete()
                return None
            return record

    @classmethod
    def expired(cls) -> models.QuerySet[Self]:
        """Returns the expired records in scope."""
        return cls.objects.filter(created_at__lte=timezone.now() - RECORD_LIFETIME)

    @classmethod
    def delete_expired(cls) -> None:
        """Deletes up to MAX_DELETED_AT_ONCE expired records in scope. It leaves those that another request is deleting.

        A request stores one record and deletes several, so expired records do not pile up. The command purge_customers
        deletes those of a business that is no longer used.
        """
        expired = cls.expired().order_by("created_at")
        # The ids are read first. PostgreSQL may execute a sub-select with LIMIT again for each row, and then deletes more.
        ids = list(expired.select_for_update(skip_locked=True).values_list("pk", flat=True)[:MAX_DELETED_AT_ONCE])
        if ids:
            cls.objects.filter(pk__in=ids).delete()
