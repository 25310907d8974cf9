"""GET /api/v1/availability: the times at which a service can be booked."""

import datetime as dt

import pytest
import time_machine
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from appointments import booking
from appointments.models import Appointment, Status, TimeOff, WorkingHours
from appointments.tests.factories import AppointmentFactory
from circe.db.ids import new_id
from tenants.models import Service, ServiceStaff, Tenant, User
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory

URL = "/api/v1/availability"
# A Saturday. In Jakarta it is 13:00.
NOW = dt.datetime(2026, 11, 28, 6, tzinfo=dt.UTC)
MONDAY = dt.date(2026, 11, 30)
EVERY_DAY = range(7)


@pytest.fixture(autouse=True)
def today():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def outlet(tenant):
    return OutletFactory(tenant=tenant, name="Kemang")


@pytest.fixture
def rina(tenant, outlet):
    """Works every day from 9 to 12."""
    person = UserFactory(tenant=tenant, first_name="Rina", last_name="Wijaya")
    works(person, outlet, "09:00", "12:00")
    return person


@pytest.fixture
def cut(tenant):
    return ServiceFactory(tenant=tenant, name="Cut", duration_minutes=60, buffer_minutes=15, price=350000)


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


def clock(first, last, minutes=15):
    """The clock times from `first` to `last`, every so many minutes."""
    begin, end = (int(text[:2]) * 60 + int(text[3:]) for text in (first, last))
    return [f"{minute // 60:02}:{minute % 60:02}" for minute in range(begin, end + 1, minutes)]


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
    assert starts(staff, cut) == clock("09:00", "10:45")
    book(rina, outlet, MONDAY, "10:15", "10:45")
    assert starts(staff, cut) == ["09:00", "10:45"]


def test_the_buffer_of_another_booking_is_not_free(staff, rina, outlet, cut):
    book(rina, outlet, MONDAY, "09:00", "09:30", buffer_minutes=20)
    assert starts(staff, cut) == clock("10:00", "10:45")


@pytest.mark.parametrize("status", Status)
def test_only_a_booking_that_is_held_takes_time(staff, rina, outlet, cut, status):
    book(rina, outlet, MONDAY, "09:00", "11:00", status=status)
    is_held = status in {"pending", "confirmed", "in_progress"}
    assert starts(staff, cut) == ([] if is_held else clock("09:00", "10:45"))


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
    assert starts(staff, cut, "2026-11-28") == clock("13:00", "14:45")
    with time_machine.travel(NOW + dt.timedelta(seconds=1), tick=False):
        assert starts(staff, cut, "2026-11-28") == clock("13:15", "14:45")
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
    assert starts(staff, cut, "2026-12-01", appointment_id=other.pk) == clock("09:00", "10:45")


# --- past midnight, and the ends of the calendar -----------------------------------------------------------------------


def test_a_night_is_offered_past_midnight_on_the_next_day(staff, tenant, outlet, cut):
    works(UserFactory(tenant=tenant), outlet, "22:30", "02:00", weekdays=[0])
    assert starts(staff, cut) == clock("22:30", "23:45")
    tuesday = ask(staff, cut, "2026-12-01").json()["slots"]
    assert [slot["start_time"] for slot in tuesday] == ["00:00:00", "00:15:00", "00:30:00", "00:45:00"]
    last = ask(staff, cut).json()["slots"][-1]
    assert (last["start_time"], last["end_time"]) == ("23:45:00", "00:45:00")


def test_a_booking_of_the_night_before_takes_time_after_midnight(staff, tenant, outlet, cut):
    night = UserFactory(tenant=tenant)
    works(night, outlet, "22:00", "04:00", weekdays=[0])
    book(night, outlet, MONDAY, "23:30", "00:30", buffer_minutes=60)
    assert starts(staff, cut, "2026-12-01") == clock("01:30", "02:45")


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

# By zone: working hours that begin on a day, and the slots of an hour in them: start, end, and instant of the start.
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
    # 02:00 to 03:00 comes twice: each is the first one, and an end in the second is told as its end.
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
    # Hours end at a local time that is skipped: that is when clocks go forward.
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
    # Half an hour.
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
    # At midnight: the day begins at 01:00, and hours that end at midnight end then.
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
def test_where_clocks_change_a_minute_lasts_sixty_seconds(staff, tenant, outlet, zone, day, hours, expected):
    Tenant.objects.filter(pk=tenant.pk).update(time_zone=zone, slot_minutes=30)
    begins = dt.date.fromisoformat(day)
    works(UserFactory(tenant=tenant), outlet, *hours.split(), valid_from=begins, valid_to=begins)
    slots = ask(staff, ServiceFactory(tenant=tenant, duration_minutes=60), day).json()["slots"]
    assert [(slot["start_time"][:5], slot["end_time"][:5], slot["starts_at"]) for slot in slots] == [
        (start, end, f"{instant}:00Z") for start, end, instant in expected
    ]
    for slot in slots:
        can_be_booked(tenant, slot)


def can_be_booked(tenant, slot):
    """Books the slot as it is, and takes it back."""
    with tenant_scope(Tenant.objects.get(pk=tenant.pk)), transaction.atomic():
        appointment = Appointment(
            service=Service.objects.get(),
            is_walk_in=True,
            status=Status.CONFIRMED,
            total_price=slot["price"],
            staff_id=slot["staff_id"],
            outlet_id=slot["outlet_id"],
            appointment_date=dt.date.fromisoformat(slot["appointment_date"]),
            start_time=dt.time.fromisoformat(slot["start_time"]),
            end_time=dt.time.fromisoformat(slot["end_time"]),
        )
        booking.book(appointment)
        transaction.set_rollback(True)


# --- parameters ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"service_id": None}, "service_id"),
        ({"service_id": ""}, "service_id"),
        ({"service_id": "x"}, "service_id"),
        ({"service_id": "507f1f77bcf86cd799439011"}, "service_id"),
        ({"service_id": ["507f1f77bcf86cd799439011"] * 2}, "service_id"),
        ({"from_date": None}, "from_date"),
        ({"from_date": ""}, "from_date"),
        ({"from_date": "tomorrow"}, "from_date"),
        ({"to_date": None}, "to_date"),
        ({"to_date": "2026-02-30"}, "to_date"),
        ({"to_date": ["2026-12-01", "2026-12-01"]}, "to_date"),
        ({"to_date": "2026-11-29"}, "from_date"),
        ({"to_date": "2027-03-02"}, "to_date"),
        ({"to_date": "2027-03-01T17:00:00Z"}, "to_date"),
        ({"to_date": "9999-12-31"}, "to_date"),
        ({"outlet_id": ""}, "outlet_id"),
        ({"outlet_id": "507f1f77bcf86cd799439011"}, "outlet_id"),
        ({"staff_id": "507F1F77BCF86CD799439011"}, "staff_id"),
        ({"appointment_id": "507f1f77bcf86cd799439011"}, "appointment_id"),
        ({"appointment_id": "\0"}, "appointment_id"),
        ({"limit": "0"}, "limit"),
        ({"limit": "1001"}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"limit": "1.5"}, "limit"),
        ({"limit": ""}, "limit"),
        ({"limit": "\u0661"}, "limit"),
        ({"limit": ["1", "1"]}, "limit"),
    ],
)
def test_a_parameter_that_is_not_valid_is_named(staff, cut, query, field):
    valid = {"service_id": cut.pk, "from_date": "2026-11-30", "to_date": "2026-11-30"}
    answer = staff.get(URL, {name: value for name, value in (valid | query).items() if value is not None})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid"), answer.content
    assert {error["field"] for error in answer.json()["errors"]} == {field}


def test_up_to_92_days_are_answered_and_unknown_parameters_are_ignored(staff, rina, cut):
    assert len(starts(staff, cut, MONDAY, "2027-03-01", page="0", status="banana")) == 92 * 8


def test_an_instant_stands_for_its_day(staff, rina, cut):
    # In Jakarta it is Tuesday.
    answer = ask(staff, cut, "2026-11-30T17:00:00Z", "2026-12-01T16:59:59.999Z")
    assert (answer.json()["from_date"], answer.json()["to_date"]) == ("2026-12-01", "2026-12-01")
    assert len(answer.json()["slots"]) == 8


@pytest.mark.parametrize("name", ["service_id", "outlet_id", "staff_id", "appointment_id"])
def test_an_id_of_another_business_is_answered_like_an_unknown_one(staff, stranger, rina, cut, name):
    foreign = AppointmentFactory(tenant=stranger)
    of = {"appointment_id": foreign.pk} | {
        key: getattr(foreign, key) for key in ("service_id", "outlet_id", "staff_id")
    }
    answers = [ask(staff, cut, **{name: pk}) for pk in (of[name], new_id())]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert answers[0].content == answers[1].content


def test_another_business_changes_nothing(staff, stranger, rina, cut):
    before = ask(staff, cut).content
    theirs = OutletFactory(tenant=stranger, name="Kemang")
    person = UserFactory(tenant=stranger)
    works(person, theirs, "00:00", "23:00")
    book(person, theirs, MONDAY, "09:00", "11:00")
    is_away("2026-11-30 00:00", "2026-12-02 00:00", outlet=theirs)
    assert ask(staff, cut).content == before


def test_a_super_admin_sees_the_business_of_the_service(super_admin, stranger, rina, outlet, cut):
    assert starts(super_admin, cut) == clock("09:00", "10:45")
    assert starts(super_admin, cut, tenant_id=cut.tenant_id) == clock("09:00", "10:45")
    assert starts(super_admin, cut, outlet_id=outlet.pk, staff_id=rina.pk) == clock("09:00", "10:45")
    # By the days of that business: in Jakarta it is Tuesday.
    answer = ask(super_admin, cut, "2026-11-30T17:00:00Z", "2026-12-01")
    assert answer.json()["from_date"] == "2026-12-01"
    assert ask(super_admin, cut, tenant_id=stranger.pk).json()["errors"][0]["field"] == "service_id"
    theirs = OutletFactory(tenant=stranger)
    assert ask(super_admin, cut, outlet_id=theirs.pk).json()["errors"][0]["field"] == "outlet_id"


def test_a_super_admin_is_nobodys_staff(staff, super_admin, cut):
    assert ask(staff, cut, staff_id=super_admin.user.pk).json()["errors"][0]["field"] == "staff_id"


def test_the_number_of_statements_is_constant(staff, tenant, rina, outlet, cut):
    def count(**query):
        with CaptureQueriesContext(connection) as queries:
            assert ask(staff, cut, MONDAY, "2026-12-30", **query).json()["slots"]
        return len([query for query in queries if "SAVEPOINT" not in query["sql"]])

    # The account, the service, and the free times.
    assert count() == count(limit=20) == 3
    for n in range(5):
        person = UserFactory(tenant=tenant)
        works(person, OutletFactory(tenant=tenant), "08:00", "18:00")
        book(person, outlet, MONDAY, "09:00", f"1{n}:00")
    assert count() == count(limit=20) == 3
    # A second look at the free times, since the first days have too few.
    assert count(limit=1000) == 3
    assert count(limit=100, staff_id=rina.pk) == 5
    # Each id that is named is looked up.
    assert count(outlet_id=outlet.pk, staff_id=rina.pk) == 5
