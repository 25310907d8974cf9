"""Mailed links: requests for a mail with a link, and what its opening does.

A request stores one row, whoever is known. The sender composes the mail later (`customers.portal.mails`).
"""

from collections.abc import Collection
from typing import Any

from rest_framework import status
from rest_framework.exceptions import APIException

from customers.models import Customer, CustomerSession, MailedLink
from tenants.models import Tenant


class LinkInvalid(APIException):
    """The link was used, has expired, is of another business, was never sent, or what it was made for has changed."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "link_invalid"
    default_detail = "This link is not valid any more. Ask for a new one."


def request_link(
    *,
    tenant: Tenant,
    kind: MailedLink.Kind,
    email: str,
    client_address: str | None,
    details: dict[str, Any] | None = None,
    customer: Customer | None = None,
) -> None:
    """Stores the request for a mail to `email`. Raises Throttled after too many requests for this address, or by this client.

    `details` are the fields of a registration.
    """
    raise NotImplementedError


def find_link(token: str, *, kinds: Collection[MailedLink.Kind]) -> MailedLink:
    """Returns the link with this token, and locks nothing: for a page that shows it. Raises LinkInvalid."""
    raise NotImplementedError


def open_link(token: str, *, kinds: Collection[MailedLink.Kind]) -> MailedLink:
    """Returns the link with this token, locked and marked as used, in the scope of its business. Raises LinkInvalid.

    It runs in a transaction, and an error of the caller undoes the mark.
    """
    raise NotImplementedError


def verify(token: str, password: str | None, *, client_address: str) -> CustomerSession:
    """Opens a link of a registration or of a change of address. Returns a new session of the customer.

    A registration needs a password. Raises LinkInvalid, ValidationError for a password that is too weak, which spends
    nothing, and Throttled after too many wrong tokens by this client.
    """
    raise NotImplementedError


def reset_password(token: str, password: str, *, client_address: str) -> None:
    """Sets the password, which ends all sessions of the customer. Raises as `verify`."""
    raise NotImplementedError
