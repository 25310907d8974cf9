"""The filters of the back office list of customers. A filter with `roles` is shown to these roles only."""

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils.formats import date_format

from circe.backoffice.fields import DayField
from circe.backoffice.regional import format_number
from circe.db.ids import is_id
from customers.filters import condition_on_customers
from customers.models import Channel, Customer, CustomerQuerySet
from customers.models.consent import counting_marketing_grants
from customers.tags import clean_tag, validate_tag
from customers.transfer.undoing import import_request_id
from customers.validators import validate_source
from tenants.accounts.permissions import ADMINS
from tenants.models import AuditEvent
from tenants.scope import current_tenant


class DeletedFilter(admin.SimpleListFilter):
    """Shows customers who are not deleted, the deleted ones, or both."""

    roles = ADMINS
    title = "deletion"
    parameter_name = "deleted"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Deleted"), ("all", "Both")]

    def choices(self, changelist: Any) -> list[dict[str, Any]]:
        default, *others = super().choices(changelist)
        return [default | {"display": "Not deleted"}, *others]

    def queryset(self, request: HttpRequest, customers: CustomerQuerySet) -> CustomerQuerySet:
        if self.value() == "all":
            return customers
        return customers.deleted() if self.value() == "yes" else customers.undeleted()


class RegisteredFilter(admin.SimpleListFilter):
    """Shows registered customers or walk-ins."""

    title = "registration"
    parameter_name = "registered"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Registered"), ("no", "Walk-in")]

    def queryset(self, request: HttpRequest, customers: CustomerQuerySet) -> CustomerQuerySet:
        return customers.registered(self.value() == "yes") if self.value() else customers


class ImportFilter(admin.SimpleListFilter):
    """Shows the customers whom an import created or changed. The filter is shown only if the list was opened from the
    page of an import.
    """

    roles = ADMINS
    title = "import"
    parameter_name = "import"
    texts = {"": "Created or changed by it", "created": "Created by it", "updated": "Changed by it"}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        text = request.GET.get(self.parameter_name, "")
        upload_id = text.partition(":")[0]
        if not text:
            return []
        if not is_id(upload_id):
            raise IncorrectLookupParameters
        return [(f"{upload_id}:{kind}".rstrip(":"), text) for kind, text in self.texts.items()]

    def queryset(self, request: HttpRequest, customers: CustomerQuerySet) -> CustomerQuerySet:
        if not self.value():
            return customers
        upload_id, _, kind = self.value().partition(":")
        events = AuditEvent.objects.filter(
            request_id=import_request_id(upload_id), customer_id__isnull=False
        ).order_by()
        created = events.filter(table="customer", action=AuditEvent.Action.CREATED).values("customer_id")
        match kind:
            case "created":
                return customers.filter(pk__in=created)
            case "updated":
                return customers.filter(pk__in=events.values("customer_id")).exclude(pk__in=created)
        return customers.filter(pk__in=events.values("customer_id"))


class RangeFilter(admin.ListFilter):
    """Filters by a range that a person types. Each field has the name and the condition of a query parameter of the
    API's list.
    """

    template = "admin/customers/customer/range_filter.html"
    parameter_names: Collection[str] = ()
    fields: dict[str, forms.Field] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.parameter_names = list(cls.fields)

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        form_class = type("RangeForm", (forms.Form,), dict(self.fields))
        typed = {name: params.pop(name)[-1] for name in self.fields if name in params}
        self.used_parameters = {name: text for name, text in typed.items() if text}
        self.form = form_class(self.used_parameters, auto_id="filter_%s")
        # The other parameters of the URL, which the form of the range sends along.
        self.other_parameters = [
            (name, value)
            for name, values in request.GET.lists()
            for value in values
            if name not in (*self.fields, "p", "e")
        ]

    def has_output(self) -> bool:
        return True

    def expected_parameters(self) -> list[str]:
        return list(self.fields)

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        """Returns the one choice that removes the range. The template shows the form."""
        return iter([{"query_string": changelist.get_query_string(remove=[*self.fields]), "display": "Any"}])

    def queryset(self, request: HttpRequest, rows: QuerySet) -> QuerySet:
        if not self.form.is_valid():
            for name, errors in self.form.errors.items():
                for error in errors:
                    messages.error(request, f"{self.title.capitalize()}, {self.form.fields[name].label}: {error}")
            return rows.none()
        chosen = {name: value for name, value in self.form.cleaned_data.items() if value is not None}
        return rows.filter(self.make_condition(request, chosen)) if chosen else rows

    def make_condition(self, request: HttpRequest, chosen: dict[str, Any]) -> Q:
        """Returns the condition of the chosen values. There is at least one."""
        with_deleted = bool(request.GET.get(DeletedFilter.parameter_name))
        return Q(*(condition_on_customers(name, value, with_deleted=with_deleted) for name, value in chosen.items()))


class CreatedFilter(RangeFilter):
    """Filters by the days on which customers were added."""

    title = "day added"
    fields = {
        "created_from": DayField(required=False, label="from"),
        "created_to": DayField(required=False, label="to"),
    }


class SourceFilter(admin.SimpleListFilter):
    """Shows the customers with one source, which says how they came."""

    title = "source"
    parameter_name = "source"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        chosen = {value for value in [self.value()] if value and value != NO_SOURCE}
        _refuse_invalid_words(map(str.lower, chosen), validate_source)
        return [
            *((source, source) for source in sorted({*sources_of_newest_customers(), *chosen})),
            (NO_SOURCE, "Unknown"),
        ]

    def queryset(self, request: HttpRequest, customers: CustomerQuerySet) -> CustomerQuerySet:
        if not self.value():
            return customers
        return customers.filter(source=None if self.value() == NO_SOURCE else self.value().lower())


class ConsentFilter(admin.SimpleListFilter):
    """Shows customers by whether their consent to marketing counts: on every channel, on one channel, or on none."""

    title = "marketing consent"
    parameter_name = "consent"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        by_channel = [(str(value), f"By {label}") for value, label in Channel.choices]
        return [("all", "On every channel"), *by_channel, ("none", "Not at all")]

    def queryset(self, request: HttpRequest, customers: CustomerQuerySet) -> CustomerQuerySet:
        grants = counting_marketing_grants()
        match self.value():
            case None:
                return customers
            case "none":
                return customers.exclude(pk__in=grants.values("customer_id"))
            case "all":
                # With double opt-in, marketing by e-mail may wait for the mailed link. Otherwise the ledger isn't read.
                by_email = grants.filter(tenant=OuterRef("tenant"), customer=OuterRef("pk"), channel=Channel.EMAIL)
                return customers.filter(Q(tenant__double_opt_in=False) | Exists(by_email), marketing_consent=True)
        return customers.filter(pk__in=grants.filter(channel=self.value()).values("customer_id"))


class TagFilter(admin.SimpleListFilter):
    """Shows customers with a tag."""

    title = "tag"
    parameter_name = "tag"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        chosen = {value for value in [self.value()] if value}
        _refuse_invalid_words(map(clean_tag, chosen), validate_tag)
        return [(tag, tag) for tag in sorted({*tags_of_newest_customers(), *chosen})]

    def queryset(self, request: HttpRequest, customers: CustomerQuerySet) -> CustomerQuerySet:
        return customers.tagged([self.value()]) if self.value() else customers


def _refuse_invalid_words(words: Iterable[str], validate: Callable[[str], None]) -> None:
    """Raises IncorrectLookupParameters if no customer can have one of the words."""
    try:
        for word in words:
            validate(word)
    except ValidationError as error:
        raise IncorrectLookupParameters from error


def describe_filters(changelist: ChangeList) -> list[tuple[str, str]]:
    """Returns the title and the value of each filter of the list that is set, and of the search."""
    described = [("search", f"“{changelist.query}”")] if changelist.query else []
    for spec in changelist.filter_specs:
        if isinstance(spec, RangeFilter):
            parts = [f"{spec.form.fields[name].label} {_describe_value(spec, name)}" for name in spec.used_parameters]
            described += [(spec.title, " ".join(parts))] if parts else []
        elif spec.used_parameters:
            chosen = [str(choice["display"]) for choice in spec.choices(changelist) if choice["selected"]]
            described += [(str(spec.title), ", ".join(chosen))] if chosen else []
    return described


def _describe_value(spec: RangeFilter, name: str) -> str:
    """Returns a value that somebody typed, as the business writes it."""
    match spec.form.cleaned_data.get(name):
        case dt.date() as day:
            return date_format(day)
        case int() as number:
            return format_number(number)
    return spec.used_parameters[name]


# The value of the filter for customers without a source. No source has two minus signs at its start.
NO_SOURCE = "--"


def tags_of_newest_customers() -> list[str]:
    """Returns the tags of the newest 1,000 customers. To read the tags of all customers would be too slow."""
    return sorted({tag for tags in _values_of_newest_customers("tags") for tag in tags})


def sources_of_newest_customers() -> list[str]:
    """Returns the sources of the newest 1,000 customers."""
    return sorted({source for source in _values_of_newest_customers("source") if source})


def _values_of_newest_customers(field: str) -> Any:
    # An index has this order, so that nothing is sorted.
    order = ["-created_at", "-id"] if current_tenant() else ["-id"]
    return Customer.objects.undeleted().order_by(*order).values_list(field, flat=True)[:1000]
