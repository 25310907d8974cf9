"""Which figures a person asks for."""

import datetime as dt
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from analytics.months import first_day, month_number
from analytics.statistics import Period, today
from circe.api.parameters import as_day, to_day_or_instant
from tenants.models import Tenant
from tenants.scope import enter_scope

PERIODS = [
    ("last_12_months", "Last 12 months"),
    ("this_month", "This month"),
    ("this_year", "This year"),
    ("all_time", "All time"),
]


class DayField(forms.CharField):
    """A day as the API reads one; None where it is left empty."""

    widget = forms.TextInput(attrs={"type": "date"})

    def clean(self, value: Any) -> dt.date | None:
        text = super().clean(value)
        return as_day(to_day_or_instant(text)) if text else None


class FiguresForm(forms.Form):
    """A business, which is a super_admin's to choose and then in scope, and a period: a named one, or days.

    Once valid, it shows the days of `chosen`, which goes by `name`, `dates` where it has none.
    """

    periods = PERIODS
    chosen: Period
    name: str

    # First, so that days are read by its clock.
    tenant_id = forms.ModelChoiceField(
        Tenant.objects.all(),
        required=False,
        label="Business",
        empty_label="All businesses together",
        error_messages={"invalid_choice": "There is no business with this id."},
    )
    from_date = DayField(required=False, label="From")
    to_date = DayField(required=False, label="To")
    period = forms.ChoiceField(
        choices=[*PERIODS, ("dates", "The days above")],
        required=False,
        error_messages={"invalid_choice": "Choose one of the periods below, or days."},
    )

    def __init__(self, data: QueryDict, *, tenant: Tenant | None) -> None:
        super().__init__(data)
        if tenant:
            del self.fields["tenant_id"]

    def clean_tenant_id(self) -> Tenant | None:
        tenant = self.cleaned_data["tenant_id"]
        if tenant:
            enter_scope(tenant)
        return tenant

    def clean(self) -> dict[str, Any]:
        for name in self.fields:
            if len(self.data.getlist(name)) > 1:
                self.add_error(name, ValidationError("Give this once.", code="repeated"))
        if not self.errors:
            self._choose(**self.cleaned_data)
        return self.cleaned_data

    def _choose(
        self, *, from_date: dt.date | None, to_date: dt.date | None, period: str, tenant_id: Tenant | None = None
    ) -> None:
        days = Period(from_date, to_date)
        self.name = period or ("dates" if any(days) else PERIODS[0][0])
        if self.name != "dates":
            days = named_period(self.name)
        elif from_date and to_date and from_date > to_date:
            raise ValidationError("The first day is after the last one: swap them.", code="invalid")
        self.chosen = days
        self.data = {"tenant_id": tenant_id and tenant_id.pk, "from_date": days.first, "to_date": days.last}


def named_period(name: str) -> Period:
    """The period of that name, up to today."""
    day = today()
    match name:
        case "this_month":
            return Period(day.replace(day=1), day)
        case "this_year":
            return Period(day.replace(month=1, day=1), day)
        case "all_time":
            return Period()
    return Period(first_day(month_number(day) - 11), day)
