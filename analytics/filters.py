"""The query parameters of the statistics, and those that they add to the list of customers."""

from analytics.segments import SEGMENTS, segment_condition, segment_condition_and_count
from analytics.statistics import Period
from appointments.models import Appointment
from circe.api.parameters import Choice, DayOrInstantFilter, StrictFilter, StrictFilterSet, to_local_day
from customers.filters import TotalsParameter
from tenants.accounts.permissions import ADMINS


class PeriodFilter(StrictFilterSet):
    """The query parameters of the summary. They give a period and filter no rows."""

    ranges = (("from_date", "to_date"),)

    from_date = DayOrInstantFilter(help_text="First day of the period, the tenant's. Absent: from the beginning.")
    to_date = DayOrInstantFilter(help_text="Last day of the period, the tenant's. Absent: without an end.")

    class Meta:
        model = Appointment
        fields: list[str] = []

    @property
    def period(self) -> Period:
        """The period that the parameters give. Call `is_valid()` first."""
        first, last = (self.form.cleaned_data[name] for name in ("from_date", "to_date"))
        return Period(first and to_local_day(first), last and to_local_day(last))


to_segment = Choice(SEGMENTS)

SEGMENT_PARAMETER = TotalsParameter(
    StrictFilter(
        convert=to_segment,
        schema=to_segment.schema,
        help_text=(
            "Customers who are in this segment now, as the summary counts them. Access: `tenant_admin`, `super_admin`; a "
            "403 for others."
        ),
    ),
    condition=segment_condition,
    roles=ADMINS,
    condition_and_count=segment_condition_and_count,
)
