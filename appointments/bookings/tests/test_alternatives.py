"""The slots that a refused booking offers instead."""

import datetime as dt

from appointments.bookings.tests.conftest import APPOINTMENTS, MONDAY
from appointments.bookings.tests.test_create import refusal
from appointments.tests.factories import TimeOffFactory


def test_the_alternatives_are_the_nearest_slots_and_can_be_booked(staff, book, body):
    book()
    problem = refusal(staff.post(APPOINTMENTS, body(start_time="10:00")), "overlap")
    starts = [slot["start_time"] for slot in problem["alternatives"]]
    assert starts == ["10:15:00", "10:30:00", "10:45:00"]
    first = problem["alternatives"][0]
    assert first["appointment_date"] == MONDAY
    assert first["starts_at"] == "2030-06-03T03:15:00Z"
    keys = ("appointment_date", "start_time", "staff_id", "outlet_id")
    assert staff.post(APPOINTMENTS, body(**{key: first[key] for key in keys})).status_code == 201


def test_slots_of_others_follow_if_the_person_has_fewer_than_three(staff, salon, body, employ):
    # Ana has two slots within two weeks; the nearest others are Bo's.
    TimeOffFactory(
        tenant=salon.tenant,
        staff_id=salon.ana.pk,
        local_start=dt.datetime(2030, 5, 1),
        local_end=dt.datetime(2030, 6, 10, 10, 30),
    )
    bo = employ("Bo")
    problem = refusal(staff.post(APPOINTMENTS, body()), "time_off")
    assert [
        (slot["staff_id"], slot["appointment_date"][5:], slot["start_time"]) for slot in problem["alternatives"]
    ] == [
        (salon.ana.pk, "06-10", "10:30:00"),
        (salon.ana.pk, "06-10", "10:45:00"),
        (bo.pk, "06-03", "09:00:00"),
    ]


def test_slots_later_than_two_weeks_follow_if_there_are_fewer_than_three(staff, salon, body):
    TimeOffFactory(
        tenant=salon.tenant,
        outlet=salon.outlet,
        staff_id=None,
        local_start=dt.datetime(2030, 5, 1),
        local_end=dt.datetime(2030, 6, 10, 10, 30),
    )
    problem = refusal(staff.post(APPOINTMENTS, body()), "time_off")
    starts = [(slot["appointment_date"][5:], slot["start_time"]) for slot in problem["alternatives"]]
    assert starts == [("06-10", "10:30:00"), ("06-10", "10:45:00"), ("06-17", "09:00:00")]


def test_the_alternatives_follow_also_when_the_business_is_closed_for_weeks(staff, salon, body, book):
    TimeOffFactory(
        tenant=salon.tenant,
        staff_id=salon.ana.pk,
        local_start=dt.datetime(2030, 4, 1),
        local_end=dt.datetime(2030, 7, 1),
    )
    problem = refusal(staff.post(APPOINTMENTS, body()), "time_off")
    assert [(slot["appointment_date"], slot["start_time"]) for slot in problem["alternatives"]] == [
        ("2030-07-01", start) for start in ("09:00:00", "09:15:00", "09:30:00")
    ]
    assert book(**{key: problem["alternatives"][2][key] for key in ("appointment_date", "start_time")})
