"""For random businesses: a recount agrees, everything can be booked, and a favourite lowers nothing that it favours."""

import datetime as dt

import pytest
import time_machine
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appointments.booking import book
from appointments.lengths import set_length
from appointments.models import Appointment, DoubleBooking, Status, TimeOff
from appointments.recommendations import recommend
from appointments.recommendations.tests.recount import Recount
from appointments.recommendations.tests.salon import NOW, TODAY, Salon, show, show_all
from tenants.models import Outlet, Staff

pytestmark = pytest.mark.slow("makes many random businesses, and every slot of each")

STAFF = ["Ana", "Bea", "Cici"]
MORE_SERVICES = {"Facial": ("spa", 45), "Henna": ("art", 30), "Peel": ("spa", 90), "Wax": ("art", 40)}
SERVICES = ["Colour", "Cut", "Manicure", "Massage", *MORE_SERVICES]
# The catalogue of every example has a service in each.
CATEGORIES = ["hair", "nails", "spa", "art"]
OUTLETS = ["Kemang", "Senopati"]

BUSINESSES = st.fixed_dictionaries(
    {
        "offers": st.dictionaries(st.sampled_from([*MORE_SERVICES]), st.sampled_from(STAFF), max_size=4),
        "visits": st.lists(
            st.tuples(st.integers(1, 90), st.integers(9, 19), st.sampled_from(SERVICES), st.booleans()),
            unique_by=lambda visit: visit[0],
            max_size=8,
        ),
        "bookings": st.lists(
            st.tuples(
                st.integers(0, 9),
                st.sampled_from(["09:00", "11:15", "12:40", "15:00"]),
                st.sampled_from(SERVICES),
                st.sampled_from(STAFF),
                st.booleans(),
            ),
            max_size=6,
        ),
        "away": st.sampled_from([None, *STAFF]),
    }
)
PREFERENCES = st.fixed_dictionaries(
    {
        "staff": st.lists(st.sampled_from(STAFF), unique=True),
        "services": st.lists(st.sampled_from(SERVICES), unique=True, max_size=3),
        "categories": st.lists(st.sampled_from(CATEGORIES), unique=True, max_size=2),
        "outlet": st.lists(st.sampled_from(OUTLETS), max_size=1),
    }
)


def fill(salon, business, preferences):
    """Stores the generated offers, time off, visits and preferences in the salon. Returns the salon and its customer."""
    for service, person in business["offers"].items():
        salon.offer_only(service, person)
    if business["away"]:
        begin = dt.datetime(2026, 11, 30, 11)
        TimeOff.objects.create(
            staff=salon.staff[business["away"]], local_start=begin, local_end=begin + dt.timedelta(days=2)
        )
    customer = salon.add_customer(**{key: " ".join(values) for key, values in preferences.items()})
    for days, hour, service, is_own in business["visits"]:
        line = f"{TODAY - dt.timedelta(days)} {hour:02}:00 {service} Ana"
        salon.add_appointments(line, customer if is_own else None)
    for days, time, service, person, is_own in business["bookings"]:
        line = f"{TODAY + dt.timedelta(days)} {time} {service} {person} confirmed"
        try:
            salon.add_appointments(line, customer if is_own else None)
        except DoubleBooking:
            pass
    return salon, customer


@pytest.fixture
def example(in_scope):
    """Returns `example(check, business, preferences)`, which calls `check(salon, customer)` and undoes everything but the
    salon, which all examples share.
    """
    salon = Salon(in_scope)
    for name, (category, minutes) in MORE_SERVICES.items():
        salon.add_service(name, category=category, duration_minutes=minutes, buffer_minutes=minutes // 3)
    offered = salon.offered

    def run(check, business, preferences):
        salon.offered = dict(offered)
        with time_machine.travel(NOW, tick=False), transaction.atomic():
            check(*fill(salon, business, preferences))
            transaction.set_rollback(True)

    return run


def examples(number):
    return settings(max_examples=number, suppress_health_check=[HealthCheck.function_scoped_fixture])


@examples(25)
@given(business=BUSINESSES, preferences=PREFERENCES)
def test_a_plain_recount_gives_the_same(example, business, preferences):
    def check(salon, customer):
        expected = Recount(salon, customer, **preferences).items()
        assert recommend(customer, limit=100).ignored == []
        assert show_all(customer, limit=100) == expected
        assert show_all(customer, limit=5) == expected[:5]

    example(check, business, preferences)


@examples(10)
@given(business=BUSINESSES, preferences=PREFERENCES)
def test_everything_recommended_can_be_booked(example, business, preferences):
    def check(salon, customer):
        items = recommend(customer, limit=20).items
        assert items
        for item in items:
            with transaction.atomic():
                appointment = Appointment(
                    tenant=salon.tenant,
                    customer=customer,
                    service=item.service,
                    staff=Staff.objects.get(pk=item.slot.staff_id),
                    outlet=Outlet.objects.get(pk=item.slot.outlet_id),
                    appointment_date=item.slot.start.date(),
                    start_time=item.slot.start.time(),
                    status=Status.CONFIRMED,
                    total_price=item.service.price,
                )
                set_length(appointment, item.service.duration)
                book(appointment)
                assert appointment.local_bounds == (item.slot.start, item.slot.end)
                transaction.set_rollback(True)

    example(check, business, preferences)


FAVOURITES = st.one_of(
    st.tuples(st.just("staff"), st.sampled_from(STAFF)),
    st.tuples(st.just("services"), st.sampled_from(SERVICES)),
    st.tuples(st.just("categories"), st.sampled_from(CATEGORIES)),
    st.tuples(st.just("outlet"), st.sampled_from(OUTLETS)),
)


def matches(item, key, name):
    """Returns whether the recommendation is one that the favourite favours."""
    slot, service = item.slot, item.service
    return (
        name
        in {
            "staff": [slot.staff_name],
            "services": [service.name],
            "categories": [service.category],
            "outlet": [slot.outlet_name],
        }[key]
    )


@examples(25)
@given(business=BUSINESSES, preferences=PREFERENCES, favourite=FAVOURITES)
def test_adding_a_favourite_at_the_end_lowers_no_slot_that_it_favours(example, business, preferences, favourite):
    key, name = favourite
    if name in preferences[key] or (key == "outlet" and preferences[key]):
        return

    def check(salon, customer):
        before = recommend(customer, limit=100).items
        added = preferences | {key: [*preferences[key], name]}
        salon.set_preferences(customer, **{one: " ".join(values) for one, values in added.items()})
        after = recommend(customer, limit=100).items
        places = {(one.service.pk, one.slot): place for place, one in enumerate(after)}
        favoured = [one for one in before if matches(one, key, name)]
        for item in favoured:
            place = places[item.service.pk, item.slot]
            # It has more points, the same reasons and one more, and only what is favoured too can have come before it.
            assert after[place].points.items() > item.points.items()
            earlier = {(one.service.pk, one.slot) for one in before[: before.index(item)]}
            assert all(matches(one, key, name) or (one.service.pk, one.slot) in earlier for one in after[:place]), show(
                item
            )
        if favoured and favoured[0] == before[0]:
            assert matches(after[0], key, name)
        # No other slot has lost a point.
        scores = {(one.service.pk, one.slot): one.score for one in before}
        assert all(one.score >= scores.get((one.service.pk, one.slot), 0) for one in after)

    example(check, business, preferences)
