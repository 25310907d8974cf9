"""Creates appointments for tests."""

import datetime as dt

import factory

from appointments.models import Appointment, Status, WorkingHours
from customers.tests.factories import CustomerFactory
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, TenantFactory, TenantModelFactory, UserFactory


class AppointmentFactory(TenantModelFactory):
    """Creates a completed appointment, with a new customer, outlet, service and member of staff unless given."""

    class Meta:
        model = Appointment

    tenant = factory.SubFactory(TenantFactory)
    outlet = factory.SubFactory(OutletFactory, tenant=factory.SelfAttribute("..tenant"))
    customer = factory.SubFactory(CustomerFactory, tenant=factory.SelfAttribute("..tenant"))
    service = factory.SubFactory(ServiceFactory, tenant=factory.SelfAttribute("..tenant"))
    staff_id = factory.LazyAttribute(lambda appointment: UserFactory(tenant=appointment.tenant).pk)
    appointment_date = dt.date(2025, 1, 25)
    start_time = dt.time(14)
    end_time = dt.time(15, 30)
    status = Status.COMPLETED
    total_price = 350000


def works_daily(tenant, staff, outlet, *shifts):
    """Gives the member of staff working hours at the outlet on each day of the week: pairs of begin and end. Takes ids."""
    with tenant_scope(tenant):
        WorkingHours.objects.bulk_create(
            WorkingHours(tenant=tenant, staff_id=staff, outlet_id=outlet, weekday=day, start_time=start, end_time=end)
            for day in range(7)
            for start, end in shifts
        )


def works_always(tenant, staff, outlet):
    """Gives the member of staff working hours round the clock at the outlet. Takes their ids."""
    works_daily(tenant, staff, outlet, (dt.time(), dt.time(12)), (dt.time(12), dt.time()))
