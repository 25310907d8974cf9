"""A cluster names a violated constraint in the message alone, with the number of a shard. The refusal is the same."""

import pytest
from django.db import connection

from appointments.models import DoubleBooking
from appointments.tests.factories import AppointmentFactory
from circe.db.roles import as_owner
from customers.tests.factories import CustomerFactory
from tenants.scope import tenant_scope
from tenants.tests.factories import ServiceFactory

pytestmark = pytest.mark.django_db


def refuse_as_a_shard_does(table, sqlstate, message):
    """Lets every write to the table be refused with the error that Citus gives, until the test ends."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION pg_temp.refuse() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE SQLSTATE '{sqlstate}' USING MESSAGE = '{message}'; END $$"
        )
        cursor.execute(
            f"CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION pg_temp.refuse()"
        )


def refusal(answer):
    return answer.status_code, answer.json()["code"]


def test_an_overlapping_appointment_is_a_double_booking(tenant):
    row = AppointmentFactory(tenant=tenant)
    message = 'conflicting key value violates exclusion constraint "appointment_no_double_booking_102016"'
    refuse_as_a_shard_does("appointments_appointment", "23P01", message)
    with tenant_scope(tenant), pytest.raises(DoubleBooking):
        row.save()


def test_a_taken_name_of_a_service_is_told(admin, tenant):
    row = ServiceFactory(tenant=tenant)
    message = 'duplicate key value violates unique constraint "service_name_102045"'
    refuse_as_a_shard_does("tenants_service", "23505", message)
    assert refusal(admin.patch(f"/api/v1/services/{row.pk}", {"name": "Spa"})) == (409, "duplicate_name")


@pytest.mark.parametrize(("name", "code"), [("customer_email", "duplicate_customer"), ("customer_pkey", "conflict")])
def test_a_taken_email_address_is_told_and_another_constraint_is_not_taken_for_it(admin, tenant, name, code):
    row = CustomerFactory(tenant=tenant)
    message = f'duplicate key value violates unique constraint "{name}_102045"'
    refuse_as_a_shard_does("customers_customer", "23505", message)
    assert refusal(admin.patch(f"/api/v1/customers/{row.pk}", {"email": "a@x.test"})) == (409, code)
