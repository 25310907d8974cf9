"""Validators of a customer's values."""

import datetime as dt
import re

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator

from circe.api.time_zone import local_today
from tenants.characters import has_visible_character

validate_source = RegexValidator(
    r"\A[a-z0-9][a-z0-9_-]*\Z",
    "A source is made of lower-case letters, digits, hyphens and underscores.",
    code="invalid",
)

# Control characters, and characters that reverse the text after them. `Customer.clean` removes other characters that
# nobody sees.
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f\u202d\u202e]")


def validate_name(value: str) -> None:
    """Raises ValidationError for a name without a visible character, or with control characters."""
    if _CONTROL_CHARACTERS.search(value) or not has_visible_character(value):
        raise ValidationError("A name is made of characters that can be seen.", code="invalid")


def validate_date_of_birth(value: dt.date) -> None:
    """Raises ValidationError for a day before 1900, or after today in the tenant's time zone."""
    if not dt.date(1900, 1, 1) <= value <= local_today():
        raise ValidationError("A date of birth lies between 1900 and today.", code="invalid")
