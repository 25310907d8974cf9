"""Limits the guessing of passwords and of links: at most FAILURES_PER_ACCOUNT failures of an account, and
FAILURES_PER_IP_ADDRESS of an IP address, within WINDOW. A success is not counted.

At most MAX_CONCURRENT_LOGINS log-ins run at the same time in a process. Further ones are refused and not queued, so that
the other threads stay free for people who are at work.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from threading import BoundedSemaphore
from typing import TypeVar, cast

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from rest_framework import status
from rest_framework.exceptions import APIException, Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from circe.db.advisory_locks import AdvisoryLock, lock_in_turn
from tenants.audit.events import record_event
from tenants.models import LoginFailure, User
from tenants.scope import account_lookup

WINDOW = dt.timedelta(minutes=15)
FAILURES_PER_ACCOUNT = 10
FAILURES_PER_IP_ADDRESS = 100
UNKNOWN_ADDRESS = "::"
# Some proxies append the client's port: `203.0.113.7:51234`, `[2001:db8::1]:443`.
_ADDRESS_AND_PORT = re.compile(r"(?:\[(?P<v6>[^\]]+)\]|(?P<v4>[0-9.]+))(?:\s*:\s*[0-9]{1,5})?")

_login_slots = BoundedSemaphore(settings.MAX_CONCURRENT_LOGINS)
Kind = LoginFailure.Kind
Result = TypeVar("Result")


class LoginCapacityExceeded(APIException):
    """All login slots are taken. One becomes free in about the time that a password hash takes."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "unavailable"
    default_detail = "Too many people are signing in at this moment. Try again in a moment."
    wait = 1


def client_address(request: Request | HttpRequest) -> str:
    """Returns the IP address for which failures are counted.

    For IPv6 it is the /64 network, which a provider gives to one subscriber. A port is no part of it. If a proxy sends
    no valid address, returns the proxy's own. On a Unix socket there is none: returns UNKNOWN_ADDRESS.
    """
    for text in (BaseThrottle().get_ident(cast("Request", request)), request.META.get("REMOTE_ADDR", "")):
        with suppress(ValueError):
            return _network_of(ip_address(_without_port(text or "")))
    return UNKNOWN_ADDRESS


def _without_port(text: str) -> str:
    match = _ADDRESS_AND_PORT.fullmatch(text.strip())
    return (match["v6"] or match["v4"]) if match else text


def _network_of(address: IPv4Address | IPv6Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(address.ipv4_mapped or IPv6Network((int(address), 64), strict=False).network_address)


def check_password_with_limits(
    check: Callable[[], Result | None],
    *,
    kind: Kind = Kind.STAFF,
    account: str,
    address: str,
    record_refusal: Callable[[], None] | None = None,
) -> Result | None:
    """Checks a password: returns what `check` returns, and records None as a failure.

    Raises Throttled or LoginCapacityExceeded past a limit; then `check` is not called. `record_refusal` adds the
    failure to the audit trail. Without it, the failure is added as a refusal of the staff account whose e-mail address
    is `account`.
    """
    # The slot is taken before the first query. Otherwise any number of log-ins could hold a database connection
    # while they wait for the lock of their account.
    with _login_slot():
        return check_and_count_failure(
            check,
            kind=kind,
            account=account,
            address=address,
            record_refusal=record_refusal or partial(_record_refusal_of_staff, account),
        )


@transaction.atomic
def check_and_count_failure(
    check: Callable[[], Result | None],
    *,
    kind: Kind,
    account: str | None = None,
    address: str,
    record_refusal: Callable[[], None] | None = None,
) -> Result | None:
    """Returns what `check` returns, and records None as a failure. Raises Throttled past a limit.

    Checks of one account, and those from one address, take turns, so that parallel guesses are counted one by one.
    """
    now = timezone.now()
    _lock_guesses(kind, account, address)
    failures = LoginFailure.objects.filter(kind=kind)
    limits = [(failures.filter(account=account), FAILURES_PER_ACCOUNT)] if account else []
    for counted, limit in (*limits, (failures.filter(address=address), FAILURES_PER_IP_ADDRESS)):
        raise_if_too_many(counted, limit, time_column="failed_at", window=WINDOW, now=now)
    result = check()
    if result is None:
        LoginFailure.objects.filter(failed_at__lte=now - WINDOW).delete()
        LoginFailure.objects.create(kind=kind, account=account, address=address)
        if record_refusal:
            record_refusal()
    return result


def _lock_guesses(kind: Kind, account: str | None, address: str) -> None:
    # Always the account first, so that two log-ins do not deadlock.
    if account:
        lock_in_turn(AdvisoryLock.LOGIN_EMAIL, account)
    lock_in_turn(AdvisoryLock.LOGIN_IP_ADDRESS, f"{kind}{address}")


def raise_if_too_many(rows: QuerySet, limit: int, *, time_column: str, window: dt.timedelta, now: dt.datetime) -> None:
    """Raises Throttled if `limit` rows or more have a time in `time_column` within the window that ends now."""
    # The limit-th newest row. If it lies within the window, the limit is reached until it leaves the window.
    recent = rows.filter(**{f"{time_column}__gt": now - window}).order_by(f"-{time_column}")
    limiting = recent.values_list(time_column, flat=True)[limit - 1 : limit].first()
    if limiting:
        raise Throttled(wait=(limiting + window - now).total_seconds())


@contextmanager
def _login_slot() -> Iterator[None]:
    if not _login_slots.acquire(blocking=False):
        raise LoginCapacityExceeded
    try:
        yield
    finally:
        _login_slots.release()


def _record_refusal_of_staff(account: str) -> None:
    # The audit trail does not get an unknown e-mail address: it may be a password that was typed into the wrong field.
    with account_lookup(account):
        known = User.objects.filter(email=account).first()
    record_event("refused", table="login", row_id=known and known.pk, tenant_id=known and known.tenant_id)
