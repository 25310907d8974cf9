"""The segments of customers: a test for each rule."""

import datetime as dt
import random
import zoneinfo
from collections import Counter

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from appointments.models.totals import CustomerTotals
from circe.db.roles import as_owner
from conftest import client_of
from customers.tests.bodies import CUSTOMERS
from customers.tests.factories import DeletedCustomerFactory
from tenants.scope import tenant_scope

from .conftest import NOW, TODAY, days_ago


@pytest.fixture
def segments(admin, statistics):
    """Returns a function: `segments()` returns the segments that are not empty, as the tenant's admin sees them.

    It checks that the list of each segment has as many customers, and that each customer is in one of them.
    """

    def count(client=admin):
        counts = statistics(client)["customer_segments"]
        lists = {name: client.get(f"{CUSTOMERS}?segment={name}&size=100").json() for name in counts}
        assert {name: body["total"] for name, body in lists.items()} == counts
        listed = [item["id"] for body in lists.values() for item in body["items"]]
        assert sorted(listed) == sorted(item["id"] for item in client.get(f"{CUSTOMERS}?size=100").json()["items"])
        for name, body in lists.items():
            # With another filter they are counted one by one.
            both = client.get(f"{CUSTOMERS}?segment={name}&is_active=true&size=100").json()
            assert (both["total"], both["items"]) == (body["total"], body["items"])
        return {name: number for name, number in counts.items() if number}

    return count


def test_each_customer_is_in_the_first_segment_whose_rule_holds(customer, book, segments):
    lapsed_vip, vip, newcomer, regular = customer(tags=["vip"]), customer(tags=["vip"]), customer(), customer()
    book(lapsed_vip, days_ago(200))
    book(vip, days_ago(1))
    book(newcomer, days_ago(1))
    book(regular, days_ago(60))
    customer()
    assert segments() == {"at_risk": 1, "vip": 1, "new": 2, "regular": 1}


# --- at_risk: at least one visit, nothing upcoming, last visit more than 90 days ago ---------------------------------


@pytest.mark.parametrize(("days", "segment"), [(89, "regular"), (90, "regular"), (91, "at_risk")])
def test_at_risk_is_a_customer_whose_last_visit_is_more_than_90_days_ago(customer, book, segments, days, segment):
    book(customer(), days_ago(400), days_ago(days))
    assert segments() == {segment: 1}


def test_at_risk_needs_at_least_one_visit(customer, book, segments):
    book(customer(), days_ago(200), status="no_show")
    assert segments() == {"new": 1}


@pytest.mark.parametrize("status", ["pending", "confirmed"])
@pytest.mark.parametrize(
    ("day", "time", "segment"),
    [
        (TODAY, dt.time(11, 59, 59), "at_risk"),
        (TODAY, dt.time(12), "regular"),
        (days_ago(-1), dt.time(0), "regular"),
        (days_ago(1), dt.time(23), "at_risk"),
    ],
)
def test_an_upcoming_appointment_starts_now_or_later_in_the_tenants_time_zone(
    customer, book, segments, status, day, time, segment
):
    lapsed = customer()
    book(lapsed, days_ago(200))
    book(lapsed, day, status=status, start_time=time)
    assert segments() == {segment: 1}


@pytest.mark.parametrize("status", ["in_progress", "completed", "cancelled", "no_show"])
def test_an_upcoming_appointment_is_pending_or_confirmed(customer, book, segments, status):
    lapsed = customer()
    book(lapsed, days_ago(200))
    book(lapsed, days_ago(-1), status=status)
    # A visit with a future date is a visit too, and the last one.
    assert segments() == {"regular" if status == "completed" else "at_risk": 1}


def test_today_is_a_day_of_the_tenants_time_zone(customer, book, segments, admin, clock):
    book(customer(), days_ago(90))
    clock.move_to(dt.datetime(2025, 6, 15, 16, 59, 59, tzinfo=dt.UTC))
    assert segments(client_of(admin.user)) == {"regular": 1}
    clock.move_to(dt.datetime(2025, 6, 15, 17, tzinfo=dt.UTC))
    assert segments(client_of(admin.user)) == {"at_risk": 1}


# --- vip: tagged, or at least 5 visits and in the top tenth by what they spent in the last 365 days ------------------


def test_a_tagged_customer_is_a_vip_even_without_a_visit(customer, segments):
    customer(tags=["vip"])
    customer(tags=["vips", "not-vip"])
    assert segments() == {"vip": 1, "new": 1}


@pytest.mark.parametrize(("visits", "segment"), [(4, "regular"), (5, "vip")])
def test_a_vip_by_spending_has_at_least_5_visits(customer, book, segments, visits, segment):
    book(customer(), *[days_ago(60)] * visits)
    assert segments() == {segment: 1}


@pytest.mark.slow("makes up to 21 customers with five visits each")
@pytest.mark.parametrize(("others", "vips"), [(0, 1), (8, 1), (9, 1), (10, 2), (19, 2), (20, 3)])
def test_vip_is_the_top_tenth_rounded_up(customer, book, segments, others, vips):
    for spent in range(others + 1):
        book(customer(), *[days_ago(60)] * 5, total_price=100 + spent)
    assert segments().get("vip") == vips


def test_a_tie_with_the_last_of_the_top_tenth_is_a_vip_too(customer, book, segments):
    for price in (200, 200, 200, *[100] * 8):
        book(customer(), *[days_ago(60)] * 5, total_price=price)
    assert segments() == {"vip": 3, "regular": 8}


def test_the_top_tenth_is_of_customers_with_a_visit(customer, book, segments):
    for price in (200, 100):
        book(customer(), *[days_ago(60)] * 5, total_price=price)
    for _ in range(18):
        book(customer(), days_ago(1), status="no_show")
    assert segments() == {"vip": 1, "regular": 1, "new": 18}


def test_the_top_tenth_counts_customers_at_risk_and_with_few_visits(customer, book, segments):
    book(customer(), days_ago(100), total_price=10_000)
    book(customer(), days_ago(60), total_price=5000)
    for price in range(8):
        book(customer(), *[days_ago(60)] * 5, total_price=price)
    assert segments() == {"at_risk": 1, "regular": 9}


def test_the_top_tenth_excludes_deleted_customers(customer, book, segments, tenant):
    book(customer(), *[days_ago(60)] * 5)
    book(DeletedCustomerFactory(tenant=tenant), *[days_ago(60)] * 5, total_price=10**9)
    assert segments() == {"vip": 1}


@pytest.mark.parametrize(("days", "segment"), [(365, "vip"), (366, "regular")])
def test_spending_counts_the_last_365_days(customer, book, segments, days, segment):
    someone = customer()
    book(someone, *[days_ago(60)] * 4, total_price=0)
    book(someone, days_ago(days), total_price=100)
    assert segments() == {segment: 1}


def test_nobody_is_vip_for_spending_nothing(customer, book, segments):
    book(customer(), *[days_ago(60)] * 5, total_price=0)
    assert segments() == {"regular": 1}


# --- new: no visit yet, or the first within the last 30 days ----------------------------------------------------------


@pytest.mark.parametrize(("days", "segment"), [(0, "new"), (30, "new"), (31, "regular")])
def test_new_is_a_customer_whose_first_visit_is_within_the_last_30_days(customer, book, segments, days, segment):
    book(customer(), days_ago(days), days_ago(0))
    assert segments() == {segment: 1}


# --- the thresholds of the tenant ----------------------------------------------------------------------------------


@pytest.mark.slow("makes customers with many visits")
def test_the_thresholds_can_be_set_by_the_tenant(customer, book, segments, tenant):
    big, small = customer(), customer()
    book(big, days_ago(20), days_ago(20), total_price=200)
    book(small, days_ago(20), days_ago(20), total_price=100)
    assert segments() == {"new": 2}
    settings = [
        ({"new_within_days": 19}, {"regular": 2}),
        ({"vip_min_visits": 2}, {"vip": 1, "regular": 1}),
        ({"vip_top_percent": 51}, {"vip": 2}),
        ({"vip_top_percent": 50}, {"vip": 1, "regular": 1}),
        ({"vip_top_percent": 0}, {"regular": 2}),
        ({"at_risk_after_days": 20}, {"regular": 2}),
        ({"at_risk_after_days": 19}, {"at_risk": 2}),
        ({"at_risk_after_days": 2**31 - 1, "new_within_days": 2**31 - 1}, {"new": 2}),
    ]
    for thresholds, expected in settings:
        for name, value in thresholds.items():
            setattr(tenant, name, value)
        tenant.save()
        assert segments() == expected, thresholds


def test_over_all_tenants_each_has_its_own_thresholds_and_top_tenth(
    customer, book, segments, tenant, other_tenant, super_admin
):
    for business, price in ((tenant, 1_000_000), (other_tenant, 100)):
        for extra in range(5):
            book(customer(tenant=business), *[days_ago(60)] * 5, total_price=price + extra)
    assert segments(super_admin) == {"vip": 2, "regular": 8}
    other_tenant.at_risk_after_days = 59
    other_tenant.save()
    assert segments(super_admin) == {"vip": 1, "regular": 4, "at_risk": 5}


def test_over_all_tenants_today_is_a_day_of_utc(customer, book, segments, super_admin, clock):
    book(customer(), days_ago(91))
    clock.move_to(NOW - dt.timedelta(hours=5, minutes=1))  # 23:59 of the 14th in UTC, 06:59 of the 15th in Jakarta
    assert segments(client_of(super_admin.user)) == {"regular": 1}


def test_spending_of_visits_that_become_too_old_no_longer_counts(customer, book, segments, clock, admin):
    """`recent_spent` was right on the day when it was written; later, older visits no longer count."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_date")
        [today] = cursor.fetchone()
    big_customer = customer()
    book(big_customer, *(today - dt.timedelta(days=350 + n) for n in range(5)), total_price=1_000_000)
    book(big_customer, today + dt.timedelta(days=60), status="confirmed")
    for days, segment in ((0, "vip"), (30, "regular")):
        clock.move_to(dt.datetime.combine(today, dt.time(5), dt.UTC) + dt.timedelta(days=days))
        assert segments(client_of(admin.user)) == {segment: 1}


def is_lapsed(days, today):
    return bool(days) and (today - max(days)).days > 90


def segments_by_definition(visits, today, vip_top_percent, tagged, booked):
    """Returns the segments by name: `visits` has (date, price) by name. `tagged` are the customers with the tag `vip`.
    `booked` are those with an upcoming appointment.
    """
    spent = {
        name: sum(price for day, price in own if day >= today - dt.timedelta(days=365)) for name, own in visits.items()
    }
    ranked = sorted(spent.values(), reverse=True)
    least = max(ranked[-(-len(visits) * vip_top_percent // 100) - 1], 1)

    def segment_of(name):
        days = [day for day, _ in visits[name]]
        if is_lapsed(days, today) and name not in booked:
            return "at_risk"
        if name in tagged or (len(days) >= 5 and spent[name] >= least):
            return "vip"
        return "new" if (today - min(days)).days <= 30 else "regular"

    return {name: segment_of(name) for name in visits}


@pytest.mark.slow("makes 24 customers with six visits each, and reads them on five days")
@pytest.mark.parametrize(("vip_top_percent", "vip_min_visits"), [(10, 5), (40, 5), (40, 4)])
def test_the_segments_are_those_of_the_definition_however_long_ago_their_spending_was_summed(
    customer, book, admin, clock, plan_of_count, tenant, segments, vip_top_percent, vip_min_visits
):
    """Each customer has at least 5 visits, so both values of `vip_min_visits` give the same segments."""
    tenant.vip_top_percent, tenant.vip_min_visits = vip_top_percent, vip_min_visits
    tenant.save()
    with connection.cursor() as cursor:
        cursor.execute("SELECT (now() AT TIME ZONE 'UTC')::date")
        [today] = cursor.fetchone()
    dice = random.Random(16)
    visits = {f"Guest{number}": [] for number in range(24)}
    tagged = {name for number, name in enumerate(visits) if number % 5 == 3}
    booked = {name for number, name in enumerate(visits) if number % 7 == 3 or number >= 20}
    for number, name in enumerate(visits):
        guest = customer(first_name=name, tags=["vip"] if name in tagged else [])
        if name in booked:
            book(guest, today + dt.timedelta(days=60 + number), status="confirmed")
        # The spending of every second customer is up to date on each of the days. Some of these are new.
        if number >= 20:
            ages = range(200, 206)
        elif number % 2:
            ages = (*(dice.randrange(361, 368) for _ in range(3)), *(dice.randrange(355, 366) for _ in range(2)), 1)
        else:
            ages = dice.choice([range(2, 8), range(50, 56)])
        for age in ages:
            price = dice.choice((100, 200, 300))
            visits[name].append((today - dt.timedelta(days=age), price))
            book(guest, visits[name][-1][0], total_price=price)
    found = []
    for days in range(5):
        clock.move_to(dt.datetime.combine(today, dt.time(5), dt.UTC) + dt.timedelta(days=days))
        client = client_of(admin.user)
        expected = segments_by_definition(visits, today + dt.timedelta(days=days), vip_top_percent, tagged, booked)
        body = client.get(f"{CUSTOMERS}?segment=vip&size=100").json()
        vips = {name for name, segment in expected.items() if segment == "vip"}
        assert {item["first_name"] for item in body["items"]} == vips, days
        assert segments(client) == Counter(expected.values())
        found.append(vips)
        if days:
            assert "stale" in plan_of_count(client)
    assert len(set(map(frozenset, found))) > 1, "the spending that expires must matter"


def test_spending_that_the_totals_lack_counts_too(customer, book, segments, clock, admin, super_admin, tenant):
    """The totals lack a day if the business moved to a time zone further west after `remove_expired_spending` had
    subtracted it. The
    days of UTC, which the figures of all businesses use, can lack it too.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT (now() AT TIME ZONE 'UTC')::date")
        [today] = cursor.fetchone()
    tenant.time_zone, tenant.spending_since = "UTC", today - dt.timedelta(days=364)
    tenant.save()
    clock.move_to(dt.datetime.combine(today, dt.time(12), dt.UTC))
    big_customer = customer()
    book(big_customer, *[today - dt.timedelta(days=60)] * 4, total_price=0)
    book(big_customer, today - dt.timedelta(days=365), total_price=100)
    with tenant_scope(tenant):
        assert CustomerTotals.objects.get().recent_spent == 0
    assert segments(client_of(admin.user)) == segments(client_of(super_admin.user)) == {"vip": 1}
    call_command("check_totals", tenant=tenant.slug)


# In the first of these time zones the day is never before that of UTC, and in the second it is never after.
@pytest.mark.parametrize(("time_zone", "later"), [("Pacific/Kiritimati", dt.UTC), ("Etc/GMT+12", None)])
@pytest.mark.django_db(transaction=True)
def test_expired_spending_is_removed_as_soon_as_the_day_has_begun(customer, book, clock, tenant, time_zone, later):
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        [now] = cursor.fetchone()
    clock.move_to(now)
    since = now.astimezone(later or zoneinfo.ZoneInfo(time_zone)).date() - dt.timedelta(days=365)
    tenant.time_zone = time_zone
    tenant.save()
    someone = customer()
    book(someone, since - dt.timedelta(days=1), total_price=7)
    book(someone, since, total_price=5)
    with as_owner(), connection.cursor() as cursor:
        # As if it had been written some days ago.
        cursor.execute(
            "UPDATE appointments_customertotals SET recent_spent = 12, recent_from = %s"
            " WHERE tenant_id = %s AND customer_id = %s",
            [since - dt.timedelta(days=1), tenant.pk, someone.pk],
        )
    call_command("remove_expired_spending", tenant=tenant.slug)
    tenant.refresh_from_db()
    assert tenant.spending_since == since
    with tenant_scope(tenant):
        totals = CustomerTotals.objects.get(customer_id=someone.pk)
    assert (totals.recent_spent, totals.recent_from) == (5, since)
    book(someone, since, total_price=1)
    with tenant_scope(tenant):
        assert CustomerTotals.objects.get(customer_id=someone.pk).recent_spent == 6
    call_command("check_totals", tenant=tenant.slug)


@pytest.fixture
def plan_of_count():
    """`plan_of_count(client)`: the plan of the statement that counts VIPs, as text."""

    def explain(client):
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"{CUSTOMERS}?segment=vip").status_code == 200
        [sql] = [one["sql"] for one in queries if "vip_cutoff" in one["sql"]]
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN " + sql.replace("%", "%%"), [])
            return "\n".join(line for (line,) in cursor.fetchall())

    return explain
