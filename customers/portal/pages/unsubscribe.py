"""The page that switches messages off. A mail program switches them off by a POST alone (RFC 8058)."""

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from customers.consents.ledger import withdraw_consents
from customers.models import Channel, ConsentSource, Customer, Purpose
from customers.portal.pages.base import PortalPage
from customers.portal.signed_links import Subscription, read_unsubscribe_token
from tenants.audit.context import set_audit_source
from tenants.scope import CustomerScope, enter_scope

TITLES: dict[tuple[Purpose, Channel], str | Promise] = {
    (Purpose.MARKETING, Channel.EMAIL): _("Offers and news by e-mail"),
    (Purpose.MARKETING, Channel.SMS): _("Offers and news by SMS"),
    (Purpose.MARKETING, Channel.PUSH): _("Offers and news by push notification"),
    (Purpose.MARKETING, Channel.WHATSAPP): _("Offers and news by WhatsApp"),
    (Purpose.SERVICE, Channel.EMAIL): _("Messages about your appointments by e-mail"),
    (Purpose.SERVICE, Channel.SMS): _("Messages about your appointments by SMS"),
    (Purpose.SERVICE, Channel.PUSH): _("Messages about your appointments by push notification"),
    (Purpose.SERVICE, Channel.WHATSAPP): _("Messages about your appointments by WhatsApp"),
}


class UnsubscribePage(PortalPage):
    """Switches off the messages that the link names. It never switches messages on. It works for soft-deleted
    customers too.
    """

    def get(self, request: HttpRequest, tenant_slug: str) -> HttpResponse:
        """Asks whether to switch the messages off."""
        subscription, customer = self._read_link_and_enter_scope()
        return self._show(subscription, is_off=customer is None)

    def post(self, request: HttpRequest, tenant_slug: str) -> HttpResponse:
        """Switches the messages off. A customer who was purged or erased gets none anyway."""
        subscription, customer = self._read_link_and_enter_scope()
        if customer:
            set_audit_source(ConsentSource.LINK)
            with transaction.atomic():
                withdraw_consents(
                    customer,
                    source=ConsentSource.LINK,
                    purpose=subscription.purpose,
                    channels=[subscription.channel],
                )
        return self._show(subscription, is_off=True)

    def _read_link_and_enter_scope(self) -> tuple[Subscription, Customer | None]:
        """Returns what the link says, and its customer, or None if they were purged or erased. Opens the customer's scope.
        Raises LinkInvalid.
        """
        subscription = read_unsubscribe_token(self.tenant, self.token)
        enter_scope(CustomerScope(self.tenant, subscription.customer_id))
        customer = Customer.objects.filter(pk=subscription.customer_id).defer("search_text").first()
        if customer:
            self.set_language(customer.language)
        return subscription, customer

    def _show(self, subscription: Subscription, *, is_off: bool) -> HttpResponse:
        title = TITLES[subscription.purpose, subscription.channel]
        is_marketing = subscription.purpose == Purpose.MARKETING
        return self.show("customers/portal/pages/unsubscribe.html", title, is_off=is_off, is_marketing=is_marketing)
