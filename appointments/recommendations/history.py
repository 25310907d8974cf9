"""The facts about a customer's appointments on which recommendations are based."""

import datetime as dt
from collections import Counter, defaultdict
from itertools import pairwise
from statistics import median
from typing import Any, NamedTuple

from django.db.models import Q

from appointments.models import BLOCKING_STATUSES, Appointment, Status
from customers.models import Customer
from tenants.models import Service

# The median of the days between visits of a service is used only if there are visits on at least this many days.
MIN_VISIT_DAYS_FOR_MEDIAN = 3
# A weekday or an hour is usual only if at least this many visits fell on it.
MIN_VISITS_FOR_HABIT = 2


class History(NamedTuple):
    """The facts about a customer's appointments on which recommendations are based. The keys of `visit_days` are ids of
    services.

    `visit_days` are the days of visits in order, each once. `booked` are the services that the customer has booked for
    today or later. `busy` are the local times of these bookings and of yesterday's, which may last past midnight.
    """

    visit_days: dict[str, list[dt.date]]
    booked: set[str]
    busy: list[tuple[dt.datetime, dt.datetime]]
    usual_weekday: int | None
    usual_hour: int | None

    def due_day(self, service: Service) -> dt.date | None:
        """Returns the day on which the service is due again, None if the customer never had it.

        It is the day of the last visit plus the median of the days between visits, rounded down. If there are
        too few days for a median (MIN_VISIT_DAYS_FOR_MEDIAN), `rebooking_days` of the service takes its place, or else that
        of the business.
        """
        days = self.visit_days.get(service.pk)
        if not days:
            return None
        if len(days) >= MIN_VISIT_DAYS_FOR_MEDIAN:
            return days[-1] + dt.timedelta(int(median((later - earlier).days for earlier, later in pairwise(days))))
        return days[-1] + dt.timedelta(service.rebooking_days or service.tenant.rebooking_days)

    def is_busy(self, begin: dt.datetime, end: dt.datetime) -> bool:
        """Returns whether the customer has another booking then."""
        return any(first < end and begin < last for first, last in self.busy)


def read_history(customer: Customer, *, today: dt.date) -> History:
    """Returns the history of the customer. Sends one statement."""
    yesterday = today - dt.timedelta(days=1)
    counts = Q(status=Status.COMPLETED) | Q(status__in=BLOCKING_STATUSES, appointment_date__gte=yesterday)
    columns = ("service_id", "status", "appointment_date", "start_time", "end_time")
    # The rows are newest first. So if two habits are equally frequent, the latest counts.
    appointments = Appointment.objects.filter(counts, tenant=customer.tenant_id, customer=customer.pk)
    rows: list[Any] = list(appointments.values_list(*columns, named=True))
    visits = [row for row in rows if row.status == Status.COMPLETED]
    bookings = [Appointment(**row._asdict()) for row in rows if row.status != Status.COMPLETED]
    days: dict[str, set[dt.date]] = defaultdict(set)
    for visit in visits:
        days[visit.service_id].add(visit.appointment_date)
    return History(
        visit_days={service: sorted(found) for service, found in days.items()},
        booked={booking.service_id for booking in bookings if booking.appointment_date >= today},
        busy=[booking.local_bounds for booking in bookings],
        usual_weekday=_most_frequent([visit.appointment_date.weekday() for visit in visits]),
        usual_hour=_most_frequent([visit.start_time.hour for visit in visits]),
    )


def _most_frequent(values: list[int]) -> int | None:
    """Returns the most frequent value, None if no value comes twice. If values are equally frequent, the first in the
    list counts.
    """
    value, count = next(iter(Counter(values).most_common(1)), (None, 0))
    return value if count >= MIN_VISITS_FOR_HABIT else None
