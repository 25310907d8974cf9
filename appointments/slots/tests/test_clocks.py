"""Availability past midnight, at the ends of the calendar, and where clocks go forward and back."""

import datetime as dt

import pytest
from django.db import transaction

from appointments.slots.tests.salon import MONDAY, ask, book, clock_times, starts, works
from tenants.models import Tenant
from tenants.tests.factories import ServiceFactory, UserFactory


def test_working_hours_past_midnight_give_slots_on_both_days(staff, tenant, outlet, cut):
    works(UserFactory(tenant=tenant), outlet, "22:30", "02:00", weekdays=[0])
    assert starts(staff, cut) == clock_times("22:30", "23:45")
    tuesday = ask(staff, cut, "2026-12-01").json()["slots"]
    assert [slot["start_time"] for slot in tuesday] == ["00:00:00", "00:15:00", "00:30:00", "00:45:00"]
    last = ask(staff, cut).json()["slots"][-1]
    assert (last["start_time"], last["end_time"]) == ("23:45:00", "00:45:00")


def test_a_booking_of_the_night_before_takes_time_after_midnight(staff, tenant, outlet, cut):
    night = UserFactory(tenant=tenant)
    works(night, outlet, "22:00", "04:00", weekdays=[0])
    book(night, outlet, MONDAY, "23:30", "00:30", buffer_minutes=60)
    assert starts(staff, cut, "2026-12-01") == clock_times("01:30", "02:45")


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("2027-12-31", "2028-01-01", ["2027-12-31 00:00", "2027-12-31 23:00", "2028-01-01 00:00", "2028-01-01 23:00"]),
        ("2028-02-28", "2028-02-29", ["2028-02-28 00:00", "2028-02-28 23:00", "2028-02-29 00:00", "2028-02-29 23:00"]),
        ("2028-02-29", "2028-03-01", ["2028-02-29 00:00", "2028-02-29 23:00", "2028-03-01 00:00", "2028-03-01 23:00"]),
        # The last day on which there can be an appointment.
        ("2999-12-31", "3000-01-01", ["2999-12-31 00:00", "2999-12-31 23:00"]),
        ("3000-01-01", "3000-01-01", []),
        ("9999-12-31", "9999-12-31", []),
        ("0001-01-01", "0001-01-31", []),
    ],
)
def test_nights_at_the_ends_of_years_and_of_the_calendar(staff, tenant, outlet, first, last, expected):
    Tenant.objects.filter(pk=tenant.pk).update(slot_minutes=60)
    works(UserFactory(tenant=tenant), outlet, "23:00", "01:15")
    assert starts(staff, ServiceFactory(tenant=tenant, duration_minutes=60), first, last) == expected


# --- clocks that go forward and back -----------------------------------------------------------------------------------

# A zone, a day, the working hours that begin on that day, and the slots of a service of one hour. A slot is its local
# start, its local end, and its start in UTC.
CLOCKS = [
    # 02:00 to 03:00 is skipped, and the night is an hour shorter.
    (
        "Europe/Oslo",
        "2027-03-28",
        "00:30 05:00",
        [
            ("00:30", "01:30", "2027-03-27T23:30"),
            ("01:00", "03:00", "2027-03-28T00:00"),
            ("01:30", "03:30", "2027-03-28T00:30"),
            ("03:00", "04:00", "2027-03-28T01:00"),
            ("03:30", "04:30", "2027-03-28T01:30"),
            ("04:00", "05:00", "2027-03-28T02:00"),
        ],
    ),
    # 02:00 to 03:00 comes twice. Starts are in the first. A slot that ends in the second has 03:00 as its end.
    (
        "Europe/Oslo",
        "2027-10-31",
        "01:00 04:00",
        [
            ("01:00", "02:00", "2027-10-30T23:00"),
            ("01:30", "02:30", "2027-10-30T23:30"),
            ("02:00", "03:00", "2027-10-31T00:00"),
            ("02:30", "03:00", "2027-10-31T00:30"),
            ("03:00", "04:00", "2027-10-31T02:00"),
        ],
    ),
    # The hours end at a time that is skipped. So they end when clocks go forward.
    (
        "America/New_York",
        "2027-03-14",
        "00:00 02:30",
        [
            ("00:00", "01:00", "2027-03-14T05:00"),
            ("00:30", "01:30", "2027-03-14T05:30"),
            ("01:00", "03:00", "2027-03-14T06:00"),
        ],
    ),
    (
        "America/New_York",
        "2027-11-07",
        "00:00 01:30",
        [("00:00", "01:00", "2027-11-07T04:00"), ("00:30", "01:30", "2027-11-07T04:30")],
    ),
    # Clocks go forward and back by half an hour.
    (
        "Australia/Lord_Howe",
        "2027-10-03",
        "01:00 03:30",
        [
            ("01:00", "02:30", "2027-10-02T14:30"),
            ("01:30", "03:00", "2027-10-02T15:00"),
            ("02:30", "03:30", "2027-10-02T15:30"),
        ],
    ),
    (
        "Australia/Lord_Howe",
        "2027-04-04",
        "00:30 03:00",
        [
            ("00:30", "01:30", "2027-04-03T13:30"),
            ("01:00", "02:00", "2027-04-03T14:00"),
            ("01:30", "02:00", "2027-04-03T14:30"),
            ("02:00", "03:00", "2027-04-03T15:30"),
        ],
    ),
    # Midnight is skipped: the day begins at 01:00, and hours that end at midnight end at 01:00.
    (
        "America/Santiago",
        "2027-09-04",
        "22:30 00:00",
        [("22:30", "23:30", "2027-09-05T02:30"), ("23:00", "01:00", "2027-09-05T03:00")],
    ),
    (
        "America/Santiago",
        "2027-09-05",
        "00:00 02:30",
        [("01:00", "02:00", "2027-09-05T04:00"), ("01:30", "02:30", "2027-09-05T04:30")],
    ),
    (
        "America/Santiago",
        "2027-04-03",
        "22:00 01:00",
        [
            ("22:00", "23:00", "2027-04-04T01:00"),
            ("22:30", "23:30", "2027-04-04T01:30"),
            ("23:00", "00:00", "2027-04-04T02:00"),
            ("23:30", "00:00", "2027-04-04T02:30"),
        ],
    ),
    (
        "Africa/Casablanca",
        "2027-02-07",
        "01:00 03:30",
        [
            ("01:00", "02:00", "2027-02-07T00:00"),
            ("01:30", "02:30", "2027-02-07T00:30"),
            ("02:00", "03:00", "2027-02-07T01:00"),
            ("02:30", "03:00", "2027-02-07T01:30"),
        ],
    ),
    # No change, and an offset of 45 minutes.
    (
        "Asia/Kathmandu",
        "2027-03-28",
        "01:00 02:45",
        [("01:00", "02:00", "2027-03-27T19:15"), ("01:30", "02:30", "2027-03-27T19:45")],
    ),
]


@pytest.mark.parametrize(("zone", "day", "hours", "expected"), CLOCKS)
def test_where_clocks_change_a_slot_lasts_its_whole_duration(
    staff, portal_client, tenant, outlet, zone, day, hours, expected
):
    Tenant.objects.filter(pk=tenant.pk).update(time_zone=zone, slot_minutes=30)
    begins = dt.date.fromisoformat(day)
    works(UserFactory(tenant=tenant), outlet, *hours.split(), valid_from=begins, valid_to=begins)
    service = ServiceFactory(tenant=tenant, duration_minutes=60)
    slots = ask(staff, service, day).json()["slots"]
    assert [(slot["start_time"][:5], slot["end_time"][:5], slot["starts_at"]) for slot in slots] == [
        (start, end, f"{instant}:00Z") for start, end, instant in expected
    ]
    jane = portal_client()
    own = f"{jane.url}/appointments"
    for slot in slots:
        with transaction.atomic():
            # The customer sends the slot as it is, with its end.
            booked = jane.post(own, slot | {"service_id": service.pk})
            assert (booked.status_code, booked.json()["end_time"]) == (201, slot["end_time"]), booked.content
            moved = {"appointment_date": "2028-01-05", "start_time": "10:00", "override": ["hours"]}
            answer = staff.post(f"/api/v1/appointments/{booked.json()['id']}/reschedule", moved)
            assert (answer.status_code, answer.json()["end_time"]) == (200, "11:00:00"), answer.content
            transaction.set_rollback(True)
