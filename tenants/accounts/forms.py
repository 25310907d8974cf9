"""The forms that check a password: signing in to the back office, and changing one's own password."""

import math
from typing import Any

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm, AdminPasswordChangeForm
from django.contrib.auth.forms import UsernameField
from django.core.exceptions import ValidationError
from rest_framework.exceptions import Throttled

from tenants.accounts.passwords import validate_max_password_length
from tenants.accounts.throttling import check_password_with_limits


class ThrottledForm(forms.Form):
    """A form that checks a password, within the limits of `tenants.accounts.throttling`."""

    # After too many failures: in how many seconds a password is checked again. Otherwise None.
    retry_after_seconds: float | None = None

    def throttled_error(self, error: Throttled) -> ValidationError:
        """Returns the error of the form whose password was not checked."""
        self.retry_after_seconds = error.wait
        return ValidationError(
            f"Too many failed attempts. Try again in {math.ceil(error.wait / 60)} min.", code="throttled"
        )


class LogInForm(ThrottledForm, AdminAuthenticationForm):
    """The log-in form: e-mail and password, for the same accounts as the API."""

    username = UsernameField(
        label="E-mail", max_length=254, widget=forms.TextInput(attrs={"autofocus": True, "inputmode": "email"})
    )
    password = forms.CharField(
        validators=[validate_max_password_length],
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    error_messages = {"invalid_login": "No active account has this e-mail and password."}

    def clean(self) -> dict[str, Any]:
        try:
            return super().clean()
        except Throttled as error:
            raise self.throttled_error(error) from error


class OwnPasswordForm(ThrottledForm, AdminPasswordChangeForm):
    """Changes one's own password. A wrong old password counts as a failed log-in from `address`."""

    old_password = forms.CharField(
        label="Old password",
        validators=[validate_max_password_length],
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )

    def __init__(self, *args: Any, address: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.address = address

    def clean_old_password(self) -> str:
        password = self.cleaned_data["old_password"]
        try:
            is_correct = check_password_with_limits(
                lambda: self.user if self.user.check_password(password) else None,
                account=self.user.email,
                address=self.address,
            )
        except Throttled as error:
            raise self.throttled_error(error) from error
        if not is_correct:
            raise ValidationError(self.error_messages["password_incorrect"], code="password_incorrect")
        return password
