"""The rule once more, in the plainest way: every slot of each service is made and compared."""

import datetime as dt
from collections import Counter
from statistics import median

from appointments.availability import find_slots
from appointments.models import Appointment
from appointments.recommendations.tests.salon import TODAY
from circe.api.local_time import add_minutes


def usual(values):
    """Returns the first value of those that come most often, if it comes twice."""
    return next((value for value, count in Counter(values).most_common(1) if count > 1), None)


class Recount:
    """The recommendations for a customer of `salon` with preferences by name, all of which are on offer."""

    def __init__(self, salon, customer, *, staff, services, categories, outlet):
        self.salon, self.customer = salon, customer
        self.staff = [salon.staff[name].pk for name in staff]
        self.services, self.categories = services, categories
        self.outlets = [salon.outlets[name].pk for name in outlet]
        history = sorted(
            Appointment.objects.filter(customer=customer),
            key=lambda one: (one.appointment_date, one.start_time),
            reverse=True,
        )
        self.visits = [one for one in history if one.status == "completed"]
        self.bookings = [one for one in history if one.status == "confirmed" and one.appointment_date >= TODAY]
        self.weekday = usual([one.appointment_date.weekday() for one in self.visits])
        self.hour = usual([one.start_time.hour for one in self.visits])
        self.others = list(Appointment.objects.filter(status="confirmed"))
        self.catalogue = sorted(salon.services.values(), key=lambda one: (one.category, one.name))

    def items(self):
        """Returns all recommendations as `show` shows them, the best first."""
        best = {}
        for place, service, target, points, people in self.searched():
            for slot in self.slots(service, target):
                if slot.staff_id in people and not self.is_busy(slot):
                    scored = {**points, **self.points_of(slot, service)}
                    score = sum(scored.values())
                    rank = -score, abs(slot.start.date() - target), slot.start, place, slot.staff_name
                    words = [name.removeprefix("preferred_").removeprefix("usual_") for name in scored if scored[name]]
                    line = (
                        f"{service} {slot.start:%a %Y-%m-%d %H:%M} {slot.staff_name} {score} {'+'.join(words) or '-'}"
                    )
                    key = service.name, slot.start.date()
                    best[key] = min(best.get(key, (rank, line)), (rank, line))
        shown, days = [], Counter()
        for (service, _), (_, line) in sorted(best.items(), key=lambda one: one[1]):
            days[service] += 1
            shown += [line] if days[service] <= 3 else []
        return shown

    def searched(self):
        """Returns the services to search: place, service, target, points, and the ids of the people who count."""
        rated = sorted(self.rated(), key=lambda one: (-sum(one[3].values()), one[2], one[0]))
        first, others = rated[:5], rated[5:]
        people = {one[0]: self.offering(one[1]) for one in first}
        for person in self.staff:
            if not any(person in self.offering(one[1]) for one in first):
                place = next((one[0] for one in others if person in self.offering(one[1])), None)
                if place is not None:
                    people[place] = [*people.get(place, []), person]
        return [(*one, people[one[0]]) for one in rated if one[0] in people]

    def rated(self):
        booked = Counter(one.service_id for one in Appointment.objects.visits())
        most_booked = sorted((one.pk for one in self.catalogue if booked[one.pk]), key=lambda pk: -booked[pk])
        popular = dict(zip(most_booked, [5, 4, 3, 2, 1], strict=False))
        for place, service in enumerate(self.catalogue):
            if service.pk not in [one.service_id for one in self.bookings]:
                due = self.due_day(service)
                rank = self.services.index(service.name) if service.name in self.services else None
                points = {
                    "due": 60 * bool(due),
                    "overdue": 10 * bool(due and due < TODAY),
                    "preferred_service": 0 if rank is None else [50, 45, 40, 35][rank],
                    "preferred_category": 20 * (service.category in self.categories),
                    "popular": popular.get(service.pk, 0),
                }
                yield place, service, max(due or TODAY, TODAY), points

    def due_day(self, service):
        days = sorted({one.appointment_date for one in self.visits if one.service_id == service.pk})
        gaps = [(days[number] - days[number - 1]).days for number in range(1, len(days))]
        gap = int(median(gaps)) if len(days) > 2 else self.salon.tenant.rebooking_days
        return days[-1] + dt.timedelta(gap) if days else None

    def offering(self, service):
        return [self.salon.staff[name].pk for name in self.salon.offered.get(service.name, self.salon.staff)]

    def slots(self, service, target):
        first = dt.datetime.combine(target - dt.timedelta(7), dt.time())
        return find_slots(service, first=first, last=first + dt.timedelta(15))

    def is_busy(self, slot):
        return any(begin < slot.end and slot.start < end for begin, end in (one.local_bounds for one in self.bookings))

    def points_of(self, slot, service):
        end = add_minutes(slot.end, service.buffer_minutes, self.salon.tenant.zone)
        others = [one.occupied for one in self.others if one.staff_id == slot.staff_id]
        liked = self.staff.index(slot.staff_id) if slot.staff_id in self.staff else None
        return {
            "preferred_staff": 0 if liked is None else [20, 16, 12, 8][liked],
            "preferred_outlet": 10 * (slot.outlet_id in self.outlets),
            "usual_weekday": 6 * (slot.start.weekday() == self.weekday),
            "usual_hour": 6 * (slot.start.hour == self.hour),
            "no_gap": 3 * any(slot.start == finish or end == begin for begin, finish in others),
        }
