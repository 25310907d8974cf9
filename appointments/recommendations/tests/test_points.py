"""Each reason and its points; and when a service is due."""

import datetime as dt

import pytest
import time_machine

from appointments.models import TimeOff, WorkingHours
from appointments.recommendations import recommend
from appointments.recommendations.points import (
    MEANINGS,
    POINTS,
    POPULAR_BY_RANK,
    SERVICE_BY_RANK,
    STAFF_BY_RANK,
    Reason,
)
from appointments.recommendations.tests.salon import Salon, show_all
from appointments.tests.factories import AppointmentFactory
from tenants.scope import tenant_scope
from tenants.tests.factories import TenantFactory

MONDAYS_AT_TEN = "2026-09-07 10:00 Cut Ana\n2026-10-05 10:00 Cut Ana\n2026-11-02 10:00 Cut Ana"


def reasons(customer):
    """Returns the points by reason of the first recommendation."""
    return {str(reason): points for reason, points in recommend(customer).items[0].points.items()}


def due_days(customer):
    """Returns the due days of the services that have one, by name."""
    return {str(one.service): f"{one.due_day}" for one in recommend(customer, limit=20).items if one.due_day}


def test_each_reason_has_a_meaning_that_tells_its_points(salon):
    assert set(MEANINGS) == set(Reason)
    for reason, points in POINTS.items():
        assert MEANINGS[reason].startswith(f"{points} points." if reason is Reason.DUE else f"{points}"), reason
    ranked = {
        Reason.PREFERRED_SERVICE: SERVICE_BY_RANK,
        Reason.PREFERRED_STAFF: STAFF_BY_RANK,
        Reason.POPULAR: POPULAR_BY_RANK,
    }
    assert ranked.keys() | POINTS.keys() == set(Reason)
    for reason, points in ranked.items():
        assert (
            f"{points[0]} for the first, then {', '.join(map(str, points[1:-1]))} and {points[-1]}" in MEANINGS[reason]
        )


@pytest.mark.parametrize(
    ("history", "preferences", "expected"),
    [
        ("2026-10-20 10:00 Massage Bea", {}, {"due": 60, "popular": 5}),
        ("2026-10-01 10:00 Massage Bea", {}, {"due": 60, "overdue": 10, "popular": 5}),
        ("", {"services": "Massage"}, {"preferred_service": 50}),
        ("", {"categories": "spa"}, {"preferred_category": 20}),
        ("", {"categories": "SPA"}, {"preferred_category": 20}),
        ("", {"staff": "Ana"}, {"preferred_staff": 20}),
        ("", {"outlet": "Senopati"}, {"preferred_outlet": 10}),
        (
            "2026-10-12 13:15 Massage Bea\n2026-10-19 16:00 Massage Bea",
            {},
            {"due": 60, "popular": 5, "usual_weekday": 6},
        ),
        ("2026-10-12 13:15 Massage Bea\n2026-10-20 13:45 Massage Bea", {}, {"due": 60, "popular": 5, "usual_hour": 6}),
    ],
)
def test_a_reason_gives_its_points(salon, history, preferences, expected):
    assert reasons(salon.add_customer(history, **preferences)) == expected


def test_a_slot_directly_before_or_after_another_booking_has_no_gap(salon):
    customer = salon.add_customer(services="Massage", staff="Bea")
    assert "no_gap" not in reasons(customer)
    # A massage takes 60 minutes and 15 of buffer.
    salon.add_appointments("2026-12-01 15:00 Colour Bea confirmed")
    first, *_ = show_all(customer)
    assert first == "Massage Tue 2026-12-01 13:45 Bea 73 service+staff+no_gap"
    salon.add_appointments("2026-12-01 12:00 Colour Bea confirmed\n2026-12-01 14:30 Manicure Bea confirmed")
    # The colour ends at 17:00, and its buffer at 17:15.
    assert show_all(customer)[0] == "Massage Tue 2026-12-01 17:15 Bea 73 service+staff+no_gap"


def test_a_cancelled_booking_leaves_a_gap(salon):
    salon.add_appointments("2026-12-01 15:00 Colour Bea cancelled\n2026-12-01 12:00 Colour Bea completed")
    assert "no_gap" not in reasons(salon.add_customer(services="Massage"))


@pytest.mark.slow("makes a larger team and eight customers")
def test_further_entries_of_a_list_have_fewer_points_down_to_the_last_number(salon):
    names = [f"Service{number}" for number in range(7)]
    for name in names:
        salon.add_service(name, category="more", duration_minutes=60)
    points = {}
    for number in range(7):
        customer = salon.add_customer(services=" ".join([*names[:number][::-1], names[number]]))
        for item in recommend(customer, limit=20).items:
            if item.service.name == names[number]:
                points[number] = item.points["preferred_service"]
    # The seventh is not among the five services that are searched.
    assert points == {0: 50, 1: 45, 2: 40, 3: 35, 4: 30}
    people = [salon.add_staff(f"Person{number}", "Kemang", [number % 6], (8, 9)).first_name for number in range(6)]
    customer = salon.add_customer(staff=" ".join(people), services="Cut")
    found = {one.slot.staff_name: one.points["preferred_staff"] for one in recommend(customer, limit=20).items[:3]}
    assert found == {"Person0": 20, "Person1": 16, "Person2": 12}


def test_popular_are_the_services_of_the_last_visits_of_the_business(salon):
    salon.add_appointments(
        "2026-11-09 10:00 Massage Bea\n2026-11-10 10:00 Massage Bea\n2026-11-11 10:00 Colour Bea\n"
        "2026-11-12 10:00 Cut Bea cancelled\n2026-11-13 10:00 Cut Bea no_show\n2026-12-13 10:00 Cut Bea confirmed"
    )
    nobody = salon.add_customer()
    popular = {str(one.service): one.points.get("popular") for one in recommend(nobody, limit=20).items}
    assert popular == {"Massage": 5, "Colour": 4, "Cut": None, "Manicure": None}


def test_a_service_is_due_by_the_customers_own_gap_by_its_own_days_or_by_those_of_the_business(salon):
    cut = salon.services["Cut"]
    twice = "2026-10-05 10:00 Cut Ana\n2026-11-02 10:00 Cut Ana"
    assert due_days(salon.add_customer(twice)) == {"Cut": "2026-12-14"}
    cut.rebooking_days = 30
    cut.save()
    # The lines are of another time of the day, since Ana can't be in two appointments.
    assert due_days(salon.add_customer(twice.replace("10:00", "12:00"))) == {"Cut": "2026-12-02"}
    three_times = f"2026-09-10 14:00 Cut Ana\n{twice}".replace("10:00", "14:00")
    # 25 and 28 days: the median is 26.5, rounded down.
    assert due_days(salon.add_customer(three_times)) == {"Cut": "2026-11-28"}
    salon.tenant.rebooking_days = 100
    salon.tenant.save()
    assert due_days(salon.add_customer("2026-11-02 16:00 Colour Ana")) == {"Colour": "2027-02-10"}


def test_several_visits_on_one_day_count_once(salon):
    customer = salon.add_customer(
        "2026-10-05 10:00 Cut Ana\n2026-10-05 12:00 Cut Ana\n2026-11-02 10:00 Cut Ana\n2026-11-02 12:00 Cut Ana"
    )
    assert due_days(customer) == {"Cut": "2026-12-14"}


def test_slots_lie_within_seven_days_of_the_due_day(salon):
    salon.staff["Ana"].is_active = salon.staff["Cici"].is_active = False
    salon.staff["Ana"].save()
    salon.staff["Cici"].save()
    customer = salon.add_customer("2026-11-12 13:00 Massage Bea")  # Due on Thursday, 24 December.
    hours = WorkingHours.objects.filter(staff=salon.staff["Bea"])
    hours.update(valid_to=dt.date(2026, 12, 16))
    assert due_days(customer) == {}
    hours.update(valid_to=dt.date(2026, 12, 17))
    assert show_all(customer)[0] == "Massage Thu 2026-12-17 12:00 Bea 65 due+popular"
    hours.update(valid_from=dt.date(2026, 12, 31), valid_to=dt.date(2026, 12, 31))
    assert show_all(customer)[0].startswith("Massage Thu 2026-12-31")
    hours.update(valid_from=dt.date(2027, 1, 1), valid_to=None)
    assert recommend(customer).items == []


@pytest.mark.parametrize("status", ["pending", "confirmed", "in_progress"])
def test_a_service_that_the_customer_has_booked_is_not_recommended(salon, status):
    customer = salon.add_customer(f"{MONDAYS_AT_TEN}\n2026-11-28 09:00 Cut Ana {status}", services="Cut")
    assert "Cut" not in {str(one.service) for one in recommend(customer, limit=20).items}


@pytest.mark.parametrize("line", ["2026-11-28 09:00 Cut Ana cancelled", "2026-11-27 09:00 Cut Ana confirmed"])
def test_a_booking_that_was_cancelled_or_is_past_keeps_no_service_from_being_due(salon, line):
    customer = salon.add_customer(f"{MONDAYS_AT_TEN}\n{line}")
    assert str(recommend(customer).items[0].service) == "Cut"


def test_no_slot_meets_another_booking_of_the_customer(salon):
    customer = salon.add_customer(services="Massage", staff="Bea")
    before = show_all(customer)
    assert before[0] == "Massage Mon 2026-11-30 12:00 Bea 70 service+staff"
    salon.add_appointments("2026-11-30 11:00 Colour Ana confirmed", customer)
    assert (
        show_all(customer)[2] == "Massage Mon 2026-11-30 13:00 Bea 70 service+staff" or "13:00" in show_all(customer)[0]
    )


def test_no_slot_meets_a_booking_of_the_customer_that_began_yesterday(salon):
    WorkingHours.objects.create(
        staff=salon.staff["Ana"],
        outlet=salon.outlets["Kemang"],
        weekday=5,
        start_time=dt.time(),
        end_time=dt.time(6),
    )
    customer = salon.add_customer("2026-11-27 23:30 Colour Cici in_progress", services="Cut", staff="Ana")
    with time_machine.travel(dt.datetime(2026, 11, 27, 17, 5, tzinfo=dt.UTC)):  # 0:05 on Saturday
        assert show_all(customer)[0] == "Cut Sat 2026-11-28 01:30 Ana 70 service+staff"


def test_a_service_has_one_slot_a_day_and_three_days(salon):
    items = recommend(salon.add_customer(MONDAYS_AT_TEN), limit=20).items
    days = [(str(one.service), one.slot.start.date()) for one in items]
    assert len(days) == len(set(days)) == 12
    assert {name: sum(name == one for one, _ in days) for name, _ in days} == {
        "Cut": 3,
        "Colour": 3,
        "Manicure": 3,
        "Massage": 3,
    }


def test_a_preferred_person_who_offers_none_of_the_first_services_gets_one_of_theirs(salon):
    salon.add_appointments(
        "\n".join(f"2026-11-{day:02} 09:00 {name} Ana" for day, name in enumerate(salon.services, 2))
    )
    for number in range(4):
        salon.add_service(f"Wrap{number}", category="wraps", duration_minutes=60)
        salon.add_appointments(f"2026-11-{10 + number} 09:00 Wrap{number} Ana")
    salon.add_staff("Eka", "Kemang", [0], (9, 17))
    for name in salon.services:
        if name != "Massage":
            salon.offer_only(name, "Ana")
    salon.add_service("Henna", category="art", duration_minutes=60)
    salon.offer_only("Henna", "Eka", "Ana")
    found = show_all(salon.add_customer(staff="Eka"), limit=20)
    # Henna is not among the first five services: only the preferred person counts for it, who works on Mondays.
    assert [line for line in found if line.startswith("Henna")] == ["Henna Mon 2026-11-30 09:00 Eka 20 staff"]
    assert found[0].startswith("Henna")
    assert not any(line.startswith("Henna") for line in show_all(salon.add_customer(), limit=20))


def test_where_nobody_is_free_the_next_best_is_recommended(salon):
    customer = salon.add_customer(services="Cut", staff="Bea")
    TimeOff.objects.create(
        staff=salon.staff["Bea"], local_start=dt.datetime(2026, 11, 28), local_end=dt.datetime(2026, 12, 24)
    )
    assert show_all(customer)[0] == "Cut Sat 2026-11-28 09:00 Ana 50 service"


def test_slots_of_today_are_not_past(salon):
    customer = salon.add_customer(services="Cut")
    with time_machine.travel(dt.datetime(2026, 11, 28, 3, 1, tzinfo=dt.UTC)):  # 10:01
        assert show_all(customer)[0] == "Cut Sat 2026-11-28 10:15 Ana 50 service"


def test_a_night_is_searched_over_midnight_and_both_days_have_slots(salon):
    WorkingHours.objects.all().delete()
    WorkingHours.objects.create(
        staff=salon.staff["Ana"],
        outlet=salon.outlets["Kemang"],
        weekday=0,
        start_time=dt.time(22),
        end_time=dt.time(3),
    )
    found = show_all(salon.add_customer(services="Cut", staff="Ana"))
    assert found[:2] == [
        "Cut Mon 2026-11-30 22:00 Ana 70 service+staff",
        "Cut Tue 2026-12-01 00:00 Ana 70 service+staff",
    ]


@pytest.mark.parametrize(
    ("zone", "now", "expected"),
    [
        # Clocks go forward from 2:00 to 3:00, and back from 3:00 to 2:00.
        ("Europe/Oslo", dt.datetime(2026, 3, 28, 20, tzinfo=dt.UTC), "03:00 04:00 2026-03-29T01:00:00"),
        ("Europe/Oslo", dt.datetime(2026, 10, 24, 20, tzinfo=dt.UTC), "02:00 03:00 2026-10-25T00:00:00"),
        ("Asia/Kolkata", dt.datetime(2026, 11, 28, 16, tzinfo=dt.UTC), "02:00 03:00 2026-11-28T20:30:00"),
    ],
)
def test_times_are_those_of_the_business_where_clocks_change(db, zone, now, expected):
    tenant = TenantFactory(time_zone=zone)
    with time_machine.travel(now, tick=False), tenant_scope(tenant):
        salon = Salon(tenant)
        WorkingHours.objects.all().delete()
        WorkingHours.objects.create(
            staff=salon.staff["Ana"],
            outlet=salon.outlets["Kemang"],
            weekday=6,
            start_time=dt.time(2),
            end_time=dt.time(5),
        )
        item = recommend(salon.add_customer(services="Cut")).items[0]
        shown = item.slot.as_json(item.service)
        assert f"{item.slot.start:%H:%M} {item.slot.end:%H:%M} {shown['starts_at'].removesuffix('Z')}" == expected


def test_a_slot_that_ends_at_a_booking_after_the_clocks_change_has_no_gap(db):
    tenant = TenantFactory(time_zone="Europe/Oslo")
    with time_machine.travel(dt.datetime(2026, 3, 28, 20, tzinfo=dt.UTC), tick=False), tenant_scope(tenant):
        salon = Salon(tenant)
        WorkingHours.objects.all().delete()
        WorkingHours.objects.create(
            staff=salon.staff["Ana"],
            outlet=salon.outlets["Kemang"],
            weekday=6,
            start_time=dt.time(0),
            end_time=dt.time(8),
        )
        salon.add_appointments("2026-03-29 03:30 Cut Ana confirmed")
        # An hour before 3:30 is 1:30, since clocks go from 2:00 to 3:00.
        assert show_all(salon.add_customer(services="Cut"))[0] == "Cut Sun 2026-03-29 01:30 Ana 53 service+no_gap"


def test_the_answer_is_the_same_each_time_whatever_the_order_of_the_rows(salon):
    for name in ("Ana2", "Ana1"):
        salon.add_staff(name, "Kemang", range(6), (9, 17))
    customer = salon.add_customer(MONDAYS_AT_TEN)
    found = show_all(customer, limit=20)
    assert found == show_all(customer, limit=20)
    assert found[0].split()[4] == "Ana"


def test_the_last_days_of_the_calendar_are_searched_without_an_error(salon):
    AppointmentFactory(
        tenant=salon.tenant,
        customer=(customer := salon.add_customer()),
        service=salon.services["Cut"],
        staff_id=salon.staff["Ana"].pk,
        outlet=salon.outlets["Kemang"],
        appointment_date=dt.date(2999, 12, 31),
    )
    # It is due after the last day on which there can be an appointment.
    assert "Cut" not in {str(one.service) for one in recommend(customer, limit=20).items}
