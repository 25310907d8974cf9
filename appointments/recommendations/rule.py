"""The rule by which appointments are recommended to a customer."""

from typing import NamedTuple

from django.utils import timezone

from appointments.availability import find_openings_within
from appointments.models.schedule import read_free_times
from appointments.recommendations.best_slots import Recommendation, SlotSearch, read_bookings
from appointments.recommendations.favourites import Ignored, read_offer_and_favourites
from appointments.recommendations.history import read_history
from appointments.recommendations.wanted import choose_services
from circe.api.local_time import to_local
from customers.models import Customer

# An answer has at most one slot of a service on a day, and slots of a service on at most this many days.
MAX_DAYS_OF_SERVICE = 3


class Recommendations(NamedTuple):
    """The recommendations, the best first, and the preferences that are no longer on offer."""

    items: list[Recommendation]
    ignored: list[Ignored]


def recommend(customer: Customer, *, limit: int = 5) -> Recommendations:
    """Returns at most `limit` slots that can be booked for the customer, the best first.

    The order is total: by score; by the days between the slot and the due day (today if the service is overdue or has
    no due day); by start; by the position of the service in the catalogue; by the person's name and id. An inactive
    customer gets no recommendation, since they can book nothing. Sends seven statements, and one more for each window
    that is searched: there are at most eight windows.
    """
    tenant = customer.tenant
    now = to_local(timezone.now(), tenant.zone)
    offer, favourites = read_offer_and_favourites(customer, today=now.date())
    if not customer.is_active:
        return Recommendations([], favourites.ignored)
    history = read_history(customer, today=now.date())
    services = choose_services(offer, favourites, history, tenant=tenant.pk, today=now.date())
    windows = {wanted.window(now) for wanted in services}
    # Services that are due at the same time share what is read.
    free_times = {window: read_free_times(tenant.pk, first=window[0], last=window[1]) for window in windows}
    search = SlotSearch(favourites, history, read_bookings(tenant.pk, windows))
    found: list[Recommendation] = []
    for wanted in services:
        first, last = wanted.window(now)
        attended = [free for free in free_times[first, last] if wanted.is_attended_by(free.staff_id, offer)]
        openings = find_openings_within(wanted.service, attended, first=first, last=last)
        of_days = search.find_best_of_each_day(wanted, openings)
        found += sorted(of_days, key=lambda one: one.order)[:MAX_DAYS_OF_SERVICE]
    return Recommendations(sorted(found, key=lambda one: one.order)[:limit], favourites.ignored)
