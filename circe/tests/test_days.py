"""Every filter by day accepts days that a time zone skipped, and days without a midnight."""

import datetime as dt
import zoneinfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appointments.tests.factories import AppointmentFactory
from circe.api.parameters import first_instant, is_reversed, last_instant
from conftest import client_of
from customers.models import Customer
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tenants.tests.factories import TenantFactory, UserFactory
from tenants.tests.shell import run

SKIPPED = [
    ("Pacific/Apia", "2011-12-30"),
    ("Pacific/Fakaofo", "2011-12-30"),
    ("Pacific/Kwajalein", "1993-08-21"),
    ("Pacific/Kiritimati", "1994-12-31"),
    ("Pacific/Enderbury", "1994-12-31"),
]
WITHOUT_MIDNIGHT = [
    ("America/Sao_Paulo", "2018-11-04"),
    ("Asia/Beirut", "2024-03-31"),
    ("Africa/Cairo", "2024-04-26"),
    ("America/Havana", "2024-03-10"),
    ("America/Asuncion", "2023-10-01"),
]
DAY = dt.timedelta(days=1)
MICROSECOND = dt.timedelta(microseconds=1)


@pytest.mark.parametrize(("zone", "day"), [*SKIPPED, *WITHOUT_MIDNIGHT, ("Asia/Jakarta", "2024-02-29")])
def test_every_filter_by_one_day_finds_the_rows_of_that_day(db, zone, day):
    tenant = TenantFactory(time_zone=zone, slug="atoll")
    api = client_of(UserFactory(tenant=tenant, role="tenant_admin"))
    date = dt.date.fromisoformat(day)
    with tenant_scope(tenant):
        begins, ends = first_instant(date), last_instant(date)
    customers = {
        at: CustomerFactory(tenant=tenant, created_at=at).pk
        for at in {begins - MICROSECOND, begins, ends, ends + MICROSECOND}
    }
    on_it = [pk for at, pk in customers.items() if begins <= at <= ends]
    assert len(on_it) == (0 if (zone, day) in SKIPPED else 2)

    answer = api.get("/api/v1/customers", {"created_from": day, "created_to": day})
    assert (answer.status_code, answer.json()["total"]) == (200, len(on_it))
    assert {row["id"] for row in answer.json()["items"]} == {*on_it}

    period = {"from_date": day, "to_date": day}
    summary = api.get("/api/v1/customers/statistics/summary", period)
    assert (summary.status_code, summary.json()["statistics"]["new_customers_in_period"]) == (200, len(on_it))

    # An appointment stores its day and its clock times, so it can be on a skipped day.
    pk = customers[ends]
    with tenant_scope(tenant):
        jane = Customer.objects.get(pk=pk)
    AppointmentFactory(tenant=tenant, customer=jane, appointment_date=date)
    history = api.get(f"/api/v1/customers/{pk}/appointments", period)
    assert (history.status_code, history.json()["pagination"]["total"]) == (200, 1)


@pytest.mark.parametrize(("zone", "day"), [*SKIPPED, *WITHOUT_MIDNIGHT])
def test_the_figures_of_the_admin_accept_a_skipped_day(back_office, zone, day):
    browser = back_office("tenant_admin", tenant=TenantFactory(time_zone=zone))
    page = browser.get("/admin/figures/", {"from_date": day, "to_date": day, "period": "dates"})
    assert (page.status_code, page.context["form"].errors) == (200, {})


@pytest.mark.parametrize(("zone", "day"), SKIPPED)
def test_restore_customers_accepts_a_skipped_day(db, zone, day):
    tenant = TenantFactory(time_zone=zone, slug="atoll")
    user = UserFactory(tenant=tenant)
    DeletedCustomerFactory(tenant=tenant, deleted_by=user.pk, deleted_at=dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
    ran = run("restore_customers", "--tenant", "atoll", "--deleted-by", user.email, "--from", day, "--to", day)
    assert (ran.code, ran.lines[-1]) == (0, "atoll: 0 restored, 0 not deleted, nobody was refused")


@pytest.mark.parametrize(
    "query", ["created_from=2011-12-31&created_to=2011-12-30", "created_from=2011-12-30&created_to=2011-12-29"]
)
def test_a_range_that_ends_before_it_begins_is_refused_around_a_skipped_day(db, query):
    api = client_of(UserFactory(tenant=TenantFactory(time_zone="Pacific/Apia")))
    assert api.get(f"/api/v1/customers?{query}").status_code == 400


ZONES = st.sampled_from(
    sorted({zone for zone, _ in [*SKIPPED, *WITHOUT_MIDNIGHT]} | {"America/St_Johns", "Asia/Pyongyang", "UTC"})
)


@given(zone=ZONES, day=st.dates(dt.date(1970, 1, 1), dt.date(2037, 12, 31)))
@example(zone="Pacific/Apia", day=dt.date(2011, 12, 29))
@example(zone="Pacific/Apia", day=dt.date(2011, 12, 30))
@example(zone="Pacific/Kwajalein", day=dt.date(1993, 8, 21))
@example(zone="America/Sao_Paulo", day=dt.date(2018, 11, 4))
@example(zone="Asia/Beirut", day=dt.date(2024, 3, 30))
def test_days_follow_each_other_without_gap_or_overlap(zone, day):
    with tenant_scope(Tenant(time_zone=zone)):
        begins, ends, next_begins = first_instant(day), last_instant(day), first_instant(day + DAY)
        assert begins <= next_begins == ends + MICROSECOND
        # `begins` is the first instant: the instant before it is on an earlier day.
        just_before = (begins - MICROSECOND).astimezone(zoneinfo.ZoneInfo(zone))
        assert just_before.date() < day <= begins.astimezone(zoneinfo.ZoneInfo(zone)).date()
        assert not is_reversed(day, day)
        assert not is_reversed(day, day + DAY)
        assert is_reversed(day + DAY, day)
