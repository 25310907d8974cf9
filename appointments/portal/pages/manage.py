"""The page on which a customer sees, moves and cancels one appointment, without an account."""

import datetime as dt
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from appointments.availability import Opening, Place, find_openings
from appointments.lengths import length_of
from appointments.models import Appointment, Status
from appointments.portal.links import read_manage_token
from appointments.portal.own_bookings import cancel_own, changeable_until, lock_own, move_own
from circe.api.conflicts import ConflictError
from circe.api.local_time import to_local
from circe.backoffice.regional import format_amount
from customers.messages.mail import without_line_breaks
from customers.portal.languages import format_clock, format_day
from customers.portal.links import LinkInvalid
from customers.portal.pages.base import PortalPage
from tenants.audit.context import set_audit_source
from tenants.idempotency import RepeatTransaction
from tenants.models import StaffName
from tenants.scope import CustomerScope, enter_scope

DAYS_SHOWN = 14
ONE_DAY = dt.timedelta(days=1)
TEMPLATE = "appointments/portal/manage.html"
DONE = {"cancelled": _("Your appointment is cancelled."), "moved": _("Your appointment has been moved.")}
TAKEN = _("This time is no longer free. Please choose another one.")
CHANGED = _("It was not changed: please look at what is shown here now.")


class MoveChoice(NamedTuple):
    """A time to which the appointment can be moved. `staff` is the name of another person than before, or ""."""

    value: str
    time: str
    staff: str


class ManagePage(PortalPage):
    """Shows the appointment. Its steps `cancel` and `move` ask before anything changes."""

    appointment: Appointment

    def get(self, request: HttpRequest, tenant_slug: str) -> HttpResponse:
        """Shows the appointment, or a step of cancelling or moving it."""
        self._find_appointment()
        done = request.GET.get("done", "")
        # The address may be opened again later, when the appointment has another status.
        is_so_still = (done == "cancelled") == (self.appointment.status == Status.CANCELLED)
        return self._show(step=request.GET.get("step"), done=DONE.get(done) if is_so_still else None)

    def post(self, request: HttpRequest, tenant_slug: str) -> HttpResponse:
        """Cancels or moves the appointment."""
        self._find_appointment()
        set_audit_source("link")
        actions = {"cancel": self._cancel, "move": self._move}
        action = actions.get(request.POST.get("action", ""))
        return action(request) if action else self._show(status=HTTPStatus.BAD_REQUEST)

    def _find_appointment(self) -> None:
        """Reads the appointment of the link in the scope of its customer.

        Raises LinkInvalid if it is over, or no longer this customer's.
        """
        link = read_manage_token(self.tenant, self.token)
        enter_scope(CustomerScope(self.tenant, link.customer_id))
        # A customer can read the names of staff, but no account.
        own = Appointment.objects.select_related("customer", "service", "outlet").defer("customer__search_text")
        appointment: Any = own.filter(pk=link.appointment_id).first()
        if appointment is None:
            raise LinkInvalid
        appointment.tenant = appointment.service.tenant = self.tenant
        self.set_language(appointment.customer.language)
        if appointment.instants[1] <= timezone.now():
            raise LinkInvalid
        self.appointment = appointment

    def _cancel(self, request: HttpRequest) -> HttpResponse:
        try:
            with transaction.atomic():
                cancel_own(lock_own(self.appointment.pk))
        except (ConflictError, RepeatTransaction):
            return self._show_changed()
        return self._redirect(done="cancelled")

    def _move(self, request: HttpRequest) -> HttpResponse:
        chosen = request.POST.get("time", "")
        start, staff_id = self._offered().get(chosen, (None, None))
        if start is None or staff_id is None:
            return self._show(step="move", problem=TAKEN, status=HTTPStatus.CONFLICT)
        try:
            with transaction.atomic():
                appointment = lock_own(self.appointment.pk, staff_id=staff_id)
                move_own(appointment, day=start.date(), start=start.time(), staff_id=staff_id)
        except (ConflictError, RepeatTransaction):
            return self._show_changed(step="move", problem=TAKEN)
        return self._redirect(done="moved")

    def _show_changed(self, **context: Any) -> HttpResponse:
        """Shows the appointment as it is now, since it could not be changed."""
        self._find_appointment()
        return self._show(**{"problem": CHANGED, **context}, status=HTTPStatus.CONFLICT)

    def _redirect(self, *, done: str) -> HttpResponse:
        """Shows the page anew, so that reloading it does not repeat what was done. `done` is a key of DONE."""
        response = HttpResponseRedirect(self._url(done=done))
        response.status_code = HTTPStatus.SEE_OTHER
        return response

    def _url(self, **query: str) -> str:
        return f"?{urlencode({'token': self.token, **query})}"

    # --- what is shown ------------------------------------------------------------------------------------------------

    def _show(
        self,
        *,
        step: str | None = None,
        done: str | Promise | None = None,
        problem: str | Promise | None = None,
        status: int = HTTPStatus.OK,
    ) -> HttpResponse:
        until, is_cancelled = changeable_until(self.appointment), self.appointment.status == Status.CANCELLED
        may_change = until is not None and timezone.now() <= until
        step = step if may_change else None
        context = {
            "done": done,
            "problem": problem if may_change else None,
            "is_cancelled": is_cancelled,
            "has_begun": not is_cancelled and (until is None or self.appointment.instants[0] <= timezone.now()),
            "may_change": may_change,
            "until": until and may_change and self._describe(to_local(until, self.tenant.zone)),
            "step": step,
            "facts": self._facts(),
            "urls": {name: self._url(step=name) for name in ("cancel", "move")} | {"appointment": self._url()},
        }
        title = {"cancel": _("Cancel your appointment?"), "move": _("Choose another time")}.get(step or "")
        if step == "move":
            context |= self._free_times()
        return self.show(TEMPLATE, title or _("Your appointment"), status=status, **context)

    def _facts(self) -> dict[str, Any]:
        appointment: Any = self.appointment
        outlet = appointment.outlet
        return {
            "day": format_day(appointment.appointment_date, self.tenant),
            "time": format_clock(appointment.start_time, self.tenant),
            "end": format_clock(appointment.end_time, self.tenant),
            "service": without_line_breaks(appointment.service.name),
            "staff": without_line_breaks(StaffName.objects.get(pk=appointment.staff_id).name),
            "outlet": without_line_breaks(outlet.name),
            "address": without_line_breaks(outlet.address or ""),
            "price": format_amount(appointment.total_price, self.tenant.currency),
        }

    def _describe(self, local: dt.datetime) -> str:
        return f"{format_day(local.date(), self.tenant)}, {format_clock(local.time(), self.tenant)}"

    def _free_times(self) -> dict[str, Any]:
        """Returns the days with free times, and the free times of the day that was chosen."""
        first = self._day("from") or to_local(timezone.now(), self.tenant.zone).date()
        day = self._day("day")
        if day:
            return {
                "day": format_day(day, self.tenant),
                "times": [
                    MoveChoice(value, format_clock(start.time(), self.tenant), self._other_staff(place))
                    for value, start, place in self._choices(day)
                ],
                "other_days": self._url(step="move", **{"from": first.isoformat()}),
                "form_url": self._url(step="move", day=day.isoformat(), **{"from": first.isoformat()}),
            }
        openings = self._openings(first, DAYS_SHOWN)
        days = dict.fromkeys(opening.start.date() for opening in openings)
        later = first + DAYS_SHOWN * ONE_DAY
        return {
            "days": [
                (format_day(day, self.tenant), self._url(step="move", day=day.isoformat(), **{"from": str(first)}))
                for day in days
            ],
            "later": self._url(step="move", **{"from": later.isoformat()}),
            "period": (format_day(first, self.tenant), format_day(later - ONE_DAY, self.tenant)),
        }

    def _day(self, name: str) -> dt.date | None:
        """Returns the day in the address, or None if there is none. A past day counts as today, and a day that is too far
        ahead as the last one.
        """
        try:
            day = dt.date.fromisoformat(self.request.GET.get(name, ""))
        except ValueError:
            return None
        today = to_local(timezone.now(), self.tenant.zone).date()
        # Appointments are booked at most some years ahead, and dates end in the year 9999.
        return min(max(day, today), today + dt.timedelta(days=3650))

    def _openings(self, first: dt.date, days: int) -> list[Opening]:
        appointment = self.appointment
        midnight = dt.datetime.combine(first, dt.time())
        return find_openings(
            appointment.service,
            first=midnight,
            last=midnight + days * ONE_DAY,
            outlet=appointment.outlet_id,
            freed=appointment.pk,
            length=length_of(appointment),
        )

    def _choices(self, day: dt.date) -> list[tuple[str, dt.datetime, Place]]:
        """Returns for each free time of the day the value of its button, its start and its place: with the same member
        of staff, if possible.
        """
        appointment = self.appointment
        choices = []
        for opening in self._openings(day, 1):
            same = [place for place in opening.places if place.staff_id == appointment.staff_id]
            place = (same or opening.places)[0]
            if not (same and opening.start == appointment.local_bounds[0]):
                choices.append((f"{opening.start:%Y-%m-%dT%H:%M}/{place.staff_id}", opening.start, place))
        return choices

    def _offered(self) -> dict[str, tuple[dt.datetime, str]]:
        """Returns start and member of staff of each free time of the chosen day."""
        day = self._day("day")
        return {value: (start, place.staff_id) for value, start, place in self._choices(day)} if day else {}

    def _other_staff(self, place: Place) -> str:
        return "" if place.staff_id == self.appointment.staff_id else without_line_breaks(place.staff_name)
