"""The site of the Django admin: how one signs in to it, and how one chooses a row in its forms."""

import math
from functools import partial
from typing import Any

from django import forms
from django.contrib.admin import AdminSite
from django.contrib.admin.forms import AdminAuthenticationForm, AdminPasswordChangeForm
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.contrib.admin.widgets import AutocompleteSelect, AutocompleteSelectMultiple
from django.contrib.auth.forms import UsernameField
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import BadRequest, ValidationError
from django.db import models
from django.db.transaction import non_atomic_requests
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from rest_framework.exceptions import Throttled

from circe.api.serializers import MAX_PASSWORD_LENGTH
from circe.db.ids import is_id
from tenants.accounts.throttling import client_address, throttled

MAX_TERM = 100


class ThrottledForm(forms.Form):
    """A form that checks a password, with the bounds of `tenants.accounts.throttling`."""

    # Seconds until the next guess is taken, once there were too many.
    wait: float | None = None

    def too_many_failures(self, error: Throttled) -> ValidationError:
        """The error of the form where the password was not checked."""
        self.wait = error.wait
        return ValidationError(
            f"Too many failed attempts. Try again in {math.ceil(error.wait / 60)} min.", code="throttled"
        )


class LogInForm(ThrottledForm, AdminAuthenticationForm):
    """E-mail and password, of the accounts of the API."""

    username = UsernameField(
        label="E-mail", max_length=254, widget=forms.TextInput(attrs={"autofocus": True, "inputmode": "email"})
    )
    password = forms.CharField(
        max_length=MAX_PASSWORD_LENGTH,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    error_messages = {"invalid_login": "No active account has this e-mail and password."}

    def clean(self) -> dict[str, Any]:
        try:
            return super().clean()
        except Throttled as error:
            raise self.too_many_failures(error) from error


class OwnPasswordForm(ThrottledForm, AdminPasswordChangeForm):
    """A new password for oneself, with the old one. A wrong old one is counted as a failed log-in from `address`."""

    old_password = forms.CharField(
        label="Old password",
        max_length=MAX_PASSWORD_LENGTH,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )

    def __init__(self, *args: Any, address: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.address = address

    def clean_old_password(self) -> str:
        password = self.cleaned_data["old_password"]
        try:
            is_right = throttled(
                lambda: self.user if self.user.check_password(password) else None,
                account=self.user.email,
                address=self.address,
            )
        except Throttled as error:
            raise self.too_many_failures(error) from error
        if not is_right:
            raise ValidationError(self.error_messages["password_incorrect"], code="password_incorrect")
        return password


class Autocomplete(AutocompleteJsonView):
    """The rows to choose from in a form: those on offer, for whom the admin's table lets choose."""

    def process_request(self, request: HttpRequest) -> Any:
        term, *rest = super().process_request(request)
        if "\0" in term or len(term) > MAX_TERM:
            raise BadRequest(f"Search for at most {MAX_TERM} characters, none of them null.")
        return term, *rest

    def has_perm(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self.model_admin.allows(request, "choose")

    def get_queryset(self) -> models.QuerySet:
        return super().get_queryset().filter(self.model_admin.on_offer)

    def serialize_result(self, obj: models.Model, to_field_name: str) -> dict[str, str]:
        return {"id": obj.pk, "text": self.model_admin.choice_label(obj)}


class _WellFormedIds:
    """Draws a form again whose ids were malformed: the stock widget looks them up, which such ids refuse."""

    def optgroups(self, name: str, value: list[str], attr: Any = None) -> Any:
        return super().optgroups(name, [one for one in value if is_id(one)], attr)  # type: ignore[misc]


class Choice(_WellFormedIds, AutocompleteSelect):
    """One row, found by typing."""


class Choices(_WellFormedIds, AutocompleteSelectMultiple):
    """Several rows, found by typing."""


class CirceAdminSite(AdminSite):
    """The back office."""

    site_header = site_title = "Circe"
    index_title = "Back office"
    site_url = None
    # The pages stand in the header instead: a list needs the width.
    enable_nav_sidebar = False
    login_form = LogInForm

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self.disable_action("delete_selected")

    # No transaction around it: a counted failure outlives whatever becomes of the request.
    @non_atomic_requests
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return _with_status(super().login(request, extra_context))

    @non_atomic_requests
    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        view = PasswordChangeView.as_view(
            form_class=partial(OwnPasswordForm, address=client_address(request)),
            success_url=reverse("admin:password_change_done", current_app=self.name),
            extra_context=self.each_context(request) | (extra_context or {}),
        )
        request.current_app = self.name
        return _with_status(view(request))

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        return Autocomplete.as_view(admin_site=self)(request)


def _with_status(response: HttpResponse) -> HttpResponse:
    """The page of a ThrottledForm: a 429 where the password was not checked."""
    form = getattr(response, "context_data", {}).get("form")
    if form is not None and form.wait is not None:
        response.status_code = 429
        response["Retry-After"] = str(math.ceil(form.wait))
    return response
