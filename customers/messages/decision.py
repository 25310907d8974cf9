"""Decides whether a customer may be sent something, and by which channel."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from circe.api.local_time import to_instant, to_local
from customers.models import Customer
from tenants.models import Tenant

ONE_DAY = dt.timedelta(days=1)


class Decision(NamedTuple):
    """Whether a customer may be sent something, by which channel, in which language, and why not."""

    allowed: bool
    channel: str | None
    language: str
    reasons: list[str]
    allowed_from: dt.datetime | None = None


def decide(
    customer: Customer, purpose: str, channels: Sequence[str] | None = None, at: dt.datetime | None = None
) -> Decision:
    """Returns whether the customer may be sent something for that purpose."""
    reasons = [
        *(["deleted"] if customer.is_deleted else []),
        *(["inactive"] if not customer.is_active else []),
        *(["no_email"] if not customer.email else []),
        *(["channel_off"] if not customer.accepts_email else []),
    ]
    quiet_until = None if reasons or at is None else find_end_of_quiet_hours(customer.tenant, at)
    if quiet_until:
        return Decision(False, "email", customer.language, ["quiet_hours"], quiet_until)
    return Decision(not reasons, None if reasons else "email", customer.language, reasons)


def find_end_of_quiet_hours(tenant: Tenant, now: dt.datetime) -> dt.datetime | None:
    """Returns when the quiet hours end that it is now, or None if it is none."""
    if tenant.quiet_from is None or tenant.quiet_until is None:
        return None
    local = to_local(now, tenant.zone)
    end = dt.datetime.combine(local.date(), tenant.quiet_until)
    if tenant.quiet_from < tenant.quiet_until:
        is_quiet = tenant.quiet_from <= local.time() < tenant.quiet_until
    else:
        is_quiet = not tenant.quiet_until <= local.time() < tenant.quiet_from
        end += ONE_DAY if local.time() >= tenant.quiet_from else dt.timedelta()
    return to_instant(end, tenant.zone) if is_quiet else None
