"""Mailed links by which a member of staff chooses their own password: an invitation, or a new password.

Nobody but the reader of the mail sees the link. A new link replaces the former link.
"""

import datetime as dt
import json
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.crypto import salted_hmac

from customers.models import DeliveryState, MailedLink
from customers.portal.links import (
    LinkInvalid,
    find_open_link,
    limit_mails_to_address,
    run_and_count_invalid_link,
    validated_password,
)
from tenants.models import Staff

Kind = MailedLink.Kind
STAFF_KINDS = frozenset({Kind.INVITATION, Kind.STAFF_RESET})
# The time for which a link of each kind is valid.
LIFETIMES = {Kind.INVITATION: dt.timedelta(hours=72), Kind.STAFF_RESET: dt.timedelta(hours=24)}


@transaction.atomic
def send_staff_link(staff: Staff) -> None:
    """Queues a mail with a link by which the member of staff chooses a password. Earlier links of theirs are withdrawn.
    Raises Throttled after too many mails to their address.
    """
    limit_mails_to_address(staff.tenant_id, staff.email, now=timezone.now())
    withdraw_staff_links(staff)
    MailedLink.objects.create(
        tenant_id=staff.tenant_id,
        kind=Kind.STAFF_RESET if staff.has_usable_password() else Kind.INVITATION,
        email=staff.email,
        email_key=staff.email,
        staff=staff,
    )


def withdraw_staff_links(staff: Staff) -> bool:
    """Makes the links of the member of staff invalid, whether or not their mails were sent. Returns whether there was
    one.
    """
    links = find_open_staff_links(staff)
    waiting = links.filter(state=DeliveryState.QUEUED).update(state=DeliveryState.SKIPPED, reasons=["withdrawn"])
    return bool(links.update(expires_at=timezone.now(), token_hash=None) or waiting)


def find_open_staff_links(staff: Staff) -> QuerySet[MailedLink]:
    """Returns the links with which the member of staff can choose a password, now or as soon as the mail is sent."""
    # A mail that was refused for now waits with the token of its last attempt, which may have expired.
    not_withdrawn = Q(expires_at=None) | Q(token_hash__isnull=False)
    waits = Q(not_withdrawn, state__in=[DeliveryState.QUEUED, DeliveryState.SENDING])
    links = MailedLink.objects.filter(staff=staff, kind__in=STAFF_KINDS, used_at=None)
    return links.filter(waits | Q(expires_at__gt=timezone.now())).order_by("-created_at")


def is_withdrawn(link: MailedLink) -> bool:
    """Returns whether `withdraw_staff_links` has made the link invalid after an attempt to send its mail."""
    return link.expires_at is not None and link.token_hash is None


def hash_staff_address_and_password(link: MailedLink, staff: Staff) -> str:
    """Returns a keyed hash of the member's address and password. The link is valid only while both stay the same."""
    facts = json.dumps([link.tenant_id, staff.pk, staff.email, staff.password])
    return salted_hmac("customers.portal.staff_links", facts, algorithm="sha256").hexdigest()


def find_staff_link(token: str, *, lock: bool = False) -> MailedLink:
    """Returns the link with this token. With `lock`, the link and its member of staff are locked. Raises LinkInvalid."""
    links, people = MailedLink.objects.all(), Staff.objects.filter(is_active=True)
    if lock:
        links, people = links.select_for_update(of=("self",)), people.select_for_update(of=("self",), no_key=True)
    link = find_open_link(links, token, STAFF_KINDS)
    staff = people.filter(pk=link.staff_id).first()
    if staff is None or link.bound_to != hash_staff_address_and_password(link, staff):
        raise LinkInvalid
    link.staff = staff
    return link


def set_staff_password(token: str, password: str | None, *, client_address: str) -> Staff:
    """Sets the password of the link's member of staff, and returns this member. All their sessions end. Raises
    LinkInvalid. Raises ValidationError for a password that is missing or too weak; the link then stays unused. Raises
    Throttled after too many wrong tokens from this client.
    """

    def act() -> Staff:
        link = find_staff_link(token, lock=True)
        staff: Any = link.staff
        staff.set_password(validated_password(password))
        staff.save(update_fields={"password", "updated_at"})
        link.used_at = timezone.now()
        link.save(update_fields={"used_at"})
        return staff

    return run_and_count_invalid_link(act, client_address)
