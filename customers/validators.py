"""Validators of a customer's values."""

import datetime as dt

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator

from circe.api.time_zone import local_today

validate_source = RegexValidator(
    r"\A[a-z0-9][a-z0-9_-]*\Z",
    "A source is made of lower-case letters, digits, hyphens and underscores.",
    code="invalid",
)


def validate_date_of_birth(value: dt.date) -> None:
    """Raises ValidationError for a day before 1900, or after today in the tenant's time zone."""
    if not dt.date(1900, 1, 1) <= value <= local_today():
        raise ValidationError("A date of birth lies between 1900 and today.", code="invalid")
