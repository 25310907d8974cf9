"""The forms that check a password: signing in to the back office, and changing one's own password."""

import math
from typing import Any

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm, AdminPasswordChangeForm
from django.contrib.auth.forms import UsernameField
from django.core.exceptions import ValidationError
from rest_framework.exceptions import Throttled

from circe.api.serializers import MAX_PASSWORD_LENGTH
from tenants.accounts.throttling import throttled


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
