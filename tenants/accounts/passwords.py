"""The form in which passwords are compared, and what a new password must be.

Keyboards and systems write the same character in several Unicode forms: `é` as one character or as two, `ａ` for `a`. So a
password is compared in NFKC, as NIST SP 800-63B advises.
"""

import unicodedata
from typing import Any

from django.contrib.auth import password_validation
from django.core.validators import MaxLengthValidator
from django.utils.translation import gettext, ngettext

from circe.api.serializers import MAX_PASSWORD_LENGTH


def normalize_password(password: str) -> str:
    """Returns the password in NFKC."""
    return unicodedata.normalize("NFKC", password)


class MaxPasswordLengthValidator(MaxLengthValidator):
    """Django's validator, for the password in NFKC."""

    def clean(self, x: Any) -> int:
        return len(normalize_password(x))


validate_max_password_length = MaxPasswordLengthValidator(MAX_PASSWORD_LENGTH)


class MinimumLengthValidator(password_validation.MinimumLengthValidator):
    """Django's validator, for the password in NFKC."""

    def validate(self, password: str, user: Any = None) -> None:
        super().validate(normalize_password(password), user)

    def get_error_message(self) -> str:
        """Returns Django's message. The text stands here, so that `makemessages` adds it to our catalogues: Django has no
        translation in some of our languages.
        """
        return (
            ngettext(
                "This password is too short. It must contain at least %d character.",
                "This password is too short. It must contain at least %d characters.",
                self.min_length,
            )
            % self.min_length
        )


class CommonPasswordValidator(password_validation.CommonPasswordValidator):
    """Django's validator, for the password in NFKC."""

    def validate(self, password: str, user: Any = None) -> None:
        super().validate(normalize_password(password), user)


class MaximumLengthValidator:
    """Refuses a password that is longer than a log-in accepts."""

    def validate(self, password: str, user: Any = None) -> None:
        validate_max_password_length(password)

    def get_help_text(self) -> str:
        return gettext("Your password can contain at most %(length)d characters.") % {"length": MAX_PASSWORD_LENGTH}
