"""Shared by the tests of availability: a salon that works, is away and is booked, and questions about it."""

import datetime as dt

from appointments.models import Status, TimeOff, WorkingHours
from appointments.tests.factories import AppointmentFactory
from tenants.scope import tenant_scope

URL = "/api/v1/availability"
# A Saturday. In Jakarta it is 13:00.
NOW = dt.datetime(2026, 11, 28, 6, tzinfo=dt.UTC)
MONDAY = dt.date(2026, 11, 30)
EVERY_DAY = range(7)


def works(person, outlet, start, end, weekdays=EVERY_DAY, **validity):
    with tenant_scope(outlet.tenant):
        for weekday in weekdays:
            WorkingHours.objects.create(
                staff_id=person.pk,
                outlet=outlet,
                weekday=weekday,
                start_time=dt.time.fromisoformat(start),
                end_time=dt.time.fromisoformat(end),
                **validity,
            )


def is_away(begin, end, **who):
    with tenant_scope(next(iter(who.values())).tenant):
        ids = {f"{name}_id": row.pk for name, row in who.items()}
        TimeOff.objects.create(
            local_start=dt.datetime.fromisoformat(begin), local_end=dt.datetime.fromisoformat(end), **ids
        )


def book(person, outlet, day, start, end, **values):
    return AppointmentFactory(
        tenant=outlet.tenant,
        staff_id=person.pk,
        outlet=outlet,
        appointment_date=dt.date.fromisoformat(str(day)),
        start_time=dt.time.fromisoformat(start),
        end_time=dt.time.fromisoformat(end),
        **{"status": Status.CONFIRMED, **values},
    )


def ask(client, service, first=MONDAY, last=None, **query):
    return client.get(URL, {"service_id": service.pk, "from_date": first, "to_date": last or first, **query})


def starts(client, service, first=MONDAY, last=None, **query):
    """The starts of the slots: `09:00`, or `2026-11-30 09:00` of several days."""
    answer = ask(client, service, first, last, **query)
    assert answer.status_code == 200, answer.content
    return [
        f"{slot['appointment_date']} {slot['start_time'][:5]}" if last else slot["start_time"][:5]
        for slot in answer.json()["slots"]
    ]


def clock_times(first, last, minutes=15):
    """The clock times from `first` to `last`, every so many minutes."""
    begin, end = (int(text[:2]) * 60 + int(text[3:]) for text in (first, last))
    return [f"{minute // 60:02}:{minute % 60:02}" for minute in range(begin, end + 1, minutes)]
