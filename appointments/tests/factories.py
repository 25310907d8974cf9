"""Creates appointments for tests."""

import datetime as dt

import factory

from appointments.models import Appointment, MessageKind, MessageText, Status, TimeOff, WorkingHours
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


class WalkInFactory(AppointmentFactory):
    """Creates an appointment of somebody who came in and left no name."""

    customer = None
    is_walk_in = True
    status = Status.CONFIRMED


class WorkingHoursFactory(TenantModelFactory):
    """Creates the working hours of a Monday, of a new member of staff at a new outlet unless given."""

    class Meta:
        model = WorkingHours

    tenant = factory.SubFactory(TenantFactory)
    outlet = factory.SubFactory(OutletFactory, tenant=factory.SelfAttribute("..tenant"))
    staff_id = factory.LazyAttribute(lambda hours: UserFactory(tenant=hours.tenant).pk)
    weekday = 0
    start_time = dt.time(9)
    end_time = dt.time(17)


class TimeOffFactory(TenantModelFactory):
    """Creates a day off of a new member of staff unless given."""

    class Meta:
        model = TimeOff

    tenant = factory.SubFactory(TenantFactory)
    staff_id = factory.LazyAttribute(lambda time_off: UserFactory(tenant=time_off.tenant).pk)
    local_start = dt.datetime(2025, 12, 24)
    local_end = dt.datetime(2025, 12, 25)


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


class MessageTextFactory(TenantModelFactory):
    """Creates a business's own text, each of another kind or in another language."""

    class Meta:
        model = MessageText

    tenant = factory.SubFactory(TenantFactory)
    kind = factory.Iterator(MessageKind.values)
    language = factory.Iterator(["en", "id", "nb"])
    subject = "See you on {date}"
    body = "Hello {customer}"
