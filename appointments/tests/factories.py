"""Creates appointments for tests."""

import datetime as dt

import factory

from appointments.models import Appointment, Status
from customers.tests.factories import CustomerFactory
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
