"""Query parameters, read strictly: what can't be understood is a 400 and never quietly ignored."""

import datetime as dt
import re
from typing import Any

import django_filters
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms import CharField, Form
from django.http import QueryDict
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ValidationError as BadRequest
from rest_framework.request import Request

from circe.api.time_zone import local_zone

BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}(:\d{2}([.,]\d{1,6})?)?([Zz]|[+\- ]\d{2}:?\d{2})?\Z", re.ASCII)


def single(request: Request, name: str) -> str | None:
    """The value of a parameter, None where it is absent. Raises a 400 where it is given twice or holds a NUL."""
    values = request.query_params.getlist(name)
    if len(values) > 1:
        raise BadRequest({name: "Give this parameter once."})
    if values and "\0" in values[0]:
        raise BadRequest({name: "Null characters are not allowed."})
    return values[0] if values else None


def boolean(request: Request, name: str, *, default: bool) -> bool:
    """A parameter that is true or false. Raises a 400 for anything else."""
    value = single(request, name)
    if value is None:
        return default
    try:
        return to_boolean(value)
    except ValidationError as error:
        raise BadRequest({name: error.messages}) from error


def to_boolean(value: str) -> bool:
    """True for `true` and `1`, False for `false` and `0`, in any case. Raises ValidationError for anything else."""
    try:
        return BOOLEANS[value.lower()]
    except KeyError as error:
        raise ValidationError("Write true or false.", code="invalid") from error


def to_day_or_instant(value: str) -> dt.date | dt.datetime:
    """`YYYY-MM-DD` as a date; an ISO 8601 instant as a datetime in UTC (one without an offset: the tenant's clock).

    A `+` of an offset that arrives as a space is understood. Raises ValidationError for anything else.
    """
    try:
        if DAY.match(value):
            return dt.date.fromisoformat(value)
        if _INSTANT.match(value):
            instant = dt.datetime.fromisoformat(value.replace(" ", "+").upper())
            return (instant if instant.tzinfo else instant.replace(tzinfo=local_zone())).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        pass
    raise ValidationError("Write a day such as 2025-01-31 or an instant such as 2025-01-31T10:30:00Z.", code="invalid")


def first_instant(value: dt.date | dt.datetime) -> dt.datetime:
    """The first instant of a day in `local_zone()`; an instant itself."""
    if isinstance(value, dt.datetime):
        return value
    try:
        return dt.datetime.combine(value, dt.time(), local_zone()).astimezone(dt.UTC)
    except OverflowError:
        return dt.datetime.min.replace(tzinfo=dt.UTC)


def last_instant(value: dt.date | dt.datetime) -> dt.datetime:
    """The last microsecond of a day in `local_zone()`; of a second, which is how instants are told; else the instant."""
    if isinstance(value, dt.datetime):
        return value if value.microsecond else value.replace(microsecond=999_999)
    try:
        return first_instant(value + dt.timedelta(days=1)) - dt.timedelta(microseconds=1)
    except OverflowError:
        return dt.datetime.max.replace(tzinfo=dt.UTC)


def is_reversed(start: dt.date | dt.datetime, end: dt.date | dt.datetime) -> bool:
    """Whether a range, given by its first and last day or instant, ends before it begins."""
    if isinstance(start, dt.datetime) or isinstance(end, dt.datetime):
        return first_instant(start) > last_instant(end)
    # Days compare as days: one that a zone skipped (2011-12-30 in Pacific/Apia) has no instant, but is not reversed.
    return start > end


def as_day(value: dt.date | dt.datetime) -> dt.date:
    """The day in `local_zone()` of what `to_day_or_instant` gives."""
    if not isinstance(value, dt.datetime):
        return value
    try:
        return value.astimezone(local_zone()).date()
    except OverflowError:  # the first or the last day there is
        return value.date()


class StrictField(CharField):
    """A form field that hands its text, once given, to `convert`. An empty text is an error, not an absence."""

    def __init__(self, *, convert: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs, strip=True, empty_value=None)
        self.convert = convert

    def clean(self, value: Any) -> Any:
        return None if value is None else self.convert(super().clean(value) or "")


class StrictFilter(django_filters.Filter):
    """A filter over StrictField."""

    field_class = StrictField
    # Of the parameter in the OpenAPI document.
    schema: dict[str, Any] = {"type": "string"}

    def __init__(self, *args: Any, schema: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.schema = schema or self.schema


class BooleanFilter(StrictFilter):
    """`true` or `false`."""

    schema = {"type": "boolean"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, convert=to_boolean, **kwargs)


class DayFilter(StrictFilter):
    """A day or an instant."""

    schema = {"type": "string", "format": "date"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, convert=to_day_or_instant, **kwargs)


class StrictFilterBackend(DjangoFilterBackend):
    """Makes a form only where there is a parameter to read: else the queryset stays the very same."""

    def get_filterset(self, request: Request, queryset: QuerySet, view: Any) -> django_filters.FilterSet | None:
        given = view.filterset_class.base_filters.keys() & request.query_params.keys()
        return super().get_filterset(request, queryset, view) if given else None


class StrictFilterSet(django_filters.FilterSet):
    """A filter set that refuses a parameter given twice, and a range that ends before it begins.

    `ranges` names the pairs of parameters that bound one.
    """

    ranges: tuple[tuple[str, str], ...] = ()
    _form_class: type[Form] | None = None

    def get_form_class(self) -> type[Form]:
        """The same for every request: a form copies its fields."""
        kind = type(self)
        kind._form_class = kind._form_class or super().get_form_class()
        return kind._form_class

    def is_valid(self) -> bool:
        values = self.form.cleaned_data if super().is_valid() else {}
        for name in self.filters:
            if isinstance(self.data, QueryDict) and len(self.data.getlist(name)) > 1:
                self.form.add_error(name, ValidationError("Give this parameter once.", code="repeated"))
        for first, last in self.ranges:
            start, end = values.get(first), values.get(last)
            if start and end and is_reversed(start, end):
                self.form.add_error(first, ValidationError(f"{first} is after {last}.", code="invalid"))
        return super().is_valid()
