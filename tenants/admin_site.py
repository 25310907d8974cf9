"""The site of the Django admin: how one signs in to it, and how one chooses a row in its forms."""

import math
from typing import Any

from django import forms
from django.contrib.admin import AdminSite
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.contrib.admin.widgets import AutocompleteSelect, AutocompleteSelectMultiple
from django.contrib.auth.forms import UsernameField
from django.core.exceptions import BadRequest, ValidationError
from django.db import models
from django.db.transaction import non_atomic_requests
from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import Throttled

from tenants.ids import is_id
from tenants.serializers import MAX_PASSWORD

MAX_TERM = 100


class LogInForm(AdminAuthenticationForm):
    """E-mail and password, of the accounts of the API."""

    username = UsernameField(
        label="E-mail", max_length=254, widget=forms.TextInput(attrs={"autofocus": True, "inputmode": "email"})
    )
    password = forms.CharField(
        max_length=MAX_PASSWORD,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    error_messages = {"invalid_login": "No active account has this e-mail and password."}
    # Seconds until the next guess is taken, once there were too many.
    wait: float | None = None

    def clean(self) -> dict[str, Any]:
        try:
            return super().clean()
        except Throttled as error:
            self.wait = error.wait
            minutes = math.ceil(error.wait / 60)
            raise ValidationError(f"Too many failed attempts. Try again in {minutes} min.", code="throttled") from error


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
        response = super().login(request, extra_context)
        form = getattr(response, "context_data", {}).get("form")
        if form is not None and form.wait is not None:
            response.status_code = 429
            response["Retry-After"] = str(math.ceil(form.wait))
        return response

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        return Autocomplete.as_view(admin_site=self)(request)
