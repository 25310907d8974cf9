"""Signed links in mails. They need no account and no stored row: the token itself says whom it is about."""

from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.core import signing

from customers.models import Channel, Customer, Purpose
from customers.portal.links import LinkInvalid, page_url
from tenants.models import Tenant

UNSUBSCRIBE_SALT = "customers.unsubscribe"


class Subscription(NamedTuple):
    """The content of an unsubscribe link: the purpose and the channel that it switches off, and the customer's id."""

    customer_id: str
    channel: Channel
    purpose: Purpose


def unsubscribe_url(customer: Customer, channel: str, purpose: str) -> str:
    """Returns the URL of the page that switches messages for this purpose off on the channel. The URL never expires. A
    POST to it switches them off at once, as RFC 8058 asks.
    """
    facts = [customer.tenant_id, customer.pk, str(channel), str(purpose)]
    return signed_url(customer.tenant, "unsubscribe", facts, salt=UNSUBSCRIBE_SALT)


def read_unsubscribe_token(tenant: Tenant, token: str) -> Subscription:
    """Returns what the token of an unsubscribe link says. Raises LinkInvalid."""
    customer_id, channel, purpose = read_signed_facts(tenant, token, salt=UNSUBSCRIBE_SALT)
    return Subscription(customer_id, Channel(channel), Purpose(purpose))


def signed_url(tenant: Tenant, page: str, facts: list[Any], *, salt: str) -> str:
    """Returns the URL of a page of the portal with a token that holds `facts`. The first of them must be the tenant's
    id.
    """
    token = signing.dumps(facts, salt=salt)
    return f"{page_url(tenant, page)}?{urlencode({'token': token})}"


def read_signed_facts(tenant: Tenant, token: str, *, salt: str) -> list[Any]:
    """Returns the facts of a token without the tenant's id. Raises LinkInvalid for a token of another business or page."""
    try:
        tenant_id, *facts = signing.loads(token, salt=salt)
    except signing.BadSignature as error:
        raise LinkInvalid from error
    if tenant_id != tenant.pk:
        raise LinkInvalid
    return facts
