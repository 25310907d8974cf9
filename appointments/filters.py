"""The filters of a customer's appointments in the API, and those that appointments add to the list of customers."""

import datetime as dt
import math

from django.core.exceptions import ValidationError
from django.db.models import Q

from appointments.models import Appointment, AppointmentQuerySet, Status, undeleted_totals
from circe.api.parameters import AmountFilter, DayOrInstantFilter, ListFilter, StrictFilterSet, to_local_day
from customers.filters import Totals, TotalsParameter

DayOrInstant = dt.date | dt.datetime

STATUS_BY_SPELLING = {
    "no-show": Status.NO_SHOW,
    "canceled": Status.CANCELLED,
    **{status.value: status for status in Status},
}


def parse_statuses(words: list[str]) -> list[Status]:
    """Returns the statuses. Raises ValidationError for any other word."""
    try:
        return [STATUS_BY_SPELLING[word.lower()] for word in words]
    except KeyError as error:
        raise ValidationError(f"Write one or more of {', '.join(Status.values)}.", code="invalid_choice") from error


class AppointmentFilter(StrictFilterSet):
    """The query parameters that filter a customer's appointments."""

    ranges = (("from_date", "to_date"),)

    status = ListFilter(
        convert=parse_statuses,
        lookup_expr="in",
        schema={"type": "array", "items": {"type": "string", "enum": Status.values}, "minItems": 1},
        help_text=(
            "One or several, separated by commas or repeated, of "
            f"{', '.join(f'`{status}`' for status in Status.values)}."
        ),
    )
    from_date = DayOrInstantFilter(method="filter_from_date", help_text="On this day of the tenant's or later.")
    to_date = DayOrInstantFilter(method="filter_to_date", help_text="On this day of the tenant's or before.")

    class Meta:
        model = Appointment
        fields: list[str] = []

    def filter_from_date(
        self, appointments: AppointmentQuerySet, name: str, value: DayOrInstant
    ) -> AppointmentQuerySet:
        return appointments.filter(appointment_date__gte=to_local_day(value))

    def filter_to_date(self, appointments: AppointmentQuerySet, name: str, value: DayOrInstant) -> AppointmentQuerySet:
        return appointments.filter(appointment_date__lte=to_local_day(value))


TOTALS = Totals(
    undeleted_totals,
    columns={"created_at": "created_at", "last_appointment_date": "last_visit", "total_spent": "total_spent"},
)
TOTALS_PARAMETERS = {
    "last_visit_from": TotalsParameter(
        DayOrInstantFilter(help_text="Last visit on this day of the tenant's or later."),
        condition=lambda value: Q(last_visit__gte=to_local_day(value)),
    ),
    "last_visit_to": TotalsParameter(
        DayOrInstantFilter(
            help_text="Last visit on this day of the tenant's or before. Customers without a visit are left out."
        ),
        condition=lambda value: Q(last_visit__lte=to_local_day(value)),
    ),
    # PostgreSQL uses the index of this integer column only if it is compared with a whole number.
    "total_spent_min": TotalsParameter(
        AmountFilter(help_text="Spent this amount or more by visits, in the tenant's currency."),
        condition=lambda amount: Q(total_spent__gte=math.ceil(amount)),
    ),
    "total_spent_max": TotalsParameter(
        AmountFilter(help_text="Spent this amount or less by visits, in the tenant's currency."),
        condition=lambda amount: Q(total_spent__lte=math.floor(amount)),
    ),
}
