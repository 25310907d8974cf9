"""GET /api/v1/availability: the times at which a service can be booked."""

import datetime as dt

import pytest
import time_machine

from appointments.models import Status
from appointments.slots.tests.salon import MONDAY, NOW, ask, book, clock_times, is_away, starts, works
from tenants.models import ServiceStaff, Tenant, User
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, UserFactory


def test_a_slot_says_when_where_with_whom_and_at_which_price(staff, tenant, rina, outlet, cut):
    answer = ask(staff, cut, limit=1)
    assert answer.status_code == 200
    assert answer.json() == {
        "slots": [
            {
                "appointment_date": "2026-11-30",
                "start_time": "09:00:00",
                "end_time": "10:00:00",
                "starts_at": "2026-11-30T02:00:00Z",
                "staff_id": rina.pk,
                "staff": {"id": rina.pk, "name": "Rina Wijaya"},
                "outlet_id": outlet.pk,
                "outlet": {"id": outlet.pk, "name": "Kemang"},
                "price": 350000,
                "currency": "IDR",
            }
        ],
        "service": {
            "id": cut.pk,
            "tenant_id": tenant.pk,
            "name": "Cut",
            "category": "hair",
            "duration_minutes": 60,
            "buffer_minutes": 15,
            "price": 350000,
            "currency": "IDR",
            "is_active": True,
            "staff_ids": [],
            "rebooking_days": None,
            "created_at": "2026-11-28T06:00:00Z",
            "updated_at": "2026-11-28T06:00:00Z",
        },
        "from_date": "2026-11-30",
        "to_date": "2026-11-30",
    }
    assert list(answer.json()["slots"][0])[:4] == ["appointment_date", "start_time", "end_time", "starts_at"]


def test_a_slot_has_room_for_the_service_and_its_buffer(staff, rina, outlet, cut):
    assert starts(staff, cut) == clock_times("09:00", "10:45")
    book(rina, outlet, MONDAY, "10:15", "10:45")
    assert starts(staff, cut) == ["09:00", "10:45"]


def test_the_buffer_of_another_booking_is_not_free(staff, rina, outlet, cut):
    book(rina, outlet, MONDAY, "09:00", "09:30", buffer_minutes=20)
    assert starts(staff, cut) == clock_times("10:00", "10:45")


@pytest.mark.parametrize("status", Status)
def test_only_a_booking_that_is_held_takes_time(staff, rina, outlet, cut, status):
    book(rina, outlet, MONDAY, "09:00", "11:00", status=status)
    is_held = status in {"pending", "confirmed", "in_progress"}
    assert starts(staff, cut) == ([] if is_held else clock_times("09:00", "10:45"))


def test_a_booking_at_another_outlet_takes_the_persons_time(staff, tenant, rina, cut):
    book(rina, OutletFactory(tenant=tenant), MONDAY, "09:00", "11:00")
    assert starts(staff, cut) == []


def test_time_off_of_the_person_or_of_the_outlet_is_not_free(staff, tenant, rina, outlet, cut):
    other = UserFactory(tenant=tenant, first_name="Adi", last_name="")
    works(other, OutletFactory(tenant=tenant), "09:00", "10:15")
    is_away("2026-11-30 09:00", "2026-11-30 09:30", staff=rina)
    is_away("2026-11-30 11:30", "2026-12-02 00:00", outlet=outlet)
    assert starts(staff, cut, staff_id=rina.pk) == ["09:30", "09:45", "10:00", "10:15"]
    assert starts(staff, cut, staff_id=other.pk) == ["09:00"]
    assert starts(staff, cut, "2026-12-01") == ["09:00"]


def test_slots_come_by_start_then_by_the_name_of_the_staff(staff, tenant, rina, outlet, cut):
    adi, nameless = (UserFactory(tenant=tenant, first_name=name, last_name="") for name in ("Adi", ""))
    works(adi, outlet, "09:15", "10:30")
    works(nameless, outlet, "09:15", "10:30")
    slots = ask(staff, cut).json()["slots"]
    assert [(slot["start_time"][:5], slot["staff"]["name"]) for slot in slots[:4]] == [
        ("09:00", "Rina Wijaya"),
        ("09:15", None),
        ("09:15", "Adi"),
        ("09:15", "Rina Wijaya"),
    ]
    assert starts(staff, cut, limit=4) == ["09:00", "09:15", "09:15", "09:15"]


def test_only_those_who_offer_the_service_are_offered(staff, tenant, rina, outlet, cut):
    adi = UserFactory(tenant=tenant, first_name="Adi")
    works(adi, outlet, "09:00", "10:15")
    with tenant_scope(tenant):
        ServiceStaff.objects.create(service=cut, staff_id=adi.pk)
    assert starts(staff, cut) == ["09:00"]
    assert starts(staff, cut, staff_id=rina.pk) == []
    assert ask(staff, cut).json()["service"]["staff_ids"] == [adi.pk]
    # If nobody who offers it is active, nobody else does.
    User.objects.filter(pk=adi.pk).update(is_active=False)
    assert starts(staff, cut) == []


@pytest.mark.parametrize("inactive", ["service", "staff", "outlet"])
def test_what_is_inactive_has_no_slots(staff, rina, outlet, cut, inactive):
    row = {"service": cut, "staff": rina, "outlet": outlet}[inactive]
    row.is_active = False
    with tenant_scope(outlet.tenant):
        row.save()
    assert starts(staff, cut) == []
    if inactive != "service":
        assert starts(staff, cut, **{f"{inactive}_id": row.pk}) == []


def test_hours_count_from_the_first_day_of_their_validity_to_the_last(staff, tenant, outlet, cut):
    adi = UserFactory(tenant=tenant)
    works(adi, outlet, "09:00", "10:15", valid_from=dt.date(2026, 12, 1), valid_to=dt.date(2026, 12, 3))
    found = starts(staff, cut, MONDAY, "2026-12-06")
    assert found == ["2026-12-01 09:00", "2026-12-02 09:00", "2026-12-03 09:00"]


def test_hours_that_meet_are_one_and_two_outlets_are_not(staff, tenant, outlet, cut):
    adi, other = UserFactory(tenant=tenant), OutletFactory(tenant=tenant)
    works(adi, outlet, "09:00", "09:30")
    works(adi, outlet, "09:30", "10:15")
    works(adi, other, "10:15", "11:45")
    assert starts(staff, cut) == ["09:00", "10:15", "10:30"]
    assert starts(staff, cut, outlet_id=other.pk) == ["10:15", "10:30"]


def test_what_is_past_is_not_offered(staff, tenant, outlet, cut):
    works(UserFactory(tenant=tenant), outlet, "09:00", "16:00")
    # It is 13:00:00 in Jakarta: this start is not past.
    assert starts(staff, cut, "2026-11-28") == clock_times("13:00", "14:45")
    with time_machine.travel(NOW + dt.timedelta(seconds=1), tick=False):
        assert starts(staff, cut, "2026-11-28") == clock_times("13:15", "14:45")
    assert starts(staff, cut, "2026-11-27") == []
    assert starts(staff, cut, "1800-01-01") == []


@pytest.mark.parametrize(("slot_minutes", "expected"), [(5, 22), (7, 15), (60, 2), (240, 0)])
def test_starts_lie_on_the_tenants_grid(staff, tenant, rina, cut, slot_minutes, expected):
    Tenant.objects.filter(pk=tenant.pk).update(slot_minutes=slot_minutes)
    found = starts(staff, cut)
    assert len(found) == expected
    assert all((int(time[:2]) * 60 + int(time[3:])) % slot_minutes == 0 for time in found)


def test_a_grid_that_does_not_divide_a_day_begins_anew_at_midnight(staff, tenant, outlet, cut):
    Tenant.objects.filter(pk=tenant.pk).update(slot_minutes=50)
    works(UserFactory(tenant=tenant), outlet, "22:00", "02:00", weekdays=[0])
    assert starts(staff, cut, MONDAY, "2026-12-01") == [
        "2026-11-30 22:30",
        "2026-11-30 23:20",
        "2026-12-01 00:00",
    ]


def test_a_moved_appointment_frees_its_own_time_and_keeps_its_length(staff, rina, outlet, cut):
    long = book(rina, outlet, MONDAY, "09:00", "10:45", service=cut, buffer_minutes=15)
    other = book(rina, outlet, MONDAY, "11:00", "11:15")
    assert starts(staff, cut) == []
    # Its length is 105 minutes.
    assert starts(staff, cut, appointment_id=long.pk) == ["09:00"]
    assert ask(staff, cut, appointment_id=long.pk).json()["slots"][0]["end_time"] == "10:45:00"
    # The other one is of another service.
    assert starts(staff, cut, appointment_id=other.pk) == []
    assert starts(staff, cut, "2026-12-01", appointment_id=other.pk) == clock_times("09:00", "10:45")


def test_a_moved_appointment_is_offered_where_its_seconds_fit_too(staff, rina, outlet, cut):
    moved = book(rina, outlet, MONDAY, "09:00", "10:00:30", service=cut, buffer_minutes=15)
    book(rina, outlet, MONDAY, "10:30", "10:45")
    # From 9:15 it would last until 10:15:30, and its buffer until 10:30:30.
    assert starts(staff, cut, appointment_id=moved.pk) == ["09:00"]
    assert ask(staff, cut, appointment_id=moved.pk).json()["slots"][0]["end_time"] == "10:00:30"


def test_a_moved_appointment_frees_no_time_of_another_one(staff, tenant, rina, outlet, cut):
    bo = UserFactory(tenant=tenant, first_name="Bo", last_name="Lee")
    works(bo, outlet, "09:00", "12:00")
    cancelled = book(rina, outlet, MONDAY, "09:00", "11:00", service=cut, status=Status.CANCELLED)
    moved = book(rina, outlet, MONDAY, "09:00", "11:00", service=cut)
    book(bo, outlet, MONDAY, "09:00", "11:00")
    for person, appointment, expected in (
        (rina, cancelled, []),
        (bo, moved, []),
        (rina, moved, clock_times("09:00", "09:45")),
    ):
        found = starts(staff, cut, staff_id=person.pk, appointment_id=appointment.pk)
        assert found == expected, (person, appointment.status)
