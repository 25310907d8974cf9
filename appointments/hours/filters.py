"""The filters of the list of time off."""

import datetime as dt

from appointments.models import TimeOff
from appointments.models.hours import TimeOffQuerySet
from circe.api.parameters import DayOrInstantFilter, ExistingIdFilter, StrictFilterSet, to_local_day
from tenants.models import Outlet, Staff


class TimeOffFilter(StrictFilterSet):
    """The query parameters that filter the list of time off."""

    ranges = (("from_date", "to_date"),)

    staff_id = ExistingIdFilter(queryset=Staff.objects.all(), help_text="Time off of this person.")
    outlet_id = ExistingIdFilter(queryset=Outlet.objects.all(), help_text="Closing times of this outlet.")
    from_date = DayOrInstantFilter(
        method="filter_from_date", help_text="Ends after this day of the tenant's has begun."
    )
    to_date = DayOrInstantFilter(method="filter_to_date", help_text="Starts on this day of the tenant's or before.")

    class Meta:
        model = TimeOff
        fields: list[str] = []

    def filter_from_date(self, found: TimeOffQuerySet, name: str, day: dt.date) -> TimeOffQuerySet:
        return found.overlapping_days(first=to_local_day(day))

    def filter_to_date(self, found: TimeOffQuerySet, name: str, day: dt.date) -> TimeOffQuerySet:
        return found.overlapping_days(last=to_local_day(day))
