"""No write is done twice: the header `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header).

A client that got no answer sends the request again, with the same key, and gets the answer of the first one. The answer
is stored in the transaction of the work: there are both, or neither. Errors are not stored, since nothing was done.
"""

import hashlib
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import orjson
from django.db import connection, transaction
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from tenants.models import IdempotencyRecord
from tenants.scope import ALL_TENANTS, tenant_scope

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
            IdempotencyRecord.delete_expired()
            return answer
        if stored.fingerprint != fingerprint:
            raise IdempotencyKeyMismatch
        return Response(
            orjson.loads(stored.body), stored.status, headers=stored.headers | {"Idempotency-Replayed": "true"}
        )


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
