"""The pages `confirm`, `reset` and `staff`. A mailed link opens them: to open an account, to choose a password, to
confirm an address, or to consent to marketing.
"""

from collections.abc import Collection, Mapping
from typing import ClassVar, NamedTuple

from django import forms
from django.contrib.auth.password_validation import password_validators_help_texts
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from customers.consents.ledger import confirm_marketing
from customers.models import MailedLink
from customers.portal.links import (
    RESET_KINDS,
    VERIFY_KINDS,
    find_link,
    open_link,
    reset_password,
    run_and_count_invalid_link,
    verify,
)
from customers.portal.pages.base import PortalPage
from customers.portal.staff_links import STAFF_KINDS, find_staff_link, set_staff_password
from tenants.accounts.throttling import client_address

Kind = MailedLink.Kind


class Words(NamedTuple):
    """The words of a page, before and after its button was pressed."""

    title: str | Promise
    text: str | Promise
    button: str | Promise
    done_title: str | Promise
    done_text: str | Promise
    asks_password: bool = True


OPEN_ACCOUNT = Words(
    _("Open your account"),
    _("Choose a password, with which you sign in from now on."),
    _("Open my account"),
    _("Your account is open"),
    _("You can now sign in with your e-mail address and your password."),
)
NEW_PASSWORD = Words(
    _("Choose a new password"),
    _("You sign in with it from now on. Wherever you are signed in now, you will be signed out."),
    _("Save the new password"),
    _("Your password is changed"),
    _("You can now sign in with your e-mail address and the new password."),
)
NEW_ADDRESS = Words(
    _("Confirm your new e-mail address"),
    _("From now on you sign in with this address, and we write to it."),
    _("Confirm this address"),
    _("Your new e-mail address is confirmed"),
    _("From now on you sign in with this address, and we write to it."),
    asks_password=False,
)
MARKETING = Words(
    _("Offers and news by e-mail"),
    _("You can take this back at any time: each of these mails has a link for it."),
    _("Yes, send me offers and news"),
    _("Thank you"),
    _("You will receive our offers and news by e-mail."),
    asks_password=False,
)
STAFF_ACCOUNT = Words(
    _("Open your account"),
    _("Choose a password, with which you sign in from now on."),
    _("Save the password"),
    _("Your account is open"),
    _("You can now sign in with your e-mail address and your password."),
)
MARKETING_WITHDRAWN = _(
    "You have switched off offers and news by e-mail since you asked for them, so we send you none."
)


class PasswordForm(forms.Form):
    """The new password."""

    password = forms.CharField(
        label=_("New password"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )


class LinkPage(PortalPage):
    """A page that shows what the link does, and does it when its button is pressed."""

    kinds: ClassVar[Collection[Kind]]
    words: ClassVar[Mapping[Kind, Words]]
    # The page of the back office on which to sign in. Customers sign in elsewhere: None.
    sign_in_url: str | None = None

    def get(self, request: HttpRequest, tenant_slug: str) -> HttpResponse:
        """Shows what the link does."""
        return self._ask(self._set_language_for(self.find()), PasswordForm())

    def post(self, request: HttpRequest, tenant_slug: str) -> HttpResponse:
        """Does what the link does, or shows the form with its errors."""
        link = self._set_language_for(run_and_count_invalid_link(self.find, client_address(request)))
        form = PasswordForm(request.POST)
        words = self.words[Kind(link.kind)]
        if not form.is_valid() and words.asks_password:
            return self._ask(link, form)
        try:
            text = self.act(link, form.cleaned_data.get("password"))
        except ValidationError as error:
            form.add_error(None, error)
            return self._ask(link, form)
        done = "customers/portal/pages/done.html"
        return self.show(done, words.done_title, text=text or words.done_text, sign_in_url=self.sign_in_url)

    def find(self) -> MailedLink:
        """Returns the link with the token of the page. Raises LinkInvalid."""
        return find_link(self.token, kinds=self.kinds)

    def act(self, link: MailedLink, password: str | None) -> str | Promise | None:
        """Does what the link does. Returns what the customer is told, or None for the `done_text` of the page. Raises
        ValidationError for a password that is too weak, and LinkInvalid if another request has used the link meanwhile.
        """
        raise NotImplementedError

    def _set_language_for(self, link: MailedLink) -> MailedLink:
        """Sets the language of the page to that of the link's reader. Returns the link."""
        preferred = link.customer.language if link.customer else link.details.get("language")
        self.set_language(preferred or link.tenant.language)
        return link

    def _ask(self, link: MailedLink, form: PasswordForm) -> HttpResponse:
        words = self.words[Kind(link.kind)]
        context = {"link": link, "words": words, "form": form, "rules": password_validators_help_texts()}
        status = 400 if form.errors else 200
        return self.show("customers/portal/pages/link.html", words.title, status=status, **context)


class ConfirmPage(LinkPage):
    """Opens an account, confirms a new address, or confirms the consent to marketing."""

    kinds = VERIFY_KINDS | {Kind.CONFIRM_MARKETING}
    words: ClassVar = {
        Kind.REGISTER: OPEN_ACCOUNT,
        # A walk-in who asked for a new password opens an account.
        Kind.RESET: OPEN_ACCOUNT,
        Kind.CHANGE_EMAIL: NEW_ADDRESS,
        Kind.CONFIRM_MARKETING: MARKETING,
    }

    def act(self, link: MailedLink, password: str | None) -> str | Promise | None:
        if link.kind == Kind.CONFIRM_MARKETING:
            with transaction.atomic():
                entry = confirm_marketing(open_link(self.token, kinds={Kind.CONFIRM_MARKETING}))
            return None if entry else MARKETING_WITHDRAWN
        # The page signs nobody in, so the new session is deleted.
        verify(self.token, password, client_address=client_address(self.request)).delete()
        return None


class ResetPage(LinkPage):
    """Sets a new password. All sessions of the customer end."""

    kinds = RESET_KINDS
    words: ClassVar = {Kind.RESET: NEW_PASSWORD}

    def act(self, link: MailedLink, password: str | None) -> None:
        reset_password(self.token, password or "", client_address=client_address(self.request))


class StaffPasswordPage(LinkPage):
    """Sets the password of a member of staff. All their sessions end."""

    kinds = STAFF_KINDS
    words: ClassVar = {Kind.INVITATION: STAFF_ACCOUNT, Kind.STAFF_RESET: NEW_PASSWORD}

    def find(self) -> MailedLink:
        return find_staff_link(self.token)

    @property
    def sign_in_url(self) -> str:  # type: ignore[override]
        return reverse("admin:login")

    def act(self, link: MailedLink, password: str | None) -> None:
        set_staff_password(self.token, password, client_address=client_address(self.request))
