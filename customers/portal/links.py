"""Mailed links: requests for a mail with a link, and what opening a link does.

A request stores one row, whether or not the address is known. So neither the answer nor its time tells who is a
customer. The sender composes the mail later (`customers.portal.mails`). Everything but `request_link` runs in the scope
of the business.
"""

import datetime as dt
import json
from collections.abc import Callable, Collection
from hashlib import sha256
from typing import Any, TypeVar

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.crypto import salted_hmac
from rest_framework import status
from rest_framework.exceptions import APIException

from circe.db.advisory_locks import AdvisoryLock, lock_in_turn
from customers.contact_conflicts import DuplicateCustomer
from customers.models import Customer, CustomerSession, MailedLink
from tenants.accounts.throttling import Kind as GuessKind
from tenants.accounts.throttling import check_and_count_failure, raise_if_too_many
from tenants.audit.context import set_audit_source
from tenants.identity import email_key
from tenants.models import Tenant
from tenants.scope import ALL_TENANTS, tenant_scope

MAIL_WINDOW = dt.timedelta(hours=1)
MAILS_PER_ADDRESS = 5
# The limit for all businesses together. It is higher, so that a 429 does not tell whether a person has asked another
# business for a mail: only an attack reaches it.
MAILS_PER_ADDRESS_IN_ALL = 20
# Many people may share one IP address: those in a salon, or all customers of a mobile network.
MAILS_PER_CLIENT = 1000
# How long requests and their links are stored: longer than any link is valid.
REQUEST_RETENTION = dt.timedelta(days=7)
# How often a registration is tried. It is tried again if another transaction has just stored its address or its phone
# number.
REGISTRATION_ATTEMPTS = 3

Kind = MailedLink.Kind
# The kinds of links that each endpoint and its page open. RESET is among VERIFY_KINDS because a walk-in who asked for
# a new password opens an account with that link.
VERIFY_KINDS = frozenset({Kind.REGISTER, Kind.RESET, Kind.CHANGE_EMAIL})
RESET_KINDS = frozenset({Kind.RESET})
Result = TypeVar("Result")


class LinkInvalid(APIException):
    """The link was used, has expired, is of another business, was never sent, or its customer has another address or
    password now.
    """

    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "link_invalid"
    default_detail = "This link is not valid any more. Ask for a new one."


def request_link(
    *,
    tenant: Tenant,
    kind: Kind,
    email: str,
    client_address: str | None,
    details: dict[str, Any] | None = None,
    customer: Customer | None = None,
) -> None:
    """Stores the request for a mail to `email`, and deletes old requests. Raises Throttled after too many requests for
    this address, at this business or at all together, or from this client. `details` are the fields of a registration.
    `customer` is the customer who asks, if they are signed in.
    """
    key, now = email_key(email), timezone.now()
    # A customer who is signed in can read no request, not even their own.
    with tenant_scope(tenant), transaction.atomic():
        limit_mails_to_address(tenant.pk, key, now=now)
        _limit_mails_of_all_businesses(key, now=now)
        if client_address:
            _limit_mails_for_client(client_address, now=now)
        MailedLink.objects.filter(created_at__lte=now - REQUEST_RETENTION).delete()
        MailedLink.objects.create(
            kind=kind,
            email=email,
            email_key=key,
            client_address=client_address,
            details=details or {},
            customer=customer,
            created_at=now,
        )


def limit_mails_to_address(tenant_id: str | None, key: str, *, now: dt.datetime) -> None:
    """Raises Throttled after too many requests for mails to an address. Takes a lock, so that parallel requests for the
    address wait until this transaction ends.
    """
    lock_in_turn(AdvisoryLock.LINK_EMAIL, f"{tenant_id}{key}")
    _raise_if_too_many(MAILS_PER_ADDRESS, email_key=key, now=now)


def _limit_mails_of_all_businesses(key: str, *, now: dt.datetime) -> None:
    """Raises Throttled after too many requests for mails to an address, to all businesses together. Takes a lock, as
    `limit_mails_to_address` does.
    """
    lock_in_turn(AdvisoryLock.LINK_EMAIL, key)
    with tenant_scope(ALL_TENANTS):
        _raise_if_too_many(MAILS_PER_ADDRESS_IN_ALL, email_key=key, now=now)


def _limit_mails_for_client(client_address: str, *, now: dt.datetime) -> None:
    """Raises Throttled after too many requests from a client, to all businesses together. Takes a lock, as
    `limit_mails_to_address` does.
    """
    lock_in_turn(AdvisoryLock.LINK_IP_ADDRESS, client_address)
    with tenant_scope(ALL_TENANTS):
        _raise_if_too_many(MAILS_PER_CLIENT, client_address=client_address, now=now)


def _raise_if_too_many(limit: int, *, now: dt.datetime, **conditions: str) -> None:
    requests = MailedLink.objects.filter(**conditions).exclude(kind=Kind.EMAIL_CHANGED)
    raise_if_too_many(requests, limit, time_column="created_at", window=MAIL_WINDOW, now=now)


def page_url(tenant: Tenant, page: str) -> str:
    """Returns the URL of a page of the business's portal, without the token of a link."""
    return f"{settings.PUBLIC_URL}/portal/{tenant.slug}/{page}"


# --- finding a link by its token --------------------------------------------------------------------------------------


def hash_token(token: str) -> str:
    """Returns the hash that is stored of a token. A token has 256 random bits, so a plain hash can't be reversed."""
    return sha256(token.encode()).hexdigest()


def hash_address_and_password(link: MailedLink, customer: Customer | None) -> str:
    """Returns a keyed hash of the customer's address and password. The link is valid only while both stay the same.

    For a person who is no customer yet, it is the hash of the link's address and no password. So the link stays valid
    if staff add the person as a walk-in with this address before it is opened.
    """
    facts = [customer.email_key, customer.password] if customer else [link.email_key, None]
    return salted_hmac("customers.portal.links", json.dumps([link.tenant_id, *facts]), algorithm="sha256").hexdigest()


def find_link(token: str, *, kinds: Collection[Kind]) -> MailedLink:
    """Returns the link with this token, without a lock, for a page that shows what the link does. Raises LinkInvalid.
    The `customer` of the returned link is None for a person who is not a customer yet.
    """
    return _find(MailedLink.objects.all(), Customer.objects.all(), token, kinds)


def open_link(token: str, *, kinds: Collection[Kind]) -> MailedLink:
    """Returns the link as `find_link` does, locked together with its customer, and marks it as used.

    The caller has opened a transaction. If it ends with an error, the link stays unused.
    """
    link = _find(MailedLink.objects.select_for_update(of=("self",)), _locked_customers(), token, kinds)
    link.used_at = timezone.now()
    link.save(update_fields={"used_at", "customer"})
    return link


def _find(
    links: QuerySet[MailedLink], customers: QuerySet[Customer], token: str, kinds: Collection[Kind]
) -> MailedLink:
    link = find_open_link(links, token, kinds)
    link.customer = _customer_of(link, customers)
    return link


def find_open_link(links: QuerySet[MailedLink], token: str, kinds: Collection[Kind]) -> MailedLink:
    """Returns the link with this token if it is of one of these kinds, unused and not expired. Raises LinkInvalid
    otherwise.
    """
    is_open = {"used_at": None, "expires_at__gt": timezone.now()}
    link = links.filter(token_hash=hash_token(token), kind__in=kinds, **is_open).first()
    if link is None:
        raise LinkInvalid
    return link


def _locked_customers() -> QuerySet[Customer]:
    return Customer.objects.select_for_update(of=("self",), no_key=True)


def _customer_of(link: MailedLink, customers: QuerySet[Customer]) -> Customer | None:
    """Returns the customer whom the link is about: the customer it was made for, or else the one who has its address
    now, or None. Raises LinkInvalid if the customer was deleted or is not active, or if their address or password has
    changed since the link was made.
    """
    which = {"pk": link.customer_id} if link.customer_id else {"email_key": link.email_key}
    customer = customers.undeleted().filter(**which).defer("search_text").first()
    is_gone = link.customer_id is not None and customer is None
    if is_gone or (customer and not customer.is_active) or link.bound_to != hash_address_and_password(link, customer):
        raise LinkInvalid
    return customer


# --- what opening a link does -----------------------------------------------------------------------------------------


def verify(token: str, password: str | None, *, client_address: str) -> CustomerSession:
    """Opens a link of a registration or of a change of address, and returns a new session of the customer. A
    registration sets the password of a new customer, or of the customer who has the address. Raises LinkInvalid. Raises
    ValidationError for a password that is missing or too weak; the link then stays unused. Raises Throttled after too
    many wrong tokens from this client.
    """

    def act() -> CustomerSession:
        link = open_link(token, kinds=VERIFY_KINDS)
        customer = _change_email(link) if link.kind == Kind.CHANGE_EMAIL else _register(link, password)
        return CustomerSession.start(customer)

    return run_and_count_invalid_link(act, client_address)


def reset_password(token: str, password: str, *, client_address: str) -> Customer:
    """Sets the password of the link's customer, and returns this customer. All their sessions end. Raises what `verify`
    raises.
    """
    return run_and_count_invalid_link(lambda: _register(open_link(token, kinds=RESET_KINDS), password), client_address)


def validated_password(password: str | None, *, field: str = "password") -> str:
    """Returns a new password. Raises ValidationError, by field, if it is missing or too weak."""
    if not password:
        raise ValidationError({field: ValidationError("Choose a password.", code="required")})
    try:
        validate_password(password)
    except ValidationError as error:
        raise ValidationError({field: error}) from error
    return password


def run_and_count_invalid_link(act: Callable[[], Result], client_address: str) -> Result:
    """Calls `act` in a transaction, and returns what it returns. If `act` raises LinkInvalid, counts it as a wrong
    guess of this client and raises it again.
    """

    def attempt() -> Result | None:
        try:
            with transaction.atomic():
                return act()
        except LinkInvalid:
            return None

    set_audit_source("portal")
    result = check_and_count_failure(attempt, kind=GuessKind.LINK, address=client_address)
    if result is None:
        raise LinkInvalid
    return result


def _register(link: MailedLink, password: str | None) -> Customer:
    """Sets the password of the customer with the link's address, which becomes verified. Creates the customer if there
    is none. Names and phone number of a walk-in stay as the business knows them, since anybody may have asked for the
    link.
    """
    password = validated_password(password)
    for _ in range(REGISTRATION_ATTEMPTS):
        if customer := link.customer:
            customer.change({"password": password, "email_verified": True})
            return customer
        try:
            return _create_customer(link, password)
        except DuplicateCustomer:
            # Somebody has stored the address or the phone number at this moment.
            link.customer = _customer_of(link, _locked_customers())
    raise LinkInvalid


def _create_customer(link: MailedLink, password: str) -> Customer:
    details = dict(link.details)
    phone = details.pop("phone", None)
    is_taken = phone is not None and Customer.objects.undeleted().filter(phone=phone).exists()
    customer = Customer(email_verified=True, source="portal", pending_phone=phone if is_taken else None)
    customer.change({**details, "email": link.email, "phone": None if is_taken else phone, "password": password})
    return customer


def _change_email(link: MailedLink) -> Customer:
    """Gives the customer the link's address as a verified one, and requests a mail to the former address. Raises
    LinkInvalid if another customer has the new address by now.
    """
    customer: Any = link.customer
    former = customer.email
    try:
        customer.change({"email": link.email})
    except DuplicateCustomer as error:
        raise LinkInvalid from error
    customer.change({"email_verified": True})
    MailedLink.objects.create(kind=Kind.EMAIL_CHANGED, email=former, email_key=email_key(former), customer=customer)
    return customer
