"""Lets a client repeat a write safely, by the header `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header).

A client that got no answer sends the request again with the same key, and gets the answer of the first request. The answer
is stored in the transaction of the write: either both are stored or neither. Errors are not stored, since nothing was done.
"""

import hashlib
import re
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any

import orjson
from django.db import connection, transaction
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from circe.db.advisory_locks import AdvisoryLock
from tenants.accounts.authentication import PortalCustomer
from tenants.models import IdempotencyRecord

MAX_ATTEMPTS = 5
STORED_HEADERS = ("ETag", "Location")
_is_valid_key = re.compile(r"[\x21-\x7e]{1,255}\Z").match


class IdempotencyKeyInUse(APIException):
    """Another request with the key is being answered now."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "in_flight"
    default_detail = "A request with this Idempotency-Key is being answered. Try again in a moment."
    wait = 1


class RepeatTransaction(APIException):
    """Somebody has changed the rows since this transaction chose its locks. `idempotent_transaction` repeats it."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "unavailable"
    default_detail = "Others change the same rows at this moment. Try again in a moment."
    wait = 1


class IdempotencyKeyMismatch(APIException):
    """The key was used for another request before."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_code = "idempotency_key_reused"
    default_detail = "This Idempotency-Key was used for another request: choose a new one."


def idempotent_transaction(action: Callable[..., Response]) -> Callable[..., Response]:
    """Makes an action that writes one transaction, and lets it accept an Idempotency-Key.

    The transaction begins after the role of the caller was checked. If it raises RepeatTransaction, it is begun anew, at
    most MAX_ATTEMPTS times. Do not use it for an action that only reads: a transaction costs two round trips.
    """

    @transaction.atomic
    def answer_once(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        # `request.headers` would make a dict of all headers.
        key = request.META.get("HTTP_IDEMPOTENCY_KEY")
        if key is None:
            return action(view, request, *args, **kwargs)
        if not _is_valid_key(key):
            raise ValidationError({"Idempotency-Key": "Send 1 to 255 visible ASCII characters."})
        _lock_key(f"{request.user.pk}{key}")
        stored, fingerprint = IdempotencyRecord.find_valid(key=key, **_owner(request)), _fingerprint(request)
        if stored is None:
            response = action(view, request, *args, **kwargs)
            _store_answer(request, response, key=key, fingerprint=fingerprint, row_id=kwargs.get(view.lookup_url_kwarg))
            return response
        if stored.fingerprint != fingerprint:
            raise IdempotencyKeyMismatch
        return Response(
            orjson.loads(stored.body), stored.status, headers=stored.headers | {"Idempotency-Replayed": "true"}
        )

    @wraps(action)
    def idempotent_action(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        for _ in range(MAX_ATTEMPTS - 1):
            with suppress(RepeatTransaction):
                return answer_once(view, request, *args, **kwargs)
        return answer_once(view, request, *args, **kwargs)

    idempotent_action.is_idempotent = True  # type: ignore[attr-defined]
    return idempotent_action


def _store_answer(request: Request, response: Response, *, key: str, fingerprint: str, row_id: str | None) -> None:
    IdempotencyRecord.objects.create(
        **_owner(request),
        key=key,
        fingerprint=fingerprint,
        row_id=row_id or response.data.get("id"),
        status=response.status_code,
        headers={name: response[name] for name in STORED_HEADERS if name in response},
        body=orjson.dumps(response.data).decode(),
    )
    IdempotencyRecord.delete_expired()


def _owner(request: Request) -> dict[str, Any]:
    """Returns whose the key is: the account, or the customer who is signed in to the portal."""
    return {"customer_id": request.user.pk} if isinstance(request.user, PortalCustomer) else {"user": request.user}


def _lock_key(key: str) -> None:
    """Locks the key until the transaction ends. Raises IdempotencyKeyInUse if another request has locked it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, hashtext(%s))", [AdvisoryLock.IDEMPOTENCY_KEY, key])
        (is_locked,) = cursor.fetchone()
    if not is_locked:
        raise IdempotencyKeyInUse


def _fingerprint(request: Request) -> str:
    asked = [request.method, request.get_full_path(), request.data]
    return hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).hexdigest()
