"""The offers of the booking form: free times of a day, recommendations for a customer, and their favourites first."""

import datetime as dt
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.views import View

from appointments.admin.working_day import ONE_DAY, bounds_of
from appointments.availability import Slot, find_slots
from appointments.lengths import length_of
from appointments.models import FIRST_DAY, LAST_DAY, Appointment
from appointments.recommendations import recommend
from circe.api.local_time import to_local
from circe.backoffice.regional import format_clock
from circe.db.ids import is_id
from customers.models import Customer, PreferredService, PreferredStaff
from tenants.models import Service
from tenants.scope import enter_scope

# How far the form looks for another free time where the day has none.
LATER = dt.timedelta(days=28)
MAX_LATER_SLOTS = 3
MAX_RECOMMENDATIONS = 5
# If the URL gives one of these fields, no recommendation fills the form.
RECOMMENDED_FIELDS = {"service", "staff", "outlet", "appointment_date", "start_time"}
# By field: the customer's favourites.
PREFERENCES = {"service": PreferredService, "staff": PreferredStaff}


class Recommended(NamedTuple):
    """A recommendation as the form shows it: its text, its reasons, and the URL that fills the form with its values. The
    last member says whether the form has these values now.
    """

    text: str
    reasons: str
    url: str
    values: dict[str, str]
    is_filled_in: bool


def read_recommendations(customer: Customer, url: str, query: QueryDict) -> list[Recommended]:
    """Returns the recommendations for the customer, the best first. Each has the URL of the form `url` with its values."""
    given = {name: value for name, value in query.items() if name in RECOMMENDED_FIELDS}
    kept = {name: value for name, value in query.items() if name not in RECOMMENDED_FIELDS | {"end_time"}}
    recommended: list[Recommended] = []
    for item in recommend(customer, limit=MAX_RECOMMENDATIONS).items:
        slot: Slot = item.slot
        values = {
            "service": item.service.pk,
            "staff": slot.staff_id,
            "outlet": slot.outlet_id,
            "appointment_date": f"{slot.start:%Y-%m-%d}",
            "start_time": f"{slot.start:%H:%M}",
        }
        when = f"{date_format(slot.start, 'D')} {date_format(slot.start)}, {format_clock(slot.start)}"
        reasons = capfirst(", ".join(str(reason).replace("_", " ") for reason in item.reasons))
        text = f"{item.service} with {slot.staff_name} at {slot.outlet_name}, {when}"
        # If the URL has none of these values, the form is filled with the first recommendation.
        is_filled_in = given == values if given else not recommended
        recommended.append(Recommended(text, reasons, f"{url}?{urlencode(kept | values)}", values, is_filled_in))
    return recommended


def put_favourites_first(rows: QuerySet, field: str, customer: str | None) -> QuerySet:
    """Returns the rows that a field offers, first those that the customer prefers, in their order."""
    if field not in PREFERENCES or not is_id(customer):
        return rows
    theirs = PREFERENCES[field].objects.filter(customer=customer, **{field: OuterRef("pk")})
    position = Subquery(theirs.values("position")[:1])
    others = rows.query.order_by or rows.model._meta.ordering
    return rows.annotate(favourite=position).order_by(F("favourite").asc(nulls_last=True), *others)


class FreeTimesView(View):
    """A part of the booking form: the free times of the day for the service, the member of staff and the outlet."""

    model_admin: Any = None

    def get(self, request: HttpRequest) -> HttpResponse:
        """Raises Http404 for an unknown service or a malformed day."""
        if not self.model_admin.has_add_permission(request):
            raise PermissionDenied
        service = Service.objects.filter(pk=self._id("service")).select_related("tenant").first()
        day = self._day()
        if service is None or day is None:
            raise Http404
        enter_scope(service.tenant)
        begin, end = bounds_of(day)
        question = self._question(service)
        slots = find_slots(service, first=begin, last=end, **question)
        context = {
            "day": day,
            "service": service,
            "is_past": end <= to_local(timezone.now(), service.tenant.zone),
            "is_of_one_person": bool(question["staff"]),
            "slots": [next(same) for _, same in groupby(slots, key=attrgetter("start"))],
            "later": []
            if slots
            else find_slots(service, first=end, last=end + LATER, limit=MAX_LATER_SLOTS, **question),
        }
        return render(request, "admin/appointments/appointment/free_times.html", context)

    def _question(self, service: Service) -> dict[str, Any]:
        """Returns whose free times are asked for, and how long they last."""
        appointment = (
            Appointment.objects.filter(tenant=service.tenant, pk=self._id("appointment"))
            .select_related("tenant", "service")
            .first()
        )
        is_moved = appointment is not None and appointment.service_id == service.pk
        return {
            "staff": self._id("staff"),
            "outlet": self._id("outlet"),
            "freed": appointment and appointment.pk,
            "length": length_of(appointment) if is_moved else None,
        }

    def _id(self, name: str) -> str | None:
        value = self.request.GET.get(name)
        return value if is_id(value) else None

    def _day(self) -> dt.date | None:
        try:
            day = dt.date.fromisoformat(self.request.GET.get("day", ""))
        except ValueError:
            return None
        return day if FIRST_DAY <= day <= LAST_DAY - ONE_DAY else None
