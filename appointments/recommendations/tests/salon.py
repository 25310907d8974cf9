"""A business with a small team, for the tests of recommendations."""

import datetime as dt
import re

from appointments.models import Appointment, Status, WorkingHours
from appointments.recommendations import recommend
from customers.tests.factories import CustomerFactory
from tenants.models import ServiceStaff, Staff
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory

# A Saturday, 7:00 in Jakarta.
NOW = dt.datetime(2026, 11, 28, 0, 0, tzinfo=dt.UTC)
TODAY = dt.date(2026, 11, 28)


class Salon:
    """Ana works at Kemang from Monday to Saturday, Bea at Senopati from Monday to Friday, Cici at Kemang on two mornings.

    Everybody offers everything, except that Massage is Bea's alone.
    """

    def __init__(self, tenant):
        self.tenant = tenant
        self.outlets = {name: OutletFactory(tenant=tenant, name=name) for name in ("Kemang", "Senopati")}
        self.staff = {}
        self.add_staff("Ana", "Kemang", range(6), (9, 17))
        self.add_staff("Bea", "Senopati", range(5), (12, 20))
        self.add_staff("Cici", "Kemang", (1, 3), (9, 13))
        self.services, self.offered = {}, {}
        for name, category, minutes, buffer in (
            ("Colour", "hair", 120, 15),
            ("Cut", "hair", 60, 0),
            ("Manicure", "nails", 30, 0),
            ("Massage", "spa", 60, 15),
        ):
            self.add_service(name, category=category, duration_minutes=minutes, buffer_minutes=buffer)
        self.offer_only("Massage", "Bea")

    def add_staff(self, name, outlet, weekdays, hours):
        person = Staff.objects.get(pk=UserFactory(tenant=self.tenant, first_name=name, last_name="").pk)
        for weekday in weekdays:
            start, end = (dt.time(hour) for hour in hours)
            WorkingHours.objects.create(
                staff=person, outlet=self.outlets[outlet], weekday=weekday, start_time=start, end_time=end
            )
        self.staff[name] = person
        return person

    def add_service(self, name, **values):
        self.services[name] = ServiceFactory(tenant=self.tenant, name=name, **values)
        return self.services[name]

    def offer_only(self, service, *names):
        self.offered[service] = [*self.offered.get(service, []), *names]
        for name in names:
            ServiceStaff.objects.create(service=self.services[service], staff=self.staff[name])

    def add_customer(self, history="", **preferences):
        """Creates a customer with these appointments and preferences. Staff, services and the outlet are named."""
        customer = CustomerFactory(tenant=self.tenant)
        self.set_preferences(customer, **preferences)
        self.add_appointments(history, customer)
        return customer

    def set_preferences(self, customer, *, staff="", services="", outlet="", categories=""):
        customer.change(
            {
                "preferred_staff_ids": [self.staff[name].pk for name in staff.split()],
                "preferred_services": [self.services[name].pk for name in services.split()],
                "preferred_outlet": self.outlets[outlet] if outlet else None,
                "preferred_categories": categories.split(),
            }
        )

    def add_appointments(self, lines, customer=None):
        """Creates an appointment for each line such as `2026-10-05 10:00 Cut Ana`: a visit unless a status follows."""
        for line in filter(None, map(str.strip, lines.splitlines())):
            day, time, service, staff, *status = line.split()
            begin = dt.datetime.fromisoformat(f"{day} {time}")
            offered = self.services[service]
            place = WorkingHours.objects.filter(staff=self.staff[staff]).first()
            Appointment.objects.create(
                tenant=self.tenant,
                customer=customer or CustomerFactory(tenant=self.tenant),
                service=offered,
                staff=self.staff[staff],
                outlet=place.outlet if place else self.outlets["Kemang"],
                appointment_date=begin.date(),
                start_time=begin.time(),
                end_time=(begin + dt.timedelta(minutes=offered.duration_minutes)).time(),
                buffer_minutes=offered.buffer_minutes,
                status=status[0] if status else Status.COMPLETED,
                total_price=1,
            )


def show(recommendation):
    """Returns a line such as `Cut Mon 2026-11-30 09:00 Ana 66 due+hour`. Reasons lack their `preferred_` and `usual_`."""
    slot = recommendation.slot
    reasons = "+".join(re.sub("preferred_|usual_", "", one) for one in recommendation.reasons) or "-"
    return f"{recommendation.service} {slot.start:%a %Y-%m-%d %H:%M} {slot.staff_name} {recommendation.score} {reasons}"


def show_all(customer, **options):
    return [show(item) for item in recommend(customer, **options).items]
