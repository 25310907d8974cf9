"""The query parameters of the statistics."""

from analytics.statistics import Period
from appointments.models import Appointment
from circe.api.parameters import DayFilter, StrictFilterSet, as_day


class PeriodFilter(StrictFilterSet):
    """The query parameters of the summary. They give a period and filter no rows."""

    ranges = (("from_date", "to_date"),)

    from_date = DayFilter(help_text="First day of the period, the tenant's. Absent: from the beginning.")
    to_date = DayFilter(help_text="Last day of the period, the tenant's. Absent: without an end.")

    class Meta:
        model = Appointment
        fields: list[str] = []

    @property
    def period(self) -> Period:
        """The period that the parameters give. Call `is_valid()` first."""
        first, last = (self.form.cleaned_data[name] for name in ("from_date", "to_date"))
        return Period(first and as_day(first), last and as_day(last))
