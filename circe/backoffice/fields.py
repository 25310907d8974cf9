"""Form fields for days, clock times and whole numbers, as the country of the business writes them."""

import datetime as dt
import re
import unicodedata
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import ProhibitNullCharactersValidator
from django.utils.formats import date_format

from circe.backoffice.regional import format_number, parse_whole_number

EXAMPLE_DAY, EXAMPLE_NUMBER = dt.date(2025, 1, 31), 1250
# The years that a day in the format of a country may have. Another year is of another calendar, such as 2569 in Thailand,
# or it is incomplete.
YEARS = range(1850, 2200)
_ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
# `14:3` may be the beginning of 14:30.
_ONE_DIGIT_OF_MINUTES = re.compile(r"\d[:.]\d(?!\d)")


class _NativeInput:
    """Shows the browser's own input for a value that the browser understands. Shows any other value as the typed text."""

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)  # type: ignore[misc]
        shown = context["widget"]["value"]
        if shown and not re.fullmatch(r"\d{4}-\d\d-\d\d|\d\d:\d\d(:\d\d)?", shown):
            context["widget"]["type"] = "text"
        return context


class DayInput(_NativeInput, forms.DateInput):
    """An input for a day, whose value is in ISO 8601."""

    input_type = "date"

    def __init__(self, attrs: Any = None) -> None:
        super().__init__({"class": "vDateField"} | (attrs or {}), format="%Y-%m-%d")


class ClockInput(_NativeInput, forms.TimeInput):
    """An input for a clock time, in hours and minutes."""

    input_type = "time"

    def __init__(self, attrs: Any = None) -> None:
        super().__init__({"class": "vTimeField"} | (attrs or {}))

    def format_value(self, value: Any) -> Any:
        return value.isoformat("seconds" if value.second else "minutes") if isinstance(value, dt.time) else value


class WholeNumberInput(forms.TextInput):
    """An input for a whole number. It is no number input, in which each browser reads points and commas in its own way."""

    def __init__(self, attrs: Any = None) -> None:
        super().__init__({"class": "vIntegerField", "inputmode": "numeric"} | (attrs or {}))


class DayField(forms.DateField):
    """A day, in ISO 8601 or as the country writes it. A day as another country writes it is refused, since it could mean
    another day.
    """

    widget = DayInput

    def to_python(self, value: Any) -> dt.date | None:
        text = _plain(value)
        try:
            day = super().to_python(text)
            if day and day.year not in YEARS and not _ISO_DAY.fullmatch(str(text)):
                raise ValidationError("", code="invalid")
            return day
        except ValidationError:
            examples = dict.fromkeys([EXAMPLE_DAY.isoformat(), date_format(EXAMPLE_DAY, "SHORT_DATE_FORMAT")])
            raise ValidationError(
                f"“{value}” is not a day here. Write a day such as {' or '.join(examples)}.", code="invalid"
            ) from None


class ClockField(forms.TimeField):
    """A clock time such as 14:30, 14.30 or 2:30 pm."""

    widget = ClockInput

    def to_python(self, value: Any) -> dt.time | None:
        text = _plain(value)
        try:
            if isinstance(text, str) and _ONE_DIGIT_OF_MINUTES.search(text):
                raise ValidationError("", code="invalid")
            return super().to_python(text)
        except ValidationError:
            raise ValidationError(f"“{value}” is not a time. Write it as 14:30.", code="invalid") from None


class WholeNumberField(forms.IntegerField):
    """A whole number, with or without the separators that the country writes between thousands."""

    widget = WholeNumberInput

    def to_python(self, value: Any) -> int | None:
        text = _plain(value)
        if isinstance(text, str) and text not in self.empty_values:
            try:
                return parse_whole_number(text)
            except ValueError:
                examples = f"90 or {format_number(EXAMPLE_NUMBER)}"
                raise ValidationError(
                    f"“{value}” is not a whole number here. Write a number such as {examples}.", code="invalid"
                ) from None
        return super().to_python(text)


def _plain(value: Any) -> Any:
    """Returns a typed or pasted text in plain form: with ASCII digits and plain blanks, and without invisible marks. Other
    values stay as they are. Raises ValidationError for a NUL.
    """
    ProhibitNullCharactersValidator()(value)
    if not isinstance(value, str):
        return value
    visible = (one for one in unicodedata.normalize("NFKC", value) if unicodedata.category(one) != "Cf")
    return " ".join("".join(str(unicodedata.decimal(one, one)) for one in visible).split())
