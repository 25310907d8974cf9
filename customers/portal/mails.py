"""Composes the mails with links: which mail a request gets, the token of its link, and the text.

The templates are customers/portal/mails/<name>.txt and .html. They get `business`, `language`, `subject`, `link`,
`hours` (how long the link is valid), and `name` (of the customer or of the member of staff). `name` is "" for a person
who is not a customer yet: otherwise anybody could have words of their own sent to others.
"""

import datetime as dt
import secrets
from typing import NamedTuple

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from customers.consents.ledger import has_granted_marketing_by_email
from customers.messages.mail import Mail, Skipped, without_line_breaks
from customers.models import Customer, MailedLink
from customers.portal.languages import written_for
from customers.portal.links import hash_address_and_password, hash_token, page_url
from customers.portal.staff_links import LIFETIMES, STAFF_KINDS, hash_staff_address_and_password, is_withdrawn
from tenants.models import Staff

Kind = MailedLink.Kind
# The kinds that are requested with `customer`. The mail may go to another address than the customer's.
REQUESTED_WITH_CUSTOMER = {Kind.CHANGE_EMAIL, Kind.EMAIL_CHANGED, Kind.CONFIRM_MARKETING}
HOUR = dt.timedelta(hours=1)


class MailTemplate(NamedTuple):
    """A kind of mail: the name of its two templates, its subject, the page that its link opens, and how long the link
    is valid. `page` is None for a mail without a link.
    """

    name: str
    subject: str | Promise
    page: str | None = None
    lifetime: dt.timedelta = 24 * HOUR


CONFIRM = MailTemplate("confirm", _("Confirm your e-mail address"), "confirm")
ACCOUNT_EXISTS = MailTemplate("account_exists", _("You have an account already"))
OPEN_ACCOUNT = MailTemplate("open_account", _("Open your account"), "confirm")
RESET = MailTemplate("reset", _("Choose a new password"), "reset", HOUR)
CHANGE_EMAIL = MailTemplate("change_email", _("Confirm your new e-mail address"), "confirm")
EMAIL_TAKEN = MailTemplate("email_taken", _("This e-mail address is in use already"))
EMAIL_CHANGED = MailTemplate("email_changed", _("Your e-mail address was changed"))
CONFIRM_MARKETING = MailTemplate("confirm_marketing", _("Please confirm"), "confirm")
FOR_STAFF = {
    Kind.INVITATION: MailTemplate("invitation", _("Your account"), "staff", LIFETIMES[Kind.INVITATION]),
    Kind.STAFF_RESET: MailTemplate("staff_reset", _("Choose a new password"), "staff", LIFETIMES[Kind.STAFF_RESET]),
}


def compose_link_mail(link: MailedLink) -> Mail | Skipped | None:
    """Returns the mail that the request gets, Skipped for a withdrawn link, or None if nobody is to be written to.

    It sets the fields of the link that are known only now: `customer`, `token_hash`, `bound_to` and `expires_at`. The caller
    stores them.
    """
    if link.kind in STAFF_KINDS:
        return _compose_for_staff(link)
    owner = Customer.objects.undeleted().filter(email_key=link.email_key).defer("search_text").first()
    template = _find_template(link, owner)
    # The mail about an address in use is for the person who has the address. It does not tell who asked.
    reader = link.customer if link.kind in REQUESTED_WITH_CUSTOMER and template is not EMAIL_TAKEN else owner
    if template is None or (reader and not reader.is_active):
        return None
    return _compose(link, template, reader)


def _find_template(link: MailedLink, owner: Customer | None) -> MailTemplate | None:
    """Returns the template for the request, which depends on who has its address now. Returns None if no mail is sent."""
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
            is_wanted = owner is not None and owner == link.customer and has_granted_marketing_by_email(owner)
            return CONFIRM_MARKETING if is_wanted else None
    return None


def _compose_for_staff(link: MailedLink) -> Mail | Skipped | None:
    """Returns the mail to a member of staff, or None if they are no longer active or have another address by now."""
    if is_withdrawn(link):
        # The mail server refused the mail for now. The link was withdrawn before the next attempt.
        return Skipped(["withdrawn"])
    staff = Staff.objects.filter(pk=link.staff_id, is_active=True, email=link.email_key).first()
    if staff is None:
        return None
    template, language = FOR_STAFF[Kind(link.kind)], link.tenant.language
    url = _make_link_url(link, template, hash_staff_address_and_password(link, staff))
    return _write(link, template, name=staff.first_name, language=language, url=url)


def _compose(link: MailedLink, template: MailTemplate, reader: Customer | None) -> Mail:
    """Returns the mail in the reader's language."""
    language = reader.language if reader else link.details.get("language") or link.tenant.language
    url = None
    if template.page:
        link.customer = reader
        url = _make_link_url(link, template, hash_address_and_password(link, reader))
    return _write(link, template, name=reader.first_name if reader else "", language=language, url=url)


def _write(link: MailedLink, template: MailTemplate, *, name: str, language: str, url: str | None) -> Mail:
    with written_for(link.tenant, language) as code:
        subject = str(template.subject)
        context = {
            "business": without_line_breaks(link.tenant.name),
            "name": without_line_breaks(name),
            "language": code,
            "subject": subject,
            "link": url,
            "hours": template.lifetime // HOUR,
        }
        body, html = (
            render_to_string(f"customers/portal/mails/{template.name}.{form}", context) for form in ("txt", "html")
        )
        return Mail(to=link.email, subject=subject, text=body, html=html, language=code)


def _make_link_url(link: MailedLink, template: MailTemplate, bound_to: str) -> str:
    """Makes a token, sets its hash and its limits on the link, and returns the URL with the token."""
    token = secrets.token_urlsafe(32)
    link.token_hash, link.bound_to = hash_token(token), bound_to
    link.expires_at = timezone.now() + template.lifetime
    return f"{page_url(link.tenant, str(template.page))}?token={token}"
