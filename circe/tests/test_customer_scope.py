"""The scope of a customer of the portal: their own rows and what is public, held by the managers and by the database."""

import pytest
from django.db import ProgrammingError, connection, transaction

from appointments.models import Appointment, CustomerTotals
from appointments.tests.factories import AppointmentFactory
from customers.models import Customer
from tenants.models import Outlet, Service, StaffName, Tenant, User
from tenants.scope import CrossTenantWrite, CustomerScope, tenant_scope


@pytest.fixture
def own(tenant):
    return AppointmentFactory(tenant=tenant)


@pytest.fixture
def others(tenant, stranger, own):
    """Creates an appointment of another customer of the business with the same person, and one of another business."""
    shared = {"staff": own.staff, "outlet": own.outlet, "service": own.service}
    return [
        AppointmentFactory(tenant=tenant, appointment_date="2030-02-02", **shared),
        AppointmentFactory(tenant=stranger),
    ]


@pytest.fixture
def scope(tenant, own, others):
    return CustomerScope(tenant, own.customer_id)


def sql(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else cursor.rowcount


@pytest.mark.parametrize("model", [Customer, Appointment, CustomerTotals])
def test_a_customer_sees_their_own_rows_alone(model, tenant_filters, scope):
    with tenant_scope(scope):
        rows = list(model.objects.values_list(model.customer_column, flat=True))
    assert rows == [scope.customer_id]


@pytest.mark.django_db
@pytest.mark.parametrize("model", [Customer, Appointment, CustomerTotals])
def test_raw_sql_shows_a_customers_own_rows_alone(model, scope):
    with tenant_scope(scope):
        assert sql(f"SELECT {model.customer_column} FROM {model._meta.db_table}") == [(scope.customer_id,)]


@pytest.mark.django_db
def test_a_customer_reads_what_is_public_and_no_account(scope, own):
    with tenant_scope(scope):
        assert [row.name for row in StaffName.objects.filter(pk=own.staff_id)] == [own.staff.full_name]
        assert {row.tenant_id for model in (Outlet, Service) for row in model.objects.all()} == {own.tenant_id}
        assert [row.pk for row in Tenant.objects.all()] == [own.tenant_id]
        assert not User.objects.exists()
        assert sql("UPDATE tenants_outlet SET name = 'Mine'") == 0


@pytest.mark.django_db
def test_a_customer_writes_no_row_of_another(scope, own, others):
    with tenant_scope(scope):
        with pytest.raises(CrossTenantWrite):
            others[0].save()
        assert sql(f"UPDATE appointments_appointment SET notes = 'mine' WHERE id = '{others[0].pk}'") == 0
        assert sql(f"DELETE FROM customers_customer WHERE id = '{own.customer_id}'") == 0
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            sql(f"UPDATE appointments_appointment SET customer_id = '{others[0].customer_id}' WHERE id = '{own.pk}'")
