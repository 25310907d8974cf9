"""Guessing passwords is bounded: FAILURES_PER_ACCOUNT and FAILURES_PER_ADDRESS in WINDOW; a success is never counted.

So is signing in at all: of a server's threads, MAX_CONCURRENT_LOGINS. A flood of log-ins is refused rather than queued, and
leaves the other threads to those who are at work.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from threading import BoundedSemaphore
from typing import cast

from django.conf import settings
from django.db import connection, transaction
from django.http import HttpRequest
from django.utils import timezone
from rest_framework import status
from rest_framework.exceptions import APIException, Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from circe.db.advisory_locks import AdvisoryLock
from tenants.audit.events import record_event
from tenants.models import LoginFailure, User
from tenants.scope import account_lookup

WINDOW = dt.timedelta(minutes=15)
FAILURES_PER_ACCOUNT = 10
FAILURES_PER_ADDRESS = 100
NOWHERE = "::"

_login_slots = BoundedSemaphore(settings.MAX_CONCURRENT_LOGINS)


class LoginCapacityExceeded(APIException):
    """As many are signing in as may at once. The next one can have a seat in about the time of a hash."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "unavailable"
    default_detail = "Too many people are signing in at this moment. Try again in a moment."
    wait = 1


def client_address(request: Request | HttpRequest) -> str:
    """The address that a request's failures are counted for; of IPv6 the /64, since one line is given that many.

    Where a proxy names no address it is the proxy's own, and NOWHERE on a Unix socket.
    """
    for text in (BaseThrottle().get_ident(cast("Request", request)), request.META.get("REMOTE_ADDR", "")):
        with suppress(ValueError):
            return _line(ip_address(text))
    return NOWHERE


def _line(address: IPv4Address | IPv6Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(address.ipv4_mapped or IPv6Network((int(address), 64), strict=False).network_address)


def throttled(check: Callable[[], User | None], *, account: str, address: str) -> User | None:
    """Returns what `check` returns, and records None as a failure.

    Raises Throttled or LoginCapacityExceeded past a limit; then `check` is not called. Log-ins to one account, and those
    from one address, take turns, so that parallel guesses are counted one by one.
    """
    now = timezone.now()
    with _login_slot(), transaction.atomic():
        # Always the account first: two log-ins can't wait for each other.
        for lock, key in ((AdvisoryLock.LOGIN_ACCOUNT, account), (AdvisoryLock.LOGIN_ADDRESS, address)):
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [lock, key])
        recent = LoginFailure.objects.filter(failed_at__gt=now - WINDOW)
        for failures, limit in (
            (recent.filter(account=account), FAILURES_PER_ACCOUNT),
            (recent.filter(address=address), FAILURES_PER_ADDRESS),
        ):
            oldest = failures.order_by("-failed_at").values_list("failed_at", flat=True)[limit - 1 : limit].first()
            if oldest:
                raise Throttled(wait=(oldest + WINDOW - now).total_seconds())
        user = check()
        if user is None:
            LoginFailure.objects.filter(failed_at__lte=now - WINDOW).delete()
            LoginFailure.objects.create(account=account, address=address)
            _note_refusal(account)
        return user


@contextmanager
def _login_slot() -> Iterator[None]:
    # Before the database is asked: who waits there for a turn, or for a hash, holds a thread and a connection.
    if not _login_slots.acquire(blocking=False):
        raise LoginCapacityExceeded
    try:
        yield
    finally:
        _login_slots.release()


def _note_refusal(account: str) -> None:
    # An address that is nobody's may be a password typed in the wrong place: it isn't kept.
    with account_lookup(account):
        known = User.objects.filter(email=account).first()
    record_event("refused", table="login", row_id=known and known.pk, tenant_id=known and known.tenant_id)
