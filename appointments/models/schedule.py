"""When members of staff work, are away and are booked: the one query that availability, bookings and pages decide by.

All times are local times of the business: naive datetimes. A range is `[begin, end)`.
"""

import datetime as dt
from typing import Any, NamedTuple

from django.db import connection

from appointments.models.appointment import BLOCKING_STATUSES

# An appointment takes less than two days: it and its buffer last less than a day each.
_LONGEST = dt.timedelta(days=2)

# Each table is read by an index that begins with the tenant. circe_occupied is the function of the exclusion constraint.
_SCHEDULES = """
WITH person AS MATERIALIZED (
    SELECT staff.id, coalesce(nullif(trim(staff.first_name || ' ' || staff.last_name), ''), staff.email) AS name
    FROM tenants_user AS staff
    WHERE staff.tenant_id = %(tenant)s AND staff.is_active
        AND (%(staff)s::text[] IS NULL OR staff.id = ANY(%(staff)s))
        AND (%(service)s::text IS NULL
            OR NOT EXISTS (
                SELECT FROM tenants_servicestaff AS offer
                WHERE offer.tenant_id = %(tenant)s AND offer.service_id = %(service)s
            )
            OR EXISTS (
                SELECT FROM tenants_servicestaff AS offer
                WHERE offer.tenant_id = %(tenant)s AND offer.service_id = %(service)s AND offer.staff_id = staff.id
            ))
),
working AS (
    SELECT hours.staff_id, hours.outlet_id,
        range_agg(circe_occupied(day::date, hours.start_time, hours.end_time, 0)) AS times
    FROM person
    JOIN appointments_workinghours AS hours ON hours.tenant_id = %(tenant)s AND hours.staff_id = person.id
    JOIN tenants_outlet AS outlet ON outlet.tenant_id = %(tenant)s AND outlet.id = hours.outlet_id AND outlet.is_active
    JOIN generate_series(%(first_day)s::timestamp, %(last_day)s::timestamp, interval '1 day') AS day
        ON extract(isodow FROM day) = hours.weekday + 1
        AND (hours.valid_from IS NULL OR day >= hours.valid_from) AND (hours.valid_to IS NULL OR day <= hours.valid_to)
    WHERE %(outlet)s::text IS NULL OR hours.outlet_id = %(outlet)s
    GROUP BY hours.staff_id, hours.outlet_id
),
away AS (
    SELECT time_off.staff_id, time_off.outlet_id, tsrange(time_off.local_start, time_off.local_end) AS time
    FROM appointments_timeoff AS time_off
    WHERE time_off.tenant_id = %(tenant)s
        AND time_off.local_end > %(first_day)s AND time_off.local_start < %(last_day)s::date + 1
),
booked AS (
    SELECT appointment.staff_id,
        range_agg(circe_occupied(
            appointment.appointment_date, appointment.start_time, appointment.end_time, appointment.buffer_minutes
        )) AS times
    FROM person
    JOIN appointments_appointment AS appointment
        ON appointment.tenant_id = %(tenant)s AND appointment.staff_id = person.id
    WHERE appointment.status = ANY(%(blocking)s)
        AND appointment.appointment_date BETWEEN %(first_day)s AND %(last_day)s
        AND appointment.id IS DISTINCT FROM %(freed)s
    GROUP BY appointment.staff_id
),
schedule AS (
    SELECT person.id AS staff_id, person.name AS staff_name, outlet.id AS outlet_id, outlet.name AS outlet_name,
        coalesce(working.times, '{}') AS working,
        coalesce(
            (SELECT range_agg(time) FROM away WHERE away.staff_id = person.id OR away.outlet_id = outlet.id), '{}'
        ) AS away,
        coalesce(booked.times, '{}') AS booked
    FROM person
    JOIN tenants_outlet AS outlet ON outlet.tenant_id = %(tenant)s
        AND (%(outlet)s::text IS NULL OR outlet.id = %(outlet)s)
    LEFT JOIN working ON working.staff_id = person.id AND working.outlet_id = outlet.id
    LEFT JOIN booked ON booked.staff_id = person.id
    -- A person who does not work at an outlet has a schedule there only where the outlet is asked for.
    WHERE working.times IS NOT NULL OR %(outlet)s::text IS NOT NULL
)
"""
_WHOLE = (
    _SCHEDULES
    + """
SELECT staff_id, staff_name, outlet_id, working, away, booked FROM schedule ORDER BY staff_id, outlet_id
"""
)
_FREE = (
    _SCHEDULES
    + """
SELECT lower(free) AS begin, upper(free), staff_id, staff_name, outlet_id, outlet_name,
    booked @> lower(free) - interval '1 microsecond', booked @> upper(free)
FROM schedule
CROSS JOIN unnest(working - away - booked) AS free
WHERE upper(free) > %(first)s AND lower(free) < %(last)s
ORDER BY begin, staff_name, staff_id, outlet_id
"""
)
Times = list[tuple[dt.datetime, dt.datetime]]


class Schedule(NamedTuple):
    """The times of a member of staff at an outlet: those of the working hours, of time off, and of appointments."""

    staff_id: str
    staff_name: str
    outlet_id: str
    working: Times
    away: Times
    booked: Times

    def find_conflict(self, begin: dt.datetime, end: dt.datetime) -> str | None:
        """Returns why the person is not free from `begin` to `end`: `overlap`, `time_off`, `outside_hours`, or None."""
        if _overlaps(self.booked, begin, end):
            return "overlap"
        if _overlaps(self.away, begin, end):
            return "time_off"
        return None if any(first <= begin and end <= last for first, last in self.working) else "outside_hours"

    def time_left_free(self, begin: dt.datetime, end: dt.datetime) -> dt.timedelta:
        """Returns how much time is free just before `begin` and just after `end`. It is zero outside working hours."""
        shift = next(((first, last) for first, last in self.working if first <= begin and end <= last), (begin, end))
        taken = self.away + self.booked
        before = max([shift[0], *(last for _, last in taken if last <= begin)])
        after = min([shift[1], *(first for first, _ in taken if first >= end)])
        return (begin - before) + (after - end)


class FreeTime(NamedTuple):
    """A time in which a member of staff works at an outlet, is not away and has no appointment.

    `follows_booking` and `precedes_booking` say whether an appointment, with its buffer, lies directly before and after it.
    """

    begin: dt.datetime
    end: dt.datetime
    staff_id: str
    staff_name: str
    outlet_id: str
    outlet_name: str
    follows_booking: bool
    precedes_booking: bool


def read_schedules(tenant: str, **question: Any) -> list[Schedule]:
    """Returns the schedules of staff around the local times from `first` to `last`. Takes the arguments of `_read`."""
    return [
        Schedule(staff, name, outlet, *(_as_times(times) for times in ranges))
        for staff, name, outlet, *ranges in _read(_WHOLE, tenant, **question)
    ]


def read_free_times(tenant: str, **question: Any) -> list[FreeTime]:
    """Returns the free times between `first` and `last`, by begin and name. Takes the arguments of `_read`."""
    return [FreeTime(*row) for row in _read(_FREE, tenant, **question)]


def _read(
    sql: str,
    tenant: str,
    *,
    first: dt.datetime,
    last: dt.datetime,
    staff: list[str] | None = None,
    service: str | None = None,
    outlet: str | None = None,
    freed: str | None = None,
) -> list[Any]:
    """Reads the times of active staff: only of `staff`, who offer the service `service`, at `outlet`, where they are given.

    The appointment with the id `freed` counts as not booked. Sends one statement.
    """
    values: dict[str, Any] = {
        "tenant": tenant,
        "first": first,
        "last": last,
        # A time that begins earlier can last until `first`, and one that begins at `last` needs what comes after it.
        "first_day": first.date() - _LONGEST,
        "last_day": last.date() + _LONGEST,
        "staff": staff,
        "service": service,
        "outlet": outlet,
        "freed": freed,
        "blocking": list(BLOCKING_STATUSES),
    }
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()


def _as_times(times: Any) -> Times:
    return [(time.lower, time.upper) for time in times]


def _overlaps(times: Times, begin: dt.datetime, end: dt.datetime) -> bool:
    return any(first < end and begin < last for first, last in times)
