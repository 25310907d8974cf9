"""The filters of a customer's appointments in the API."""

import datetime as dt

from django.core.exceptions import ValidationError

from appointments.models import Appointment, AppointmentQuerySet, Status
from circe.api.parameters import DayFilter, StrictFilter, StrictFilterSet, as_day

STATUS_BY_SPELLING = {
    "no-show": Status.NO_SHOW,
    "canceled": Status.CANCELLED,
    **{status.value: status for status in Status},
}


def parse_statuses(text: str) -> list[Status]:
    """Returns the statuses of a comma-separated list. Raises ValidationError for any other word."""
    try:
        return [STATUS_BY_SPELLING[word.strip().lower()] for word in text.split(",")]
    except KeyError as error:
        raise ValidationError(f"Write one or more of {', '.join(Status.values)}.", code="invalid_choice") from error


class AppointmentFilter(StrictFilterSet):
    """The query parameters that filter a customer's appointments."""

    ranges = (("from_date", "to_date"),)

    status = StrictFilter(
        convert=parse_statuses,
        lookup_expr="in",
        schema={"type": "array", "items": {"type": "string", "enum": Status.values}, "minItems": 1},
        help_text=f"One or several, comma-separated, of {', '.join(f'`{status}`' for status in Status.values)}.",
    )
    from_date = DayFilter(method="filter_from_date", help_text="On this day of the tenant's or later.")
    to_date = DayFilter(method="filter_to_date", help_text="On this day of the tenant's or before.")

    class Meta:
        model = Appointment
        fields: list[str] = []

    def filter_from_date(self, appointments: AppointmentQuerySet, name: str, day: dt.date) -> AppointmentQuerySet:
        return appointments.filter(appointment_date__gte=as_day(day))

    def filter_to_date(self, appointments: AppointmentQuerySet, name: str, day: dt.date) -> AppointmentQuerySet:
        return appointments.filter(appointment_date__lte=as_day(day))
