"""The list of appointments by the page: one statement finds the ids of the page and the total, another reads the rows."""

import datetime as dt
from typing import Any

import orjson
from django.contrib.postgres.fields import ArrayField
from django.db import connection
from django.db.models import BigIntegerField, BooleanField, DateField, DateTimeField, Func, QuerySet, Value

from appointments.models import FIRST_DAY, LAST_DAY, Appointment, AppointmentDailyTotals, AppointmentTombstone
from appointments.serializers import AppointmentSerializer
from circe.api.changes import Changes, Cursor
from circe.api.pagination import PagedQuery
from circe.db.ids import IdField
from circe.db.json_sql import AsText, build_json
from circe.db.prepared import PreparedQuery, Sql
from tenants.cluster_queries import page_of_ids
from tenants.scope import scope_spans_nodes

# The query that the filters of the list narrow. The SQL below sorts its rows.
UNFILTERED_APPOINTMENTS = Appointment.objects.order_by().values("id", "appointment_date", "start_time")


def _appointments_by_ids(ids: Any) -> QuerySet[Any, Any]:
    # `id = ANY (<ids>)` uses the primary key, however many ids there are.
    has_id = Func("pk", ids, arg_joiner=" = ANY (", template="%(expressions)s)", output_field=BooleanField())
    rows = Appointment.objects.filter(has_id).order_by("appointment_date", "start_time", "id")
    return rows.values_list(AsText("updated_at"), build_json(AppointmentSerializer))


# `updated_at` as text and the appointment as JSON text, in the order of the list. The list, the detail and the answer to
# each write show this JSON.
APPOINTMENTS_BY_IDS = PreparedQuery("appointments_by_ids", _appointments_by_ids, ids=ArrayField(IdField()))

# The daily totals tell how many appointments a range of days has, and on which days the page begins and ends. So nothing
# needs to count the appointments.
DAYS_PAGE_SQL = """
WITH day AS MATERIALIZED (
    -- The appointments of a day, and how many there are up to its end.
    SELECT day, sum(total_appointments)::bigint AS appointments,
        (sum(sum(total_appointments)) OVER (ORDER BY day))::bigint AS appointments_until
    FROM ({daily_totals}) AS totals
    WHERE day BETWEEN {first} AND {last}
    GROUP BY day
),
first_day AS MATERIALIZED (
    SELECT day, {start}::bigint - (appointments_until - appointments) AS skipped
    FROM day WHERE appointments_until > {start}::bigint ORDER BY day LIMIT 1
),
last_day AS MATERIALIZED (
    -- If the list ends before the page is full, no day is found: then `last` is used. `coalesce` stands here, since
    -- under row-level security no index serves a condition with `coalesce`.
    SELECT coalesce(
        (SELECT day FROM day WHERE appointments_until >= {stop}::bigint ORDER BY day LIMIT 1), {last}
    ) AS day
)
SELECT coalesce((SELECT max(appointments_until) FROM day), 0), ARRAY(
    SELECT id FROM ({appointments}) AS appointment
    WHERE appointment_date >= (SELECT day FROM first_day)
        AND appointment_date <= (SELECT day FROM last_day)
    ORDER BY appointment_date, start_time, id
    OFFSET (SELECT skipped FROM first_day) LIMIT {stop}::bigint - {start}::bigint
)
"""
# The rows are read from the start or from the end of the list, whichever is nearer to the page.
FILTERED_PAGE_SQL = """
WITH found AS NOT MATERIALIZED (
    {appointments}
),
total AS MATERIALIZED (
    SELECT count(*) AS found_count FROM found
)
SELECT found_count, CASE WHEN {start} <= found_count / 2
    THEN ARRAY(SELECT id FROM found ORDER BY appointment_date, start_time, id OFFSET {start} LIMIT {size})
    ELSE ARRAY(
        SELECT id FROM found ORDER BY appointment_date DESC, start_time DESC, id DESC
        OFFSET greatest(found_count - {stop}, 0) LIMIT greatest(least(found_count, {stop}) - {start}, 0)
    )
END
FROM total
"""


def _days_page(**bounds: Any) -> Sql:
    totals = AppointmentDailyTotals.objects.values("day", "total_appointments")
    return Sql(DAYS_PAGE_SQL, daily_totals=totals, appointments=UNFILTERED_APPOINTMENTS, **bounds)


APPOINTMENTS_OF_DAYS = PreparedQuery(
    "appointments_of_days",
    _days_page,
    first=DateField(),
    last=DateField(),
    start=BigIntegerField(),
    stop=BigIntegerField(),
)


class AppointmentsOfDays(PagedQuery):
    """All appointments of the days from `first` to `last`, by start, then id."""

    members = {"next": None}

    def __init__(self, first: dt.date | None = None, last: dt.date | None = None) -> None:
        self.first, self.last = first or FIRST_DAY, last or LAST_DAY

    def page(self, start: int, stop: int) -> tuple[list[orjson.Fragment], int]:
        if scope_spans_nodes():
            days = UNFILTERED_APPOINTMENTS.filter(appointment_date__range=(self.first, self.last))
            return FilteredAppointments(days).page(start, stop)
        [(total, ids)] = APPOINTMENTS_OF_DAYS.rows(first=self.first, last=self.last, start=start, stop=stop)
        return _read_appointments(ids), total


class FilteredAppointments(PagedQuery):
    """The appointments of a queryset that filters UNFILTERED_APPOINTMENTS, by start, then id."""

    members = {"next": None}

    def __init__(self, appointments: QuerySet[Any, Any]) -> None:
        self.appointments = appointments

    def page(self, start: int, stop: int) -> tuple[list[orjson.Fragment], int]:
        appointments, params = self.appointments.query.sql_with_params()
        if scope_spans_nodes():
            order = "appointment_date, start_time, id"
            ids, total = page_of_ids(appointments, params, order, start, stop)
            return _read_appointments(ids), total
        sql = FILTERED_PAGE_SQL.format(appointments=appointments, start=start, stop=stop, size=stop - start)
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            ((total, ids),) = cursor.fetchall()
        return _read_appointments(ids), total


def appointment_changes(cursor: Cursor, *, with_deleted: bool) -> Changes:
    """Returns the appointments that changed since `cursor`. With `with_deleted` it also returns tombstones of those that
    were deleted.
    """
    appointments = Appointment.objects.annotate(removed_at=Value(None, DateTimeField()))
    rows: list[QuerySet[Any, Any]] = [appointments.values_list("pk", "changed_at", "removed_at")]
    if with_deleted:
        rows.append(AppointmentTombstone.kept())
    return Changes("appointments", rows, APPOINTMENTS_BY_IDS, cursor=cursor)


def _read_appointments(ids: list[str]) -> list[orjson.Fragment]:
    """Returns the appointments as JSON, in the order of the list, whatever the order of `ids`."""
    return [orjson.Fragment(row) for _, row in APPOINTMENTS_BY_IDS.rows(ids=ids)] if ids else []
