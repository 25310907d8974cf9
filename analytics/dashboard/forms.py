"""The form of the dashboard: business and period."""

import datetime as dt
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from analytics.months import to_first_day, to_month_number
from analytics.statistics import Period
from circe.api.parameters import to_day_or_instant, to_local_day
from circe.api.time_zone import local_today
from circe.backoffice.fields import DayField
from tenants.models import Tenant
from tenants.scope import enter_scope

PERIODS = [
    ("last_12_months", "Last 12 months"),
    ("this_month", "This month"),
    ("this_year", "This year"),
    ("all_time", "All time"),
]


class PeriodDayField(DayField):
    """A day in the format of the API or of the country. It is None if the field is empty."""

    def to_python(self, value: Any) -> dt.date | None:
        try:
            return to_local_day(to_day_or_instant(value)) if value else None
        except ValidationError:
            return super().to_python(value)


class PeriodForm(forms.Form):
    """A period, given by its name or by its days. A super_admin also chooses a business, which is then in scope.

    A valid form has `chosen_period`, and `period_name`: a name of PERIODS, or `dates` if the days were given.
    """

    periods = PERIODS
    chosen_period: Period
    period_name: str

    # This field comes first: cleaning it opens the scope of the business, and the days are read in that business's
    # time zone.
    tenant_id = forms.ModelChoiceField(
        Tenant.objects.all(),
        required=False,
        label="Business",
        empty_label="All businesses together",
        error_messages={"invalid_choice": "There is no business with this id."},
    )
    from_date = PeriodDayField(required=False, label="From")
    to_date = PeriodDayField(required=False, label="To")
    period = forms.ChoiceField(
        choices=[*PERIODS, ("dates", "These days")],
        required=False,
        error_messages={"invalid_choice": "Choose one of the named periods, or give the days."},
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
            self._set_period(**self.cleaned_data)
        return self.cleaned_data

    def _set_period(
        self, *, from_date: dt.date | None, to_date: dt.date | None, period: str, tenant_id: Tenant | None = None
    ) -> None:
        days = Period(from_date, to_date)
        self.period_name = period or ("dates" if any(days) else PERIODS[0][0])
        if self.period_name != "dates":
            days = get_named_period(self.period_name)
        elif from_date and to_date and from_date > to_date:
            raise ValidationError("The first day is after the last one: swap them.", code="invalid")
        self.chosen_period = days
        self.data = {"tenant_id": tenant_id and tenant_id.pk, "from_date": days.first, "to_date": days.last}


def get_named_period(name: str) -> Period:
    """Returns the period with that name. It ends today, except `all_time`, which has neither a start nor an end."""
    today = local_today()
    match name:
        case "this_month":
            return Period(today.replace(day=1), today)
        case "this_year":
            return Period(today.replace(month=1, day=1), today)
        case "all_time":
            return Period()
    return Period(to_first_day(to_month_number(today) - 11), today)
