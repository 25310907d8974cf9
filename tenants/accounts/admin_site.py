"""The sign-in of the back office, and the change of one's own password there."""

import math
from functools import partial
from typing import Any

from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from circe.backoffice.site import CirceAdminSite, opens_own_transactions
from tenants.accounts.forms import LogInForm, OwnPasswordForm
from tenants.accounts.throttling import client_address


class AccountsAdminSite(CirceAdminSite):
    """The back office with the accounts of the API, and the same limits on guessing passwords."""

    login_form = LogInForm

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        # A person who opens the index page needs no explanation.
        start, asked_for = reverse("admin:index", current_app=self.name), request.GET.get("next", "")
        context = {"was_redirected": asked_for not in ("", start)} | (extra_context or {})
        return _set_throttled_status(super().login(request, context))

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        business = getattr(request.user, "tenant", None)
        return super().logout(request, {"business": business and str(business)} | (extra_context or {}))

    # A counted failure is kept even if the request fails later.
    @opens_own_transactions
    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        view = PasswordChangeView.as_view(
            form_class=partial(OwnPasswordForm, address=client_address(request)),
            success_url=reverse("admin:password_change_done", current_app=self.name),
            extra_context=self.each_context(request) | (extra_context or {}),
        )
        request.current_app = self.name
        return _set_throttled_status(view(request))


def _set_throttled_status(response: HttpResponse) -> HttpResponse:
    """Sets the status 429 if the form refused to check the password because of a limit."""
    form = getattr(response, "context_data", {}).get("form")
    if form is not None and form.retry_after_seconds is not None:
        response.status_code = 429
        response["Retry-After"] = str(math.ceil(form.retry_after_seconds))
    return response
