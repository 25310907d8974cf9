"""Composes the mails with links: which mail a request gets, the token of its link, and the text.

The templates are customers/portal/mails/<name>.txt and .html. They have `tenant`, `customer` (None for a person who is not a
customer), `link` with its `hours`, and `subject`.
"""

import datetime as dt
import secrets
from typing import NamedTuple

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from customers.messages.mail import Mail
from customers.models import Customer, MailedLink
from customers.portal.languages import customer_language
from customers.portal.links import binding, hash_token

Kind = MailedLink.Kind
HOUR = dt.timedelta(hours=1)


class Text(NamedTuple):
    """A mail: the name of its templates, its subject, and what its link does, for how long and on which page."""

    name: str
    subject: str | Promise
    link: Kind | None = None
    page: str = ""
    lifetime: dt.timedelta = 24 * HOUR


CONFIRM = Text("confirm", _("Confirm your e-mail address"), Kind.REGISTER, "confirm")
ACCOUNT_EXISTS = Text("account_exists", _("You have an account already"))
OPEN_ACCOUNT = Text("open_account", _("Open your account"), Kind.REGISTER, "confirm")
RESET = Text("reset", _("Choose a new password"), Kind.RESET, "reset", HOUR)
CHANGE_EMAIL = Text("change_email", _("Confirm your new e-mail address"), Kind.CHANGE_EMAIL, "confirm")
EMAIL_TAKEN = Text("email_taken", _("This e-mail address is in use already"))
EMAIL_CHANGED = Text("email_changed", _("Your e-mail address was changed"))
CONFIRM_MARKETING = Text("confirm_marketing", _("Please confirm"), Kind.CONFIRM_MARKETING, "confirm")


def compose_link_mail(link: MailedLink) -> Mail | None:
    """Returns the mail that the request gets, or None where nobody is to be written to.

    It sets the fields of the link that are known only now: `kind`, `customer`, `token_hash`, `bound_to` and `expires_at`. The
    caller stores them.
    """
    owner = Customer.objects.undeleted().filter(email_key=link.email_key).defer("search_text").first()
    customer = link.customer or owner
    if customer and (customer.is_deleted or not customer.is_active):
        return None
    text = _text_for(link, owner)
    if text is None:
        return None
    link.customer = customer
    return _compose(link, text)


def _text_for(link: MailedLink, owner: Customer | None) -> Text | None:
    """Returns which mail the request gets, by who has its address now, or None for none."""
    match link.kind:
        case Kind.REGISTER if owner is None:
            return CONFIRM
        case Kind.REGISTER | Kind.RESET if owner is not None and not owner.may_sign_in:
            return OPEN_ACCOUNT
        case Kind.REGISTER:
            return ACCOUNT_EXISTS
        case Kind.RESET:
            return RESET if owner else None
        case Kind.CHANGE_EMAIL:
            return CHANGE_EMAIL if owner in (None, link.customer) else EMAIL_TAKEN
        case Kind.EMAIL_CHANGED:
            return EMAIL_CHANGED
        case Kind.CONFIRM_MARKETING:
            return CONFIRM_MARKETING if owner == link.customer else None
    return None


def _compose(link: MailedLink, text: Text) -> Mail:
    """Returns the mail in the person's language. A mail with a link makes its token, of which only a hash is stored."""
    customer, tenant = link.customer, link.tenant
    language = customer_language(customer.language if customer else link.details.get("language") or tenant.language)
    with translation.override(language):
        context = {
            "tenant": tenant,
            "customer": customer,
            "subject": str(text.subject),
            "link": _new_link(link, text) if text.link else None,
            "hours": text.lifetime // HOUR,
        }
        body, html = (render_to_string(f"customers/portal/mails/{text.name}.{form}", context) for form in ("txt", "html"))
        return Mail(to=link.email, subject=context["subject"], text=body, html=html, language=language)


def _new_link(link: MailedLink, text: Text) -> str:
    token = secrets.token_urlsafe(32)
    link.kind, link.token_hash = text.link or link.kind, hash_token(token)
    link.bound_to, link.expires_at = binding(link, link.customer), timezone.now() + text.lifetime
    return f"{settings.PUBLIC_URL.rstrip('/')}/portal/{link.tenant.slug}/{text.page}?token={token}"
