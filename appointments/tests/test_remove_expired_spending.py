"""`remove_expired_spending` subtracts the visits that are too old, of the businesses that it is run for."""

import datetime as dt
import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from appointments.models import Status
from appointments.models.totals import CustomerTotals
from appointments.tests.factories import AppointmentFactory
from circe.db.roles import as_owner
from customers.tests.factories import CustomerFactory
from tenants.scope import ALL_TENANTS, tenant_scope

TODAY = dt.date.today()  # noqa: DTZ011
OLD, NEW = (TODAY - dt.timedelta(days=days) for days in (400, 100))


@pytest.fixture
def totals(tenant, other_tenant):
    """`totals(tenant)`: the totals of the one customer of a business, who has a visit that is too old and a recent one."""
    for business in (tenant, other_tenant):
        customer = CustomerFactory(tenant=business)
        for day, price in ((NEW, 5), (OLD, 7)):
            visit = {"customer": customer, "appointment_date": day, "status": Status.COMPLETED, "total_price": price}
            AppointmentFactory(tenant=business, **visit)
    with as_owner(), connection.cursor() as cursor:
        # The values that a write 400 days ago would have stored.
        cursor.execute("UPDATE appointments_customertotals SET recent_spent = 12, recent_from = %s", [OLD])

    def read(business):
        with tenant_scope(business):
            totals = CustomerTotals.objects.get()
        return totals.recent_spent, totals.recent_from, totals.total_spent

    return read


def remove_expired_spending(*arguments):
    """Runs the command with --json and returns the rows of its report."""
    output = StringIO()
    call_command("remove_expired_spending", *arguments, "--json", stdout=output)
    return json.loads(output.getvalue())["rows"]


def test_visits_that_are_too_old_are_subtracted(tenant, other_tenant, totals):
    report = [{"tenant": tenant.slug, "outcome": "changed", "rows": 1}]
    assert remove_expired_spending("--tenant", tenant.slug, "--dry-run") == report
    assert totals(tenant) == (12, OLD, 12)
    assert remove_expired_spending("--tenant", tenant.slug) == report
    assert totals(tenant) == (5, NEW, 12)
    assert totals(other_tenant) == (12, OLD, 12)
    call_command("check_totals", tenant=tenant.slug)


def test_a_second_run_changes_nothing(tenant, other_tenant, totals):
    assert {row["tenant"] for row in remove_expired_spending("--all-tenants")} == {tenant.slug, other_tenant.slug}
    assert totals(tenant) == totals(other_tenant) == (5, NEW, 12)
    assert remove_expired_spending("--all-tenants") == []
    with tenant_scope(ALL_TENANTS):
        assert set(CustomerTotals.objects.values_list("recent_spent", flat=True)) == {5}
