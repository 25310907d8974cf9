"""Reads query parameters strictly: a value that is not valid is a 400, and is never ignored."""

import copy
import datetime as dt
import re
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

import django_filters
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms import CharField, Form, MultipleHiddenInput
from django.http import QueryDict
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ErrorDetail
from rest_framework.exceptions import ValidationError as BadRequest
from rest_framework.request import Request

from circe.api.instants import parse_instant
from circe.api.time_zone import local_zone
from circe.db.ids import ID_PATTERN, is_id

BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
DAY_PATTERN = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)
_NUMBER_PATTERN = re.compile(r"[0-9]{1,10}\Z")
# Two decimals are those of most currencies; the sums are whole numbers of 8 bytes.
_AMOUNT_PATTERN = re.compile(r"\d{1,19}(\.\d{1,2})?\Z", re.ASCII)
MAX_AMOUNT = 2**63 - 1


def get_single_param(request: Request, name: str) -> str | None:
    """Returns a parameter's value, None if it is absent. Raises BadRequest if it is given twice or has a NUL."""
    values = request.query_params.getlist(name)
    if len(values) > 1:
        raise BadRequest({name: "Give this parameter once."})
    if values and "\0" in values[0]:
        raise BadRequest({name: ErrorDetail("Null characters are not allowed.", code="null_characters_not_allowed")})
    return values[0] if values else None


def get_boolean_param(request: Request, name: str, *, default: bool) -> bool:
    """Returns the value of a boolean parameter. Raises BadRequest if it is not a boolean."""
    value = get_single_param(request, name)
    if value is None:
        return default
    try:
        return to_boolean(value)
    except ValidationError as error:
        raise BadRequest({name: error.messages}) from error


def get_number_param(request: Request, name: str, *, default: int, maximum: int) -> int:
    """Returns the value of a parameter that is a whole number. Raises BadRequest if it is not from 1 to `maximum`."""
    text = get_single_param(request, name)
    if text is None:
        return default
    value = int(text) if _NUMBER_PATTERN.match(text) else 0
    if not 1 <= value <= maximum:
        raise BadRequest({name: f"Write a whole number from 1 to {maximum}."})
    return value


def to_boolean(value: str) -> bool:
    """Returns True for `true` and `1`, False for `false` and `0`, in any case. Raises ValidationError otherwise."""
    try:
        return BOOLEANS[value.lower()]
    except KeyError as error:
        raise ValidationError("Write true or false.", code="invalid") from error


def to_day_or_instant(value: str) -> dt.date | dt.datetime:
    """Returns `YYYY-MM-DD` as a date, and an ISO 8601 instant as a datetime in UTC.

    An instant without an offset is in the tenant's time zone. Raises ValidationError for anything else.
    """
    try:
        if DAY_PATTERN.match(value):
            return dt.date.fromisoformat(value)
        return parse_instant(value, local_zone())
    except (ValueError, OverflowError):
        pass
    raise ValidationError("Write a day such as 2025-01-31 or an instant such as 2025-01-31T10:30:00Z.", code="invalid")


def first_instant(value: dt.date | dt.datetime) -> dt.datetime:
    """Returns the first instant of a day in `local_zone()`; returns an instant as it is."""
    if isinstance(value, dt.datetime):
        return value
    try:
        return dt.datetime.combine(value, dt.time(), local_zone()).astimezone(dt.UTC)
    except OverflowError:
        return dt.datetime.min.replace(tzinfo=dt.UTC)


def last_instant(value: dt.date | dt.datetime) -> dt.datetime:
    """Returns the last microsecond of a day in `local_zone()`, or of an instant's second if it has no microseconds."""
    if isinstance(value, dt.datetime):
        return value if value.microsecond else value.replace(microsecond=999_999)
    try:
        return first_instant(value + dt.timedelta(days=1)) - dt.timedelta(microseconds=1)
    except OverflowError:
        return dt.datetime.max.replace(tzinfo=dt.UTC)


def is_reversed(start: Any, end: Any) -> bool:
    """Returns whether a range of days, instants or amounts ends before it begins."""
    if isinstance(start, dt.datetime) or isinstance(end, dt.datetime):
        return first_instant(start) > last_instant(end)
    # Days are compared as days, since a day that a time zone skipped (2011-12-30 in Pacific/Apia) has no instant.
    return start > end


def to_local_day(value: dt.date | dt.datetime) -> dt.date:
    """Returns the day in `local_zone()` of a day or an instant."""
    if not isinstance(value, dt.datetime):
        return value
    try:
        return value.astimezone(local_zone()).date()
    except OverflowError:  # the first or the last day of the calendar
        return value.date()


def to_amount(value: str) -> Decimal:
    """Returns an amount of money. Raises ValidationError for anything but digits with at most two decimals.

    Three decimals are refused: `350.000` is 350,000 to many. So are signs, exponents, NaN and infinity.
    """
    if not _AMOUNT_PATTERN.match(value):
        raise ValidationError("Write an amount such as 350000, without separators.", code="invalid")
    amount = Decimal(value)
    if amount > MAX_AMOUNT:
        raise ValidationError(f"Write an amount of at most {MAX_AMOUNT}.", code="max_value")
    return amount


class Choice:
    """Converts one of the allowed words, in any case. Raises ValidationError that names them for any other."""

    def __init__(self, allowed: Collection[str] | Mapping[str, Any]) -> None:
        self.allowed = tuple(allowed)

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the parameter."""
        return {"type": "string", "enum": list(self.allowed)}

    def __call__(self, value: str) -> str:
        if value.lower() not in self.allowed:
            raise ValidationError(f"Write one of {', '.join(self.allowed)}.", code="invalid_choice")
        return value.lower()


class StrictField(CharField):
    """A form field that passes its text to `convert`. It converts an empty text too, which most functions refuse."""

    def __init__(self, *, convert: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs, strip=True, empty_value=None)
        self.convert = convert

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        return None if value is None else self.convert(text or "")


class StrictListField(StrictField):
    """A form field that passes a list of texts to `convert`. The parameter may hold commas, and may be repeated.

    An empty parameter counts as absent.
    """

    widget = MultipleHiddenInput

    def clean(self, value: Any) -> Any:
        texts = [text for text in (CharField.clean(self, one) for one in value) if text]
        return self.convert([part.strip() for text in texts for part in text.split(",")]) if texts else None


class StrictFilter(django_filters.Filter):
    """A filter whose form field is a StrictField."""

    field_class = StrictField
    # The JSON Schema of the parameter in the OpenAPI document.
    schema: dict[str, Any] = {"type": "string"}

    def __init__(self, *args: Any, schema: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.schema = schema or self.schema

    def __deepcopy__(self, memo: dict[int, Any]) -> "StrictFilter":
        """Copies the filter for the filter set of a request, which only sets attributes. The two share the objects to which
        their attributes refer.
        """
        copied = copy.copy(self)
        # Binds the copy, not the original, to its filter set.
        copied.method = self.method
        return copied


class BooleanFilter(StrictFilter):
    """A filter that reads `true` or `false`."""

    schema = {"type": "boolean"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, convert=to_boolean, **kwargs)


class DayOrInstantFilter(StrictFilter):
    """A filter that reads a day or an instant."""

    schema = {"type": "string", "format": "date"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, convert=to_day_or_instant, **kwargs)


class AmountFilter(StrictFilter):
    """A filter that reads an amount of money."""

    schema = {"type": "number", "minimum": 0, "maximum": MAX_AMOUNT}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, convert=to_amount, **kwargs)


class ExistingIdFilter(StrictFilter):
    """A filter that reads the id of a row of `queryset`, which is scoped: the id of another tenant's row is an error like
    an unknown id.
    """

    schema = {"type": "string", "pattern": ID_PATTERN}

    def __init__(self, *args: Any, queryset: QuerySet, **kwargs: Any) -> None:
        super().__init__(*args, convert=self._to_existing_id, **kwargs)
        self.rows = queryset

    def _to_existing_id(self, value: str) -> str:
        if not is_id(value) or not self.rows.filter(pk=value).exists():
            what = self.rows.model._meta.verbose_name
            raise ValidationError(f"There is no {what} with this id.", code="absent")
        return value


class ListFilter(StrictFilter):
    """A filter that reads several values. `convert` takes them as a list."""

    field_class = StrictListField
    schema = {"type": "array", "items": {"type": "string"}}


class StrictFilterBackend(DjangoFilterBackend):
    """Filters only if the request has a parameter of the filter set; otherwise the queryset stays the same object."""

    def get_filterset(self, request: Request, queryset: QuerySet, view: Any) -> django_filters.FilterSet | None:
        given = view.filterset_class.base_filters.keys() & request.query_params.keys()
        return super().get_filterset(request, queryset, view) if given else None


class StrictFilterSet(django_filters.FilterSet):
    """A filter set that refuses a range that ends before it begins, and a parameter given twice that is not a list.

    `ranges` has the names of the first and the last parameter of each range.
    """

    ranges: tuple[tuple[str, str], ...] = ()
    _form_class: type[Form]

    def get_form_class(self) -> type[Form]:
        """Returns one form class for all requests: each form copies its fields."""
        cls = type(self)
        # A filter set that extends another one has a form of its own.
        if "_form_class" not in vars(cls):
            cls._form_class = super().get_form_class()
        return cls._form_class

    def is_valid(self) -> bool:
        values = self.form.cleaned_data if super().is_valid() else {}
        for name, rule in self.filters.items():
            if isinstance(rule, ListFilter) or not isinstance(self.data, QueryDict):
                continue
            if len(self.data.getlist(name)) > 1 and not self.form.has_error(name, "repeated"):
                self.form.add_error(name, ValidationError("Give this parameter once.", code="repeated"))
        for first, last in self.ranges:
            start, end = values.get(first), values.get(last)
            if start is not None and end is not None and is_reversed(start, end):
                than = "more than" if isinstance(start, Decimal) else "after"
                self.form.add_error(first, ValidationError(f"{first} is {than} {last}.", code="invalid"))
        return super().is_valid()
