"""When members of staff work, are away and are booked: the query, in two forms, by which availability, bookings and pages
decide.

All times are local times of the business: naive datetimes. A range is `[begin, end)`. As stored, a range may begin or end at
a local time that is skipped, since clocks go forward.
"""

import datetime as dt
from typing import Any, NamedTuple

from django.contrib.postgres.fields import ArrayField
from django.db.models import DateField, Field, IntegerField

from appointments.models.appointment import BLOCKING_STATUSES, LONGEST
from circe.api.local_time import Range, remove_skipped_times
from circe.api.time_zone import local_zone
from circe.db.fields import LocalDateTimeField
from circe.db.ids import IdField
from circe.db.prepared import PreparedQuery, Sql
from tenants.scope import whole_business

# Each table is read by an index that begins with the tenant. `named` has the members of staff who are named as offering
# the service. If nobody is named, everybody offers it. circe_occupied is the function of the exclusion constraint.
_SCHEDULES = """
WITH named AS MATERIALIZED (
    SELECT service_staff.staff_id FROM tenants_servicestaff AS service_staff
    WHERE service_staff.tenant_id = {tenant} AND service_staff.service_id = {service}
),
candidate AS MATERIALIZED (
    SELECT named.staff_id FROM named
    UNION
    (%(everybody)s)
),
person AS MATERIALIZED (
    SELECT account.id, account.name
    FROM candidate
    -- LIMIT, so that PostgreSQL reads one account by its key for each, and not all accounts of the tenant.
    CROSS JOIN LATERAL (
        SELECT staff.id, trim(staff.first_name || ' ' || staff.last_name) AS name, staff.is_active
        FROM tenants_user AS staff WHERE staff.tenant_id = {tenant} AND staff.id = candidate.staff_id LIMIT 1
    ) AS account
    WHERE account.is_active AND ({staff} IS NULL OR account.id = ANY({staff}))
),
working AS MATERIALIZED (
    SELECT hours.staff_id, hours.outlet_id,
        range_agg(circe_occupied(shift.day, hours.start_time, hours.end_time, 0)) AS times
    FROM person
    -- OFFSET, so that PostgreSQL reads the hours of these people by the key, and not those of all people of the tenant.
    CROSS JOIN LATERAL (
        SELECT * FROM appointments_workinghours AS own
        WHERE own.tenant_id = {tenant} AND own.staff_id = person.id OFFSET 0
    ) AS hours
    JOIN tenants_outlet AS outlet ON outlet.tenant_id = {tenant} AND outlet.id = hours.outlet_id AND outlet.is_active
    CROSS JOIN generate_series(0, {weeks}) AS week
    CROSS JOIN LATERAL (
        SELECT {first_day} + (hours.weekday - {first_weekday} + 7) %% 7 + 7 * week AS day
    ) AS shift
    WHERE ({outlet} IS NULL OR hours.outlet_id = {outlet})
        AND shift.day <= {last_day}
        AND (hours.valid_from IS NULL OR shift.day >= hours.valid_from)
        AND (hours.valid_to IS NULL OR shift.day <= hours.valid_to)
    GROUP BY hours.staff_id, hours.outlet_id
),
schedule AS (
    SELECT person.id AS staff_id, person.name AS staff_name, outlet.id AS outlet_id, outlet.name AS outlet_name,
        coalesce(working.times, '{{}}') AS working,
        -- Queries for each person: otherwise PostgreSQL may read the time off and the appointments of everybody.
        coalesce(
            (
                SELECT range_agg(time) FROM (
                    %(time_off)s AND time_off.staff_id = person.id
                    UNION ALL
                    %(time_off)s AND time_off.outlet_id = outlet.id
                ) AS every_absence
            ),
            '{{}}'
        ) AS away,
        coalesce(
            (
                SELECT range_agg(circe_occupied(
                    booked.appointment_date, booked.start_time, booked.end_time, booked.buffer_minutes
                ))
                FROM appointments_appointment AS booked
                WHERE booked.tenant_id = {tenant} AND booked.staff_id = person.id
                    AND booked.appointment_date BETWEEN {first_day} AND {last_day}
                    AND booked.status IN (%(blocking)s)
            ),
            '{{}}'
        ) - coalesce(
            -- No other appointment of the person takes a part of this time.
            (
                SELECT tsmultirange(circe_occupied(
                    freed.appointment_date, freed.start_time, freed.end_time, freed.buffer_minutes
                ))
                FROM appointments_appointment AS freed
                WHERE freed.tenant_id = {tenant} AND freed.id = {freed} AND freed.staff_id = person.id
                    AND freed.status IN (%(blocking)s)
            ),
            '{{}}'
        ) AS booked
    FROM person
    %(places)s
)
"""
# The days are cast, since the comparison of a timestamp with a date is not leakproof: under row-level security it would be
# made for the time off of all years.
_TIME_OFF = """SELECT tsrange(time_off.local_start, time_off.local_end) AS time
                    FROM appointments_timeoff AS time_off
                    WHERE time_off.tenant_id = {tenant}
                        AND time_off.local_end > {first_day}::timestamp
                        AND time_off.local_start < ({last_day} + 1)::timestamp"""
_BLOCKING = ", ".join(f"'{status}'" for status in BLOCKING_STATUSES)
# Everybody: a row for each outlet where the person works, and for the outlet that is asked for.
_WHOLE = (
    _SCHEDULES
    % {
        "blocking": _BLOCKING,
        "time_off": _TIME_OFF,
        "everybody": """
        SELECT staff.id FROM tenants_user AS staff WHERE staff.tenant_id = {tenant} AND NOT EXISTS (SELECT FROM named)
    """,
        "places": """
        JOIN tenants_outlet AS outlet ON outlet.tenant_id = {tenant} AND ({outlet} IS NULL OR outlet.id = {outlet})
        LEFT JOIN working ON working.staff_id = person.id AND working.outlet_id = outlet.id
        WHERE working.times IS NOT NULL OR {outlet} IS NOT NULL
    """,
    }
    + """
SELECT staff_id, staff_name, outlet_id, working, away, booked FROM schedule ORDER BY staff_id, outlet_id
"""
)
# Only who works: a row for each outlet where the person works and has free time.
_FREE = (
    _SCHEDULES
    % {
        "blocking": _BLOCKING,
        "time_off": _TIME_OFF,
        "everybody": """
        SELECT hours.staff_id FROM appointments_workinghours AS hours
        WHERE hours.tenant_id = {tenant} AND ({outlet} IS NULL OR hours.outlet_id = {outlet})
            AND ({staff} IS NULL OR hours.staff_id = ANY({staff})) AND NOT EXISTS (SELECT FROM named)
    """,
        "places": """
        JOIN working ON working.staff_id = person.id
        JOIN tenants_outlet AS outlet ON outlet.tenant_id = {tenant} AND outlet.id = working.outlet_id
    """,
    }
    + """
SELECT staff_id, staff_name, outlet_id, outlet_name, free.begins, free.ends
FROM schedule
CROSS JOIN LATERAL (
    SELECT array_agg(lower(time)) AS begins, array_agg(upper(time)) AS ends
    FROM unnest(working - away - booked) AS time
    WHERE upper(time) > {first} AND lower(time) < {last}
) AS free
WHERE free.begins IS NOT NULL
ORDER BY staff_name, staff_id, outlet_id
"""
)
_PARAMETERS: dict[str, Field] = {
    "tenant": IdField(),
    "service": IdField(),
    "staff": ArrayField(IdField()),
    "outlet": IdField(),
    "freed": IdField(),
    "first_day": DateField(),
    "last_day": DateField(),
    "first_weekday": IntegerField(),
    "weeks": IntegerField(),
}
SCHEDULES = PreparedQuery("schedules", lambda **values: Sql(_WHOLE, **values), scoped=False, **_PARAMETERS)
FREE_TIMES = PreparedQuery(
    "free_times",
    lambda **values: Sql(_FREE, **values),
    scoped=False,
    first=LocalDateTimeField(),
    last=LocalDateTimeField(),
    **_PARAMETERS,
)


class Schedule(NamedTuple):
    """The times of a member of staff at an outlet: those of the working hours, of time off, and of appointments.

    They begin and end at local times that exist. Two times of one kind neither overlap nor touch.
    """

    staff_id: str
    staff_name: str
    outlet_id: str
    working: list[Range]
    away: list[Range]
    booked: list[Range]

    def find_conflicts(self, begin: dt.datetime, end: dt.datetime) -> list[str]:
        """Returns the codes of why the person is not free from `begin` to `end`: `overlap`, and either `time_off` or
        `outside_hours`.
        """
        is_booked, is_away = _overlaps(self.booked, begin, end), _overlaps(self.away, begin, end)
        is_outside = not is_away and not self.is_working(begin, end)
        reasons = {"overlap": is_booked, "time_off": is_away, "outside_hours": is_outside}
        return [code for code, holds in reasons.items() if holds]

    def is_working(self, begin: dt.datetime, end: dt.datetime) -> bool:
        """Returns whether the person works from `begin` to `end`."""
        return any(first <= begin and end <= last for first, last in self.working)

    def time_left_free(self, begin: dt.datetime, end: dt.datetime) -> dt.timedelta:
        """Returns how much time is free just before `begin` and just after `end`. It is zero outside working hours."""
        shift = next(((first, last) for first, last in self.working if first <= begin and end <= last), (begin, end))
        taken = self.away + self.booked
        before = max([shift[0], *(last for _, last in taken if last <= begin)])
        after = min([shift[1], *(first for first, _ in taken if first >= end)])
        return (begin - before) + (after - end)


class FreeTimes(NamedTuple):
    """The times in which a member of staff works at an outlet, is not away and has no appointment: as stored, in order."""

    staff_id: str
    staff_name: str
    outlet_id: str
    outlet_name: str
    times: list[Range]


def read_schedules(tenant: str, **question: Any) -> list[Schedule]:
    """Returns the schedules of staff around the local times from `first` to `last`. Takes the arguments of `_parameters`.

    The time zone is that of the tenant in scope. Sends one statement.
    """
    zone = local_zone()
    with whole_business():
        rows = SCHEDULES.rows(**_parameters(tenant, **question))
    return [
        Schedule(
            staff,
            name,
            outlet,
            *(remove_skipped_times(((one.lower, one.upper) for one in times), zone) for times in ranges),
        )
        for staff, name, outlet, *ranges in rows
    ]


def read_free_times(tenant: str, *, first: dt.datetime, last: dt.datetime, **question: Any) -> list[FreeTimes]:
    """Returns the free times between `first` and `last`, by the name of the staff. Takes the arguments of `_parameters`.

    Sends one statement.
    """
    with whole_business():
        rows = FREE_TIMES.rows(first=first, last=last, **_parameters(tenant, first=first, last=last, **question))
    return [
        FreeTimes(staff, staff_name, outlet, outlet_name, list(zip(begins, ends, strict=True)))
        for staff, staff_name, outlet, outlet_name, begins, ends in rows
    ]


def _parameters(
    tenant: str,
    *,
    first: dt.datetime,
    last: dt.datetime,
    staff: list[str] | None = None,
    service: str | None = None,
    outlet: str | None = None,
    freed: str | None = None,
) -> dict[str, Any]:
    """Returns the values of the query for the times of active staff around the local times from `first` to `last`.

    Where they are given: only of `staff`, only of those who offer the service `service`, only at `outlet`. The appointment
    with the id `freed` counts as not booked.
    """
    # A time that begins before `first` can last until then. An appointment that begins at `last` needs the time after
    # it.
    first_day, last_day = first.date() - LONGEST, last.date() + LONGEST
    return {
        "tenant": tenant,
        "service": service,
        "staff": staff,
        "outlet": outlet,
        "freed": freed,
        "first_day": first_day,
        "last_day": last_day,
        "first_weekday": first_day.weekday(),
        "weeks": (last_day - first_day).days // 7,
    }


def _overlaps(times: list[Range], begin: dt.datetime, end: dt.datetime) -> bool:
    return any(first < end and begin < last for first, last in times)
