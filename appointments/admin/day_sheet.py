"""The day sheet: the page that reception keeps open. It shows the appointments of a day by outlet and member of staff,
the free time between them, and buttons that set the status of each.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cached_property
from operator import itemgetter
from typing import Any, NamedTuple

from django import forms
from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.core.validators import MaxValueValidator, MinValueValidator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.views import View

from appointments.models import BLOCKING_STATUSES, FIRST_DAY, LAST_DAY, Appointment, DoubleBooking, Status
from appointments.models.transitions import STATUS_TRANSITIONS, get_transitions
from circe.api.time_zone import local_zone
from circe.backoffice.fields import DayField, DayInput
from circe.db.ids import is_id
from customers.admin.reception_notes import ReceptionNotes, read_reception_notes
from tenants.models import Outlet, Staff, Tenant
from tenants.scope import current_tenant, enter_scope

MIN_FREE_TIME = dt.timedelta(minutes=15)
# With more appointments than that, the page asks for one outlet.
MAX_APPOINTMENTS_PER_PAGE = 400
MAX_FREE_STAFF = 50


def overlap_message(error: DoubleBooking) -> SafeString:
    """Returns the error with a link to the conflicting appointment. The link opens a new window, so that the form
    keeps what the person wrote.
    """
    if error.other is None:
        return format_html("{}", error)
    url = reverse("admin:appointments_appointment_change", args=[error.other.pk])
    return format_html('{} <a href="{}" target="_blank">Show it</a>', error, url)


class DaySheetForm(forms.Form):
    """The query parameters of the day sheet. Only a super_admin chooses a business, which is then in scope."""

    # The first field, since the day and the outlet are read in the scope of this business.
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


class Entry(NamedTuple):
    """An appointment in a column. One at another outlet is shown without details: the member of staff is busy there."""

    appointment: Appointment
    transitions: dict[Status, str]
    is_at_other_outlet: bool
    notes: ReceptionNotes | None


class FreeTime(NamedTuple):
    """Free time of a member of staff, and the URL that books it. `start` and `end` are None where the time is open."""

    start: dt.time | None
    end: dt.time | None
    booking_url: str


class Column(NamedTuple):
    """The day of a member of staff at an outlet, ordered by time."""

    staff: Staff
    entries: list[Entry | FreeTime]


class Section(NamedTuple):
    """An outlet, with a column for each member of staff who has an appointment there on the day."""

    outlet: Outlet
    columns: list[Column]


class DaySheet:
    """The appointments of a day, at all outlets or at one. `tenant_id` is the business that a super_admin chose."""

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

    @cached_property
    def appointments(self) -> list[Appointment]:
        """The appointments of the staff on the sheet, those at other outlets too, ordered by time."""
        rows = Appointment.objects.on_day(self.day)
        if self.outlet:
            rows = rows.filter(staff__in=rows.filter(outlet=self.outlet).order_by().values("staff"))
        rows = rows.with_related().order_by("appointment_date", "start_time", "id")
        return list(rows if self.outlet else rows[: MAX_APPOINTMENTS_PER_PAGE + 1])

    @cached_property
    def notes(self) -> dict[str, ReceptionNotes]:
        """What reception has to know of the customers, by their ids."""
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

    @cached_property
    def sections(self) -> list[Section]:
        by_staff: dict[Staff, list[Appointment]] = defaultdict(list)
        for appointment in self.appointments:
            by_staff[appointment.staff].append(appointment)
        outlets = {self.outlet} if self.outlet else {appointment.outlet for appointment in self.appointments}
        return [
            Section(
                outlet,
                [
                    Column(staff, self._entries(outlet, staff, by_staff[staff]))
                    for staff in sorted(by_staff, key=str)
                    if any(appointment.outlet == outlet for appointment in by_staff[staff])
                ],
            )
            for outlet in sorted(outlets, key=str)
        ]

    @cached_property
    def free_staff(self) -> list[tuple[Staff, str]]:
        """The staff without an appointment on the day, each with the URL that books one; empty on a past day."""
        if self.is_past:
            return []
        busy = Appointment.objects.on_day(self.day).order_by().values("staff")
        free = Staff.objects.filter(is_active=True).exclude(pk__in=busy)
        return [
            (staff, self.booking_url(outlet=self.outlet, staff=staff, start=self._first_bookable_time))
            for staff in free.order_by("first_name", "last_name", "email")[:MAX_FREE_STAFF]
        ]

    @cached_property
    def _first_bookable_time(self) -> dt.time | None:
        """The time now, rounded up to five minutes; None where the sheet is not of today."""
        is_today = self._now_rounded_up.date() == self.day == self.now.date()
        return self._now_rounded_up.time() if is_today else None

    @cached_property
    def _now_rounded_up(self) -> dt.datetime:
        return self.now + dt.timedelta(minutes=-self.now.minute % 5)

    def _entries(self, outlet: Outlet, staff: Staff, appointments: list[Appointment]) -> list[Entry | FreeTime]:
        today = self.now.date()
        # At the same time, free time (0) comes before an appointment (1).
        timed_entries: list[tuple[dt.datetime, int, Entry | FreeTime]] = [
            (
                appointment.hours[0],
                1,
                Entry(
                    appointment,
                    get_transitions(appointment, today=today),
                    appointment.outlet != outlet,
                    self.notes.get(appointment.customer_id),
                ),
            )
            for appointment in appointments
        ]
        for start, end in self._free_times(appointments):
            start_time, end_time = (moment.time() if moment else None for moment in (start, end))
            booking_url = self.booking_url(outlet=outlet, staff=staff, start=start_time)
            sort_key = start or dt.datetime.combine(dt.date.max, dt.time())
            timed_entries.append((sort_key, 0, FreeTime(start_time, end_time, booking_url)))
        return [entry for _, _, entry in sorted(timed_entries, key=itemgetter(0, 1))]

    def _free_times(self, appointments: list[Appointment]) -> Iterator[tuple[dt.datetime | None, dt.datetime | None]]:
        # We don't know when somebody begins to work on a later day: free time begins after their first appointment.
        free_from = None if self.day > self.now.date() else self._now_rounded_up
        for start, end in (
            appointment.hours for appointment in appointments if appointment.status in BLOCKING_STATUSES
        ):
            if free_from and start - free_from >= MIN_FREE_TIME:
                yield free_from, start
            free_from = max(free_from or end, end)
        if free_from is None or free_from.date() == self.day:
            yield free_from, None


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
        """Sets the status. Raises Http404 for an unknown appointment, BadRequest where no button would do it."""
        if not self.form.is_valid():
            return self.get(request)
        pk, seen, status = (request.POST.get(name, "") for name in ("appointment", "seen", "status"))
        if status not in STATUS_TRANSITIONS.get(seen, {}):
            raise BadRequest("There is no such step.")
        messages.add_message(request, *self._set_status(pk, Status(status), seen=seen))
        return HttpResponseRedirect(f"{request.get_full_path()}#appointment-{pk}")

    def _set_status(self, pk: str, status: Status, *, seen: str) -> tuple[int, str]:
        """Sets the status. Returns the message for the person: its level and its text."""
        appointment = get_object_or_404(Appointment.objects.with_related(), pk=pk if is_id(pk) else None)
        name = f"{appointment.customer or 'Removed customer'}, {appointment.start_time:%H:%M}"
        if appointment.status == seen and status not in get_transitions(appointment, today=local_minute().date()):
            raise BadRequest("There is no such step before the day of the appointment.")
        try:
            if appointment.set_status(status, seen=seen):
                return messages.SUCCESS, f"{name}: {status.label.lower()}."
        except DoubleBooking as error:
            return messages.ERROR, format_html(
                "{} stays {}. {}", name, Status(seen).label.lower(), overlap_message(error)
            )
        changed = get_object_or_404(Appointment, pk=pk)
        label = changed.get_status_display().lower()
        if changed.status == status:
            return messages.INFO, f"{name}: {label} already."
        return messages.WARNING, f"{name}: nothing was changed, since somebody did meanwhile. It is {label} now."
