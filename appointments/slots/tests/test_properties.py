"""Availability over random hours, absences, bookings and time zones: what is offered can be booked, nothing else on the grid
can be, and both agree with a naive reckoning minute by minute.
"""

import datetime as dt
import zoneinfo

import orjson
import pytest
import time_machine
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appointments.booking import REFUSAL_TEXTS
from appointments.models import Appointment, DoubleBooking, Status, TimeOff, WorkingHours
from appointments.slots.tests.timeline import DAY, MINUTE, Timeline, expected_slots, grid
from tenants.models import Service, ServiceStaff, Tenant
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory

pytestmark = pytest.mark.slow("reckons many random weeks minute by minute")

NOW = dt.datetime(2026, 11, 28, tzinfo=dt.UTC)
# Days on which clocks go forward or back, and the one after.
DAYS = {
    "Europe/Oslo": ["2027-03-28", "2027-10-31"],
    "America/New_York": ["2027-03-14", "2027-11-07"],
    "Australia/Lord_Howe": ["2027-04-04", "2027-10-03"],
    "America/Santiago": ["2027-04-03", "2027-09-05"],
    "Africa/Casablanca": ["2027-02-07", "2027-03-14"],
    "America/Nuuk": ["2027-03-27", "2027-10-30"],
    "Asia/Kathmandu": ["2027-02-28", "2026-12-31"],
    "Pacific/Chatham": ["2027-04-04", "2027-09-26"],
    "Antarctica/Troll": ["2027-03-28", "2027-10-31"],
}
PEOPLE, OUTLETS = ("ann", "bea"), ("north", "south")
SHIFTS = [
    [],
    ["09:00 17:00"],
    ["08:10 12:00", "13:00 18:05"],
    ["22:00 02:00"],
    ["20:00 06:00"],
    ["00:00 02:30"],
    ["01:15 03:00", "03:00 09:00"],
    ["23:00 02:00", "03:00 07:00"],
    ["18:00 00:00", "00:00 04:00"],
    ["02:15 02:45"],
]
minutes_around = st.integers(-24 * 60, 48 * 60)


@st.composite
def worlds(draw):
    """A time zone, a day, what is booked, and everything that decides when people are free around that day."""
    zone = draw(st.sampled_from(sorted(DAYS)))
    day = dt.date.fromisoformat(draw(st.sampled_from(DAYS[zone]))) + draw(st.integers(-1, 1)) * DAY
    midnight = dt.datetime.combine(day, dt.time())
    validity = st.sampled_from([(None, None), (day, None), (None, day), (None, day - DAY), (day + DAY, day + DAY)])
    hours = [
        (person, outlet, (day + offset * DAY).weekday(), *map(dt.time.fromisoformat, shift.split()), *draw(validity))
        for person in PEOPLE
        for offset in (-1, 0, 1)
        for outlet in [draw(st.sampled_from(OUTLETS))]
        for shift in draw(st.sampled_from(SHIFTS))
    ]
    begins = st.tuples(st.sampled_from([*PEOPLE, *OUTLETS]), minutes_around, st.integers(1, 900))
    time_off = [
        (who, midnight + begin * MINUTE, midnight + (begin + length) * MINUTE)
        for who, begin, length in draw(st.lists(begins, max_size=3))
    ]
    booked = st.tuples(
        st.sampled_from(PEOPLE),
        minutes_around,
        st.integers(5, 180),
        st.sampled_from([0, 0, 15, 90]),
        st.sampled_from(Status),
    )
    return {
        "zone": zone,
        "day": day,
        "slot_minutes": draw(st.sampled_from([7, 30, 45, 50, 60])),
        "duration": draw(st.sampled_from([5, 30, 45, 60, 90, 150])),
        "buffer": draw(st.sampled_from([0, 0, 10, 30, 60])),
        "offering": draw(st.sampled_from([[], ["ann"], ["ann", "bea"]])),
        "hours": hours,
        "time_off": time_off,
        "bookings": draw(st.lists(booked, max_size=5)),
    }


class Salon:
    """A business with the rows of a world."""

    def __init__(self, tenant, world):
        self.world, self.day = world, world["day"]
        Tenant.objects.filter(pk=tenant.pk).update(time_zone=world["zone"], slot_minutes=world["slot_minutes"])
        self.tenant = Tenant.objects.get(pk=tenant.pk)
        self.timeline = Timeline(zoneinfo.ZoneInfo(world["zone"]), self.day - DAY, self.day + DAY)
        self.ids = {name: UserFactory(tenant=tenant, first_name=name, last_name="").pk for name in PEOPLE}
        self.ids |= {name: OutletFactory(tenant=tenant, name=name).pk for name in OUTLETS}
        self.names = {pk: name for name, pk in self.ids.items()}
        service = ServiceFactory(
            tenant=tenant, duration_minutes=world["duration"], buffer_minutes=world["buffer"], price=5
        )
        with tenant_scope(self.tenant):
            self.service = Service.objects.get(pk=service.pk)
            for name in world["offering"]:
                ServiceStaff.objects.create(service=service, staff_id=self.ids[name])
            for who, outlet, weekday, start, end, valid_from, valid_to in world["hours"]:
                WorkingHours.objects.create(
                    staff_id=self.ids[who],
                    outlet_id=self.ids[outlet],
                    weekday=weekday,
                    start_time=start,
                    end_time=end,
                    valid_from=valid_from,
                    valid_to=valid_to,
                )
            for who, begin, end in world["time_off"]:
                field = "staff_id" if who in PEOPLE else "outlet_id"
                TimeOff.objects.create(local_start=begin, local_end=end, **{field: self.ids[who]})
            self.bookings = [one for one in world["bookings"] if self.store(*one)]
        self.before_booking = transaction.savepoint()

    def store(self, who, begin, length, buffer, status):
        """Stores a booking as it stands. Returns whether it blocks time: a start that no clock shows can't be booked."""
        start = dt.datetime.combine(self.day, dt.time()) + begin * MINUTE
        if not self.timeline.exists(start):
            return False
        appointment = self.appointment(who, "north", start, status=status, buffer_minutes=buffer)
        appointment.end_time = (start + length * MINUTE).time()
        try:
            appointment.save()
        except DoubleBooking:
            return False
        return status in {"pending", "confirmed", "in_progress"}

    def appointment(self, who, outlet, start, **values):
        return Appointment(
            tenant=self.tenant,
            customer=None,
            is_walk_in=True,
            service=self.service,
            staff_id=who and self.ids[who],
            outlet_id=self.ids[outlet],
            appointment_date=start.date(),
            start_time=start.time(),
            total_price=5,
            **{"status": Status.CONFIRMED, **values},
        )

    def expected(self, first, last):
        """The slots of the naive reckoning, by start, then by the name of the staff."""
        midnight = dt.datetime.combine(self.day, dt.time())
        bookings = []
        for who, begin, length, buffer, _ in self.bookings:
            start = midnight + begin * MINUTE
            bookings.append((who, start.date(), start.time(), (start + length * MINUTE).time(), buffer))
        slots = expected_slots(
            self.timeline,
            first,
            last,
            slot_minutes=self.world["slot_minutes"],
            duration=self.world["duration"],
            buffer=self.world["buffer"],
            hours=[one for one in self.world["hours"] if one[0] in (self.world["offering"] or PEOPLE)],
            time_off=self.world["time_off"],
            bookings=bookings,
        )
        return sorted(slots, key=lambda slot: (slot[0], slot[2], self.ids[slot[3]]))

    def offered(self, client, first, last, **query):
        """The slots that the API answers."""
        answer = client.get(
            "/api/v1/availability", {"service_id": self.service.pk, "from_date": first, "to_date": last, **query}
        )
        assert answer.status_code == 200, answer.content
        # The view writes the bytes itself: they are what a JSON library writes.
        assert answer.content == orjson.dumps(answer.json())
        found = []
        for slot in answer.json()["slots"]:
            start = dt.datetime.fromisoformat(f"{slot['appointment_date']}T{slot['start_time']}")
            end = dt.datetime.combine(start.date(), dt.time.fromisoformat(slot["end_time"]))
            found.append(
                (start, end + DAY * (end <= start), self.names[slot["staff_id"]], self.names[slot["outlet_id"]])
            )
            minute = self.timeline.minute(start)
            assert slot["starts_at"] == f"{self.timeline.instants[minute]:%Y-%m-%dT%H:%M:%SZ}"
        return found

    def try_to_book(self, client, who, outlet, start):
        """Books through the API, and takes it back. Returns who was booked, the code of the refusal, or "skipped"."""
        body = {
            "service_id": self.service.pk,
            "outlet_id": self.ids[outlet],
            "staff_id": who and self.ids[who],
            "walk_in": True,
            "appointment_date": start.date().isoformat(),
            "start_time": start.time().isoformat(),
        }
        answer = client.post("/api/v1/appointments", body)
        if answer.status_code == 201:
            # A refusal has stored nothing, so only a booking costs these statements.
            transaction.savepoint_rollback(self.before_booking)
            return self.names[answer.json()["staff_id"]]
        if answer.status_code == 409:
            return answer.json()["code"]
        assert {error["field"] for error in answer.json()["errors"]} <= {"start_time", "end_time"}
        return "skipped"


@pytest.fixture
def staff(as_role):
    with time_machine.travel(NOW, tick=False):
        return as_role("staff")


@pytest.fixture
def in_each_world(tenant):
    """Runs a function with a salon, at a fixed time, and takes everything back."""

    def run(world, function):
        with time_machine.travel(NOW, tick=False), transaction.atomic():
            function(Salon(tenant, world))
            transaction.set_rollback(True)

    return run


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=worlds())
def test_availability_equals_a_naive_reckoning_minute_by_minute(staff, in_each_world, world):
    def check(salon):
        first, last = salon.day - DAY, salon.day + DAY
        expected = salon.expected(first, last)
        assert salon.offered(staff, first, last) == expected
        assert salon.offered(staff, first, last, limit=3) == expected[:3]
        for name in ("ann", "north"):
            key = "staff_id" if name in PEOPLE else "outlet_id"
            assert salon.offered(staff, first, last, **{key: salon.ids[name]}) == [
                slot for slot in expected if name in slot
            ]

    in_each_world(world, check)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=worlds())
def test_each_slot_can_be_booked_and_nothing_else_on_the_grid(staff, in_each_world, world):
    def check(salon):
        slots = {(start, *place) for start, _, *place in salon.offered(staff, salon.day, salon.day)}
        for start in grid(salon.day, salon.day, salon.world["slot_minutes"]):
            for outlet in OUTLETS:
                free = {who for who in PEOPLE if (start, who, outlet) in slots}
                for who in PEOPLE:
                    found = salon.try_to_book(staff, who, outlet, start)
                    assert found == who if who in free else found in {*REFUSAL_TEXTS, "skipped"}, (who, outlet, start)
                    assert (found == "skipped") is not salon.timeline.exists(start)
                anyone = salon.try_to_book(staff, None, outlet, start)
                assert anyone in (free or {*REFUSAL_TEXTS, "skipped"}), (outlet, start)

    in_each_world(world, check)
