"""The day sheet: the page that reception keeps open. It shows by outlet and member of staff who works when on a day, their
appointments, the free time between them, and buttons that set the status of each appointment.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from operator import itemgetter
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.http import urlencode
from django.views import View

from appointments.admin.day_sheet_entries import Column, Entry, FreeTime, Section, TimeAway
from appointments.admin.refusals import explain_refused_status
from appointments.admin.undo_status import offer_undo_of_status
from appointments.admin.working_day import (
    bounds_of,
    describe_bounds,
    describe_hours,
    describe_reason,
    describe_time_off,
    find_free_times,
    overlapping_day,
)
from appointments.booking import BookingRefused, store_status
from appointments.models import FIRST_DAY, LAST_DAY, Appointment, Status, TimeOff
from appointments.models.schedule import Schedule, read_schedules
from appointments.models.transitions import STATUS_TRANSITIONS, find_doubt, get_transitions
from circe.api.time_zone import local_zone
from circe.backoffice.fields import DayField, DayInput
from circe.db.ids import is_id, new_id
from customers.admin.reception_notes import ReceptionNotes, read_reception_notes
from tenants.models import Outlet, Staff, Tenant
from tenants.scope import current_tenant, enter_scope

MIN_FREE_TIME = dt.timedelta(minutes=15)
# With more appointments than that, the page asks for one outlet.
MAX_APPOINTMENTS_PER_PAGE = 400
MAX_STAFF_OFF = 50


class DaySheetForm(forms.Form):
    """The query parameters of the day sheet. Only a super_admin chooses a business, which is then in scope."""

    # This field comes first: cleaning it opens the scope of the business, in which the day and the outlet are read.
    tenant_id = forms.ModelChoiceField(Tenant.objects.all(), label="Business", empty_label="Choose a business")
    day = DayField(
        required=False,
        validators=[MinValueValidator(FIRST_DAY), MaxValueValidator(LAST_DAY)],
        widget=DayInput({"min": FIRST_DAY.isoformat(), "max": LAST_DAY.isoformat()}),
    )
    outlet = forms.ModelChoiceField(Outlet.objects.all(), required=False, empty_label="All outlets")

    def __init__(self, query: QueryDict, *, tenant: Tenant | None) -> None:
        super().__init__(query)
        if tenant:
            del self.fields["tenant_id"]

    def clean_tenant_id(self) -> Tenant:
        enter_scope(self.cleaned_data["tenant_id"])
        return self.cleaned_data["tenant_id"]

    def clean_day(self) -> dt.date:
        day = self.cleaned_data["day"] or local_minute().date()
        self.data = self.data.dict() | {"day": day}
        return day


def local_minute() -> dt.datetime:
    """Returns the tenant's local time to the minute, as a naive datetime."""
    return timezone.now().astimezone(local_zone()).replace(second=0, microsecond=0, tzinfo=None)


class DaySheet:
    """The day of a business, at all outlets or at one. `tenant_id` is the business that a super_admin chose."""

    def __init__(self, *, day: dt.date, outlet: Outlet | None, tenant_id: Tenant | None = None) -> None:
        self.day, self.outlet, self.chosen_tenant = day, outlet, tenant_id
        self.tenant, self.now, self.max_appointments = current_tenant(), local_minute(), MAX_APPOINTMENTS_PER_PAGE

    def url(self, **changes: Any) -> str:
        """Returns the URL of this sheet, or of the sheet of another `day` or `outlet`."""
        query = {"tenant_id": self.chosen_tenant and self.chosen_tenant.pk, "outlet": self.outlet and self.outlet.pk}
        return day_sheet_url(**query | {"day": self.day} | changes)

    def booking_url(self, *, outlet: Outlet | None, staff: Staff | None = None, start: dt.time | None = None) -> str:
        """Returns the URL of the form for a new appointment, with these values filled in."""
        initial = {
            "tenant": self.chosen_tenant and self.chosen_tenant.pk,
            "outlet": outlet and outlet.pk,
            "staff": staff and staff.pk,
            "appointment_date": self.day,
            "start_time": start and f"{start:%H:%M}",
            "sheet": self.return_to,
        }
        return f"{reverse('admin:appointments_appointment_add')}?{_encode_query(initial)}"

    @property
    def return_to(self) -> str:
        """The sheet to which a form that was opened here returns: an outlet's id, or `all`."""
        return self.outlet.pk if self.outlet else "all"

    @property
    def is_today(self) -> bool:
        return self.day == self.now.date()

    @property
    def is_past(self) -> bool:
        return self.day < self.now.date()

    @property
    def day_urls(self) -> dict[str, str]:
        """The URLs of the sheets of today and of the days before and after, by the text of the link."""
        days = {
            "← Day before": self.day - dt.timedelta(days=1),
            "Today": None,
            "Day after →": self.day + dt.timedelta(days=1),
        }
        return {name: self.url(day=day) for name, day in days.items()}

    @property
    def new_booking_url(self) -> str:
        return self.booking_url(outlet=self.outlet)

    @property
    def walk_in_url(self) -> str:
        """The URL of the form for somebody who has come in now and leaves no name."""
        return f"{self.booking_url(outlet=self.outlet, start=self.now.time())}&walk_in=on"

    @cached_property
    def appointments(self) -> list[Appointment]:
        """The appointments of the staff on the sheet, those at other outlets too, ordered by time."""
        rows = Appointment.objects.on_day(self.day)
        if self.outlet:
            booked_here = rows.filter(outlet=self.outlet).order_by().values("staff")
            work_here = [staff for staff, outlet in self.schedules if outlet == self.outlet.pk]
            rows = rows.filter(Q(staff__in=booked_here) | Q(staff__in=work_here))
        rows = rows.with_related().order_by("appointment_date", "start_time", "id")
        return list(rows if self.outlet else rows[: MAX_APPOINTMENTS_PER_PAGE + 1])

    @cached_property
    def notes(self) -> dict[str, ReceptionNotes]:
        """The notes for reception about the customers, by the customers' ids."""
        customers = {one.customer_id: one.customer for one in self.appointments if one.customer}
        return read_reception_notes([customer for customer in customers.values() if not customer.is_deleted])

    @cached_property
    def outlet_urls(self) -> dict[str, str] | None:
        """The URLs of the sheets of single outlets, where the day has too many appointments for one page; else None."""
        if len(self.appointments) <= MAX_APPOINTMENTS_PER_PAGE or self.outlet:
            return None
        return {str(outlet): self.url(outlet=outlet.pk) for outlet in Outlet.objects.filter(is_active=True)}

    @cached_property
    def counts_by_label(self) -> dict[str, int]:
        """The number of appointments in each status, by the status's label."""
        shown = (one for one in self.appointments if self.outlet in (None, one.outlet))
        counts = Counter(one.status for one in shown)
        return {Status(status).label.lower(): counts[status] for status in Status if counts[status]}

    @property
    def total(self) -> int:
        return sum(self.counts_by_label.values())

    @property
    def attendance(self) -> dict[str, int]:
        """The numbers of customers who have arrived and who are late, by the words of the page. 0 is left out."""
        shown = [one for one in self.appointments if self.outlet in (None, one.outlet)]
        counts = {
            "arrived": sum(bool(one.waits_since) for one in shown),
            "late": sum(bool(one.lateness(self.now)) for one in shown),
        }
        return {name: count for name, count in counts.items() if count}

    @cached_property
    def schedules(self) -> dict[tuple[str, str], Schedule]:
        """The schedules of those who work on the day, by the ids of the person and of the outlet."""
        begin, end = bounds_of(self.day)
        schedules = read_schedules(self.tenant.pk, first=begin, last=end)
        return {(one.staff_id, one.outlet_id): one for one in schedules if overlapping_day(one.working, self.day)}

    @cached_property
    def times_off(self) -> list[TimeOff]:
        """The times of the day in which somebody is away or an outlet is closed."""
        begin, end = bounds_of(self.day)
        return list(
            TimeOff.objects.filter(local_start__lt=end, local_end__gt=begin)
            .select_related("staff", "outlet")
            .order_by("local_start", "id")
        )

    @cached_property
    def staff(self) -> dict[str, Staff]:
        """The staff of the business, by id: those who are active or have an appointment on the day."""
        active = {person.pk: person for person in Staff.objects.filter(is_active=True)}
        return {appointment.staff_id: appointment.staff for appointment in self.appointments} | active

    @cached_property
    def sections(self) -> list[Section]:
        return [Section(outlet, self._columns(outlet), self._closures(outlet)) for outlet in self._outlets()]

    def _outlets(self) -> list[Outlet]:
        """Returns the outlets where somebody works or is booked on the day, or that are closed on it."""
        if self.outlet:
            return [self.outlet]
        outlets = {appointment.outlet_id: appointment.outlet for appointment in self.appointments}
        working = {outlet for _, outlet in self.schedules} - {*outlets}
        closed = {one.outlet_id: one.outlet for one in self.times_off if one.outlet_id and one.outlet.is_active}
        return sorted((outlets | closed | Outlet.objects.in_bulk(working)).values(), key=lambda one: (str(one), one.pk))

    def _closures(self, outlet: Outlet) -> list[str]:
        return [describe_time_off(one, self.day) for one in self.times_off if one.outlet_id == outlet.pk]

    def _columns(self, outlet: Outlet) -> list[Column]:
        ids = {appointment.staff_id for appointment in self.appointments if appointment.outlet_id == outlet.pk}
        ids |= {staff for staff, place in self.schedules if place == outlet.pk}
        return [
            Column(person, self._entries(outlet, person), self._hours(outlet, person))
            for person in sorted((self.staff[pk] for pk in ids), key=lambda one: (str(one), one.pk))
        ]

    def _hours(self, outlet: Outlet, person: Staff) -> str:
        schedule = self.schedules.get((person.pk, outlet.pk))
        return describe_hours(schedule.working, self.day) if schedule else ""

    @cached_property
    def staff_off(self) -> list[tuple[Staff, str, str]]:
        """The staff who neither work nor have an appointment on the day, each with the reason if there is one, and the URL
        that books one; empty on a past day.
        """
        if self.is_past:
            return []
        booked = Appointment.objects.on_day(self.day).order_by().values_list("staff", flat=True)
        busy = {*booked, *(staff for staff, _ in self.schedules)}
        off = sorted(
            (person for pk, person in self.staff.items() if pk not in busy), key=lambda one: (str(one), one.pk)
        )
        reasons = {one.staff_id: one.reason for one in self.times_off}
        return [
            (person, reasons.get(person.pk, ""), self.booking_url(outlet=self.outlet, staff=person))
            for person in off[:MAX_STAFF_OFF]
        ]

    @cached_property
    def _now_rounded_up(self) -> dt.datetime:
        return self.now + dt.timedelta(minutes=-self.now.minute % 5)

    def _entries(self, outlet: Outlet, person: Staff) -> list[Entry | FreeTime | TimeAway]:
        """Returns the entries by time. At the same time, time off (0) comes first, then free time (1), then appointments."""
        timed_entries: list[tuple[dt.datetime, int, Entry | FreeTime | TimeAway]] = [
            *self._booked(outlet, person),
            *self._free(outlet, person),
            *self._away(person),
        ]
        return [entry for _, _, entry in sorted(timed_entries, key=itemgetter(0, 1))]

    def _booked(self, outlet: Outlet, person: Staff) -> Iterator[tuple[dt.datetime, int, Entry]]:
        for appointment in self.appointments:
            if appointment.staff_id == person.pk:
                transitions = get_transitions(appointment, today=self.now.date())
                is_elsewhere = appointment.outlet_id != outlet.pk
                notes = self.notes.get(appointment.customer_id)
                yield appointment.local_bounds[0], 2, Entry(appointment, transitions, is_elsewhere, notes, self.now)

    def _free(self, outlet: Outlet, person: Staff) -> Iterator[tuple[dt.datetime, int, FreeTime]]:
        schedule = self.schedules.get((person.pk, outlet.pk))
        begin, end = bounds_of(self.day)
        if schedule is None:
            return
        for free_from, until in find_free_times(schedule, after=max(begin, self._now_rounded_up), before=end):
            if until - free_from >= MIN_FREE_TIME:
                url = self.booking_url(outlet=outlet, staff=person, start=free_from.time())
                yield free_from, 1, FreeTime(free_from.time(), None if until == end else until.time(), url)

    def _away(self, person: Staff) -> Iterator[tuple[dt.datetime, int, TimeAway]]:
        for one in self.times_off:
            if one.staff_id == person.pk:
                text = f"Away {describe_bounds(one, self.day)}{describe_reason(one)}"
                yield max(one.local_start, bounds_of(self.day)[0]), 0, TimeAway(text)


def day_sheet_url(**query: Any) -> str:
    """Returns the URL of a day sheet, without the parameters that are None."""
    return f"{reverse('admin:appointments_appointment_daysheet')}?{_encode_query(query)}"


def _encode_query(values: dict[str, Any]) -> str:
    return urlencode({name: value for name, value in values.items() if value is not None})


class DaySheetView(View):
    """The page of the day sheet: GET shows it, POST sets the status of one of its appointments."""

    model_admin: Any = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Reads the query. Raises PermissionDenied for another business than one's own, and Http404 for an unknown outlet
        or business.
        """
        own = request.user.tenant
        other_tenants = {*request.GET.getlist("tenant_id")} - {own.pk} if own else None
        if other_tenants or not self.model_admin.has_change_permission(request):
            raise PermissionDenied
        self.form = DaySheetForm(request.GET, tenant=own)
        is_chosen = not self.form.has_error("tenant_id", "required")
        if self.form.has_error("outlet") or (is_chosen and self.form.has_error("tenant_id")):
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        site, form = self.model_admin.admin_site, self.form
        context = site.each_context(request) | {"title": "Day sheet", "opts": self.model_admin.opts, "form": form}
        if form.is_valid():
            day = form.cleaned_data["day"]
            title = f"{date_format(day, 'l')}, {date_format(day)}"
            context |= {"title": title, "sheet": DaySheet(**form.cleaned_data)}
        status = 400 if form.has_error("day") else 200
        return TemplateResponse(request, "admin/appointments/appointment/day_sheet.html", context, status=status)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Stores a new status, or that the customer has arrived. Shows a question before an unlikely status.

        Raises Http404 for an unknown appointment, and BadRequest for a step that no button offers.
        """
        if not self.form.is_valid():
            return self.get(request)
        pk, seen, status, arrived = (request.POST.get(key, "") for key in ("appointment", "seen", "status", "arrived"))
        if arrived not in ("yes", "no") and status not in STATUS_TRANSITIONS.get(seen, {}):
            raise BadRequest("There is no such step.")
        appointment = get_object_or_404(Appointment.objects.with_related(), pk=pk if is_id(pk) else None)
        if arrived:
            message = self._set_arrival(appointment, arrived == "yes")
        elif doubt := self._find_doubt(appointment, Status(status), seen=seen):
            return self._ask(request, appointment, Status(status), doubt)
        else:
            message = self._set_status(appointment, Status(status), seen=seen)
        messages.add_message(request, *message)
        return HttpResponseRedirect(f"{request.get_full_path()}#appointment-{appointment.pk}")

    def _find_doubt(self, appointment: Appointment, status: Status, *, seen: str) -> str:
        now = local_minute()
        is_possible = appointment.status == seen and status in get_transitions(appointment, today=now.date())
        is_open = is_possible and "asked" not in self.request.POST
        return find_doubt(appointment, status, now=now) if is_open else ""

    def _ask(self, request: HttpRequest, appointment: Appointment, status: Status, doubt: str) -> HttpResponse:
        """Shows the question whether the status is meant."""
        # `left` makes the address differ: a browser does not load a page again if only the part after # is another.
        query = request.GET.copy()
        query["left"] = new_id()
        context = self.model_admin.admin_site.each_context(request) | {
            "title": f"{STATUS_TRANSITIONS[appointment.status][status]}?",
            "opts": self.model_admin.opts,
            "appointment": appointment,
            "status": status,
            "doubt": doubt,
            "sheet_url": f"{request.path}?{query.urlencode()}#appointment-{appointment.pk}",
        }
        return TemplateResponse(request, "admin/appointments/appointment/day_sheet_question.html", context)

    def _set_arrival(self, appointment: Appointment, arrived: bool) -> tuple[int, str]:
        """Stores that the customer is there, or is not after all. Returns the level and the text of the message."""
        if appointment.appointment_date != local_minute().date():
            raise BadRequest("Nobody can arrive on another day than that of the appointment.")
        name = appointment.name_and_time
        if appointment.set_arrival(arrived):
            return messages.SUCCESS, f"{name}: {'arrived' if arrived else 'not here'}."
        return messages.WARNING, f"{name}: unchanged, since it is {appointment.get_status_display().lower()} now."

    def _set_status(self, appointment: Appointment, status: Status, *, seen: str) -> tuple[int, str]:
        """Sets the status. Returns the message for the person: its level and its text."""
        name = appointment.name_and_time
        if appointment.status == seen and status not in get_transitions(appointment, today=local_minute().date()):
            raise BadRequest("There is no such step before the day of the appointment.")
        try:
            if store_status(appointment, status, seen=seen):
                text = f"{name}: {status.label.lower()}."
                return messages.SUCCESS, offer_undo_of_status(self.request, text, [(appointment.pk, seen)], status)
        except BookingRefused as refusal:
            reason = explain_refused_status(refusal, appointment)
            return messages.ERROR, format_html("{} stays {}. {}", name, Status(seen).label.lower(), reason)
        now = Status(get_object_or_404(Appointment, pk=appointment.pk).status).label.lower()
        if now == status.label.lower():
            return messages.INFO, f"{name}: {now} already."
        return messages.WARNING, f"{name}: nothing was changed, since somebody did meanwhile. It is {now} now."
