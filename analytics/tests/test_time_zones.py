"""Every time zone of Python's database works, also one that PostgreSQL does not know or takes for an abbreviation."""

import datetime as dt
import zoneinfo
from collections import Counter
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from analytics.months import count_new_customers_by_month
from analytics.statistics import Period
from appointments.models.totals import RECENT_FROM_SQL
from conftest import client_of
from customers.tests.factories import CustomerFactory
from tenants.models import validate_time_zone
from tenants.scope import tenant_scope
from tenants.tests.factories import UserFactory

ZONES = sorted(zoneinfo.available_timezones() - {"localtime"})
# Near the first instant of a month in winter and in summer, to the half hour.
TURNS = [dt.datetime(2025, month, 1, tzinfo=dt.UTC) for month in (1, 7, 11)]
INSTANTS = [turn + dt.timedelta(minutes=30 * n) for turn in TURNS for n in range(-30, 31, 3)]


def names_that_postgresql_reads_otherwise():
    """Returns the zones that PostgreSQL lacks, and those whose names are abbreviations of fixed offsets to it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_timezone_names")
        known = {name for (name,) in cursor.fetchall()}
        cursor.execute("SELECT abbrev FROM pg_timezone_abbrevs")
        return [zone for zone in ZONES if zone not in known or zone in {name for (name,) in cursor.fetchall()}]


@pytest.mark.slow("counts by the months of 600 time zones")
def test_new_customers_are_counted_by_the_months_of_any_time_zone(tenant):
    for at in INSTANTS:
        CustomerFactory(tenant=tenant, created_at=at)
    wrong = []
    for tenant.time_zone in ZONES:
        expected = Counter(at.astimezone(tenant.zone).date().replace(day=1) for at in INSTANTS)
        with tenant_scope(tenant):
            found = count_new_customers_by_month(Period(dt.date(2024, 1, 1), dt.date(2026, 1, 1)))
        if {month: number for month, number in found.items() if number} != expected:
            wrong.append(tenant.time_zone)
    assert wrong == []


@pytest.mark.slow("opens pages in a score of time zones")
def test_list_statistics_dashboard_and_day_sheet_answer_in_time_zones_that_the_database_reads_otherwise(
    tenant, back_office
):
    CustomerFactory(tenant=tenant, created_at=dt.datetime(2025, 7, 1, tzinfo=dt.UTC))
    api, browser = client_of(UserFactory(tenant=tenant, role="tenant_admin")), back_office("tenant_admin")
    for tenant.time_zone in {"Asia/Jakarta", "CET", "EST", *names_that_postgresql_reads_otherwise()[:20]}:
        tenant.save()
        answers = [
            api.get("/api/v1/customers", {"created_from": "2025-06-30", "created_to": "2025-07-01"}),
            api.get("/api/v1/customers/statistics/summary", {"from_date": "2025-06-30", "to_date": "2025-07-01"}),
            browser.get("/admin/"),
            browser.get("/admin/appointments/appointment/day/"),
            browser.get("/admin/customers/customer/"),
        ]
        assert [answer.status_code for answer in answers] == [200] * 5, tenant.time_zone
        assert answers[0].json()["total"] == 1


@pytest.mark.parametrize("name", ["localtime", "posixrules", "right/UTC", "../UTC", "asia/jakarta", "+07:00", ""])
def test_a_name_that_is_no_time_zone_everywhere_is_refused(name):
    with pytest.raises(ValidationError):
        validate_time_zone(name)


def test_the_days_of_recent_spending_begin_where_the_day_begins_last(db):
    """However a business changes its time zone, its last 365 days are summed. The trigger has the same expression."""
    for hours in range(0, 48, 3):
        now = dt.datetime(2026, 3, 1, 11, 59, tzinfo=dt.UTC) + dt.timedelta(minutes=30 * hours)
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {RECENT_FROM_SQL.replace('now()', '%s')}", [now])
            [first] = cursor.fetchone()
        assert first + dt.timedelta(days=365) == min(now.astimezone(zoneinfo.ZoneInfo(zone)).date() for zone in ZONES)
    assert RECENT_FROM_SQL in Path("appointments/sql/circe_rebuild_customer_totals.sql").read_text()
