"""The notes about a customer that reception sees while booking: needs, notes and favourites."""

from collections import defaultdict
from collections.abc import Collection
from typing import NamedTuple

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from customers.models import Customer, PreferredService, PreferredStaff
from tenants.models import Outlet


class ReceptionNotes(NamedTuple):
    """The needs, notes and favourites of a customer. Favourites that are no longer active are left out."""

    customer: Customer
    staff: list[str]
    services: list[str]
    outlet: str

    @property
    def favourites(self) -> dict[str, str]:
        """The favourites that the customer has, by the kind of them."""
        found = {
            "Staff": ", ".join(self.staff),
            "Services": ", ".join([*self.services, *self.customer.preferred_categories]),
            "Outlet": self.outlet,
        }
        return {kind: names for kind, names in found.items() if names}

    @property
    def is_empty(self) -> bool:
        customer = self.customer
        known = customer.accessibility_needs or customer.notes or customer.preferred_channel or self.favourites
        return customer.is_active and not known


def read_reception_notes(customers: Collection[Customer]) -> dict[str, ReceptionNotes]:
    """Returns the notes of each customer by id. Sends three queries, for any number of customers."""
    ids = {customer.pk for customer in customers}
    staff, services = defaultdict(list), defaultdict(list)
    for person in PreferredStaff.objects.filter(customer__in=ids, staff__is_active=True).select_related("staff"):
        staff[person.customer_id].append(str(person.staff))
    for one in PreferredService.objects.filter(customer__in=ids, service__is_active=True).select_related("service"):
        services[one.customer_id].append(str(one.service))
    outlets = Outlet.objects.filter(is_active=True).in_bulk({customer.preferred_outlet_id for customer in customers})
    return {
        customer.pk: ReceptionNotes(
            customer, staff[customer.pk], services[customer.pk], str(outlets.get(customer.preferred_outlet_id, ""))
        )
        for customer in customers
    }


def render_reception_notes(customer: Customer) -> SafeString:
    """Returns the part of a page that shows the notes of a customer."""
    notes = read_reception_notes([customer])[customer.pk]
    return render_to_string("admin/customers/customer/reception_notes.html", {"notes": notes})  # type: ignore[return-value]
