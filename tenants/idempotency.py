"""No write is done twice: the header `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header).

A client that got no answer sends the request again, with the same key, and gets the answer of the first one. The answer
is stored in the transaction of the work: there are both, or neither. Errors are not stored, since nothing was done.
"""

import datetime as dt
import hashlib
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import orjson
from django.conf import settings
from django.db import connection, models, transaction
from django.utils import timezone
from django.utils.decorators import method_decorator
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from circe.db.ids import IdField
from circe.db.row_level_security import RowLevelSecurity
from tenants.scope import ALL_TENANTS, TenantManager, current_tenant_id, tenant_scope

KEPT = dt.timedelta(hours=24)
SWEPT = 10
KEPT_HEADERS = ("ETag", "Location")
_sound = re.compile(r"[\x21-\x7e]{1,255}\Z").match


class IdempotencyKeyInUse(APIException):
    """The first request with the key is still being answered."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "in_flight"
    default_detail = "A request with this Idempotency-Key is being answered. Try again in a moment."
    wait = 1


class IdempotencyKeyMismatch(APIException):
    """The key came with another request before."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_code = "idempotency_key_reused"
    default_detail = "This Idempotency-Key was used for another request: choose a new one."


class IdempotencyRecord(models.Model):
    """What a request with a key was answered; good for KEPT, for its user. `subject_id` is the row it is about, of
    `tenant`.
    """

    tenant = models.ForeignKey(
        "tenants.Tenant", models.CASCADE, default=current_tenant_id, db_index=False, related_name="+"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="idempotency_records", db_index=False
    )
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    subject_id = IdField(null=True, default=None, db_index=True)
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField()
    body = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)

    objects = TenantManager()

    class Meta:
        constraints = [
            RowLevelSecurity(name="idempotencyrecord_rls"),
            models.UniqueConstraint(fields=["user", "key"], name="idempotencyrecord_user_key"),
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotencyrecord_age")]

    @property
    def is_expired(self) -> bool:
        return self.created_at <= timezone.now() - KEPT

    @classmethod
    @tenant_scope(ALL_TENANTS)
    def sweep(cls) -> None:
        """Remove SWEPT expired answers, anybody's: more than one is stored, so that none stays; those that another
        request is removing are left to it.
        """
        expired = cls.objects.filter(created_at__lte=timezone.now() - KEPT).order_by("created_at")
        cls.objects.filter(pk__in=expired.select_for_update(skip_locked=True).values("pk")[:SWEPT]).delete()

    def replay(self) -> Response:
        """The answer once more, marked as such."""
        return Response(orjson.loads(self.body), self.status, headers=self.headers | {"Idempotency-Replayed": "true"})


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class IdempotentMixin(GenericViewSet):
    """A viewset whose unsafe methods are each one transaction, and take an Idempotency-Key. Who may call is asked each time,
    before.

    A safe method is none: there is nothing to undo, and to begin and to end one are two round trips.
    """

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        # Without an action there is no such method here, which is a 405.
        if request.method in SAFE_METHODS or self.action is None:
            return
        name = str(request.method).lower()
        handler, key = getattr(self, name), request.headers.get("Idempotency-Key")
        if key is not None:
            if not _sound(key):
                raise ValidationError({"Idempotency-Key": "Send 1 to 255 visible ASCII characters."})
            handler = partial(self._once, handler, key)
        setattr(self, name, transaction.atomic(handler))

    def _once(
        self, handler: Callable[..., Response], key: str, request: Request, *args: Any, **kwargs: Any
    ) -> Response:
        _take_turn(f"{request.user.pk}{key}")
        answers = IdempotencyRecord.objects.filter(user=request.user)
        # A key is its user's, in whichever business they used it.
        with tenant_scope(ALL_TENANTS):
            stored, fingerprint = answers.filter(key=key).first(), _fingerprint(request)
            if stored and stored.is_expired:
                stored.delete()
                stored = None
        if stored is None:
            answer = handler(request, *args, **kwargs)
            IdempotencyRecord.objects.create(
                user=request.user,
                key=key,
                fingerprint=fingerprint,
                subject_id=next(iter(kwargs.values()), None) or answer.data.get("id"),
                status=answer.status_code,
                headers={name: answer[name] for name in KEPT_HEADERS if name in answer},
                body=orjson.dumps(answer.data).decode(),
            )
            IdempotencyRecord.sweep()
            return answer
        if stored.fingerprint != fingerprint:
            raise IdempotencyKeyMismatch
        return stored.replay()


def _take_turn(key: str) -> None:
    """Hold the key until the transaction ends. Raises IdempotencyKeyInUse where another request does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(4, hashtext(%s))", [key])
        (mine,) = cursor.fetchone()
    if not mine:
        raise IdempotencyKeyInUse


def _fingerprint(request: Request) -> str:
    # The tenant, since people move; a super_admin's is in the address or the body.
    asked = [request.user.tenant_id, request.method, request.get_full_path(), request.data]
    return hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).hexdigest()
