"""The day sheet: what reception has open all day. The appointments of a day by outlet and member of staff, the time
between them, and a click to say what became of each.
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
from django.utils.dateformat import format as write
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.views import View

from appointments.models import BLOCKING_STATUSES, FIRST_DAY, LAST_DAY, Appointment, DoubleBooking, Status
from circe.api.time_zone import local_zone
from circe.db.ids import is_id
from tenants.models import Outlet, Staff, Tenant
from tenants.scope import current_tenant, enter_scope

# What can become of an appointment by one click, and what the button says.
STEPS: dict[str, dict[Status, str]] = {
    Status.PENDING: {Status.CONFIRMED: "Confirm", Status.NO_SHOW: "No-show", Status.CANCELLED: "Cancel"},
    Status.CONFIRMED: {Status.IN_PROGRESS: "Start", Status.NO_SHOW: "No-show", Status.CANCELLED: "Cancel"},
    Status.IN_PROGRESS: {
        Status.COMPLETED: "Complete",
        Status.CANCELLED: "Cancel",
        Status.CONFIRMED: "Back to confirmed",
    },
    Status.COMPLETED: {Status.IN_PROGRESS: "Back to in progress"},
    Status.CANCELLED: {Status.CONFIRMED: "Back to confirmed", Status.PENDING: "Back to pending"},
    Status.NO_SHOW: {Status.IN_PROGRESS: "Start after all", Status.CONFIRMED: "Back to confirmed"},
}
# The others are of the day itself.
AHEAD = {Status.PENDING, Status.CONFIRMED, Status.CANCELLED}
SHORTEST_GAP = dt.timedelta(minutes=15)
# More appointments than anybody reads on one page: then by one outlet at a time.
MOST = 400
MOST_FREE = 50


def next_steps(appointment: Appointment, *, today: dt.date) -> dict[Status, str]:
    """What can become of the appointment by one step, and what the button says. One of a day to come can't have begun."""
    is_ahead = appointment.appointment_date > today
    return {status: label for status, label in STEPS[appointment.status].items() if status in AHEAD or not is_ahead}


def refusal(error: DoubleBooking) -> SafeString:
    """Why the time can't be had, with a link to the appointment that holds it: in a window of its own, since what is being
    filled in is to stay.
    """
    if error.other is None:
        return format_html("{}", error)
    url = reverse("admin:appointments_appointment_change", args=[error.other.pk])
    return format_html('{} <a href="{}" target="_blank">Show it</a>', error, url)


class SheetForm(forms.Form):
    """Which day, of which outlet. The business is a super_admin's to choose, and then in scope."""

    # First, so that day and outlet are its.
    tenant_id = forms.ModelChoiceField(Tenant.objects.all(), label="Business", empty_label="Choose a business")
    day = forms.DateField(
        required=False,
        input_formats=["%Y-%m-%d"],
        validators=[MinValueValidator(FIRST_DAY), MaxValueValidator(LAST_DAY)],
        widget=forms.TextInput(attrs={"type": "date", "min": FIRST_DAY, "max": LAST_DAY}),
        error_messages={"invalid": "Write a day such as 2025-01-31."},
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
        day = self.cleaned_data["day"] or now().date()
        self.data = self.data.dict() | {"day": day}
        return day


def now() -> dt.datetime:
    """The tenant's clock, which has no offset, to the minute."""
    return timezone.now().astimezone(local_zone()).replace(second=0, microsecond=0, tzinfo=None)


class Entry(NamedTuple):
    """An appointment in a column: at another outlet, it only tells that the person is there."""

    appointment: Appointment
    steps: dict[Status, str]
    is_elsewhere: bool


class Gap(NamedTuple):
    """Time that is free, to its `end` or with nothing after it; and where it can be booked. Clock times, or None."""

    start: dt.time | None
    end: dt.time | None
    booking_url: str


class Column(NamedTuple):
    """The day of a member of staff at an outlet, in order."""

    staff: Staff
    entries: list[Entry | Gap]


class Section(NamedTuple):
    """An outlet, with those who work there on the day."""

    outlet: Outlet
    columns: list[Column]


class Sheet:
    """The appointments of a day, of all outlets or of one. `tenant_id` is None where it goes without saying."""

    def __init__(self, *, day: dt.date, outlet: Outlet | None, tenant_id: Tenant | None = None) -> None:
        self.day, self.outlet, self.tenant = day, outlet, tenant_id
        self.business, self.now, self.most = current_tenant(), now(), MOST

    def url(self, **changes: Any) -> str:
        """The sheet of another `day` or `outlet`."""
        query = {"tenant_id": self.tenant and self.tenant.pk, "outlet": self.outlet and self.outlet.pk}
        return sheet_url(**query | {"day": self.day} | changes)

    def booking_url(self, *, outlet: Outlet | None, staff: Staff | None = None, start: dt.time | None = None) -> str:
        """The form for a new appointment, filled in as far as the place on the sheet tells."""
        known = {
            "tenant": self.tenant and self.tenant.pk,
            "outlet": outlet and outlet.pk,
            "staff": staff and staff.pk,
            "appointment_date": self.day,
            "start_time": start and f"{start:%H:%M}",
            "sheet": self.place,
        }
        return f"{reverse('admin:appointments_appointment_add')}?{_query(known)}"

    @property
    def place(self) -> str:
        """To where a form that was opened here leads back: an outlet's id, or `all`."""
        return self.outlet.pk if self.outlet else "all"

    @property
    def is_today(self) -> bool:
        return self.day == self.now.date()

    @property
    def is_past(self) -> bool:
        return self.day < self.now.date()

    @property
    def days(self) -> dict[str, str]:
        """The links to days near by."""
        near = {
            "← Day before": self.day - dt.timedelta(days=1),
            "Today": None,
            "Day after →": self.day + dt.timedelta(days=1),
        }
        return {name: self.url(day=day) for name, day in near.items()}

    @property
    def book(self) -> str:
        return self.booking_url(outlet=self.outlet)

    @cached_property
    def appointments(self) -> list[Appointment]:
        """Those of everybody who has one on the sheet, at other outlets too, in order of time."""
        rows = Appointment.objects.on(self.day)
        if self.outlet:
            rows = rows.filter(staff__in=rows.filter(outlet=self.outlet).order_by().values("staff"))
        rows = rows.in_full().order_by("appointment_date", "start_time", "id")
        return list(rows if self.outlet else rows[: MOST + 1])

    @cached_property
    def outlets(self) -> dict[str, str] | None:
        """The sheets of single outlets, where the day has too many appointments for one; else None."""
        if len(self.appointments) <= MOST or self.outlet:
            return None
        return {str(outlet): self.url(outlet=outlet.pk) for outlet in Outlet.objects.filter(is_active=True)}

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many are in which status, by its label."""
        counts = Counter(one.status for one in self.appointments if self.outlet in (None, one.outlet))
        return {Status(status).label.lower(): counts[status] for status in Status if counts[status]}

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @cached_property
    def sections(self) -> list[Section]:
        by_staff: dict[Staff, list[Appointment]] = defaultdict(list)
        for appointment in self.appointments:
            by_staff[appointment.staff].append(appointment)
        outlets = {self.outlet} if self.outlet else {one.outlet for one in self.appointments}
        return [
            Section(
                outlet,
                [
                    Column(staff, self._entries(outlet, staff, by_staff[staff]))
                    for staff in sorted(by_staff, key=str)
                    if any(one.outlet == outlet for one in by_staff[staff])
                ],
            )
            for outlet in sorted(outlets, key=str)
        ]

    @cached_property
    def free(self) -> list[tuple[Staff, str]]:
        """Who has no appointment on the day, anywhere, and where to book one with them; nobody on a day gone by."""
        if self.is_past:
            return []
        busy = Appointment.objects.on(self.day).order_by().values("staff")
        people = Staff.objects.filter(is_active=True).exclude(pk__in=busy).order_by("first_name", "last_name", "email")
        return [
            (staff, self.booking_url(outlet=self.outlet, staff=staff, start=self._soon)) for staff in people[:MOST_FREE]
        ]

    @cached_property
    def _soon(self) -> dt.time | None:
        """Now, in steps of five minutes; None on another day."""
        return self._from_now_on.time() if self._from_now_on.date() == self.day == self.now.date() else None

    @cached_property
    def _from_now_on(self) -> dt.datetime:
        return self.now + dt.timedelta(minutes=-self.now.minute % 5)

    def _entries(self, outlet: Outlet, staff: Staff, appointments: list[Appointment]) -> list[Entry | Gap]:
        today = self.now.date()
        lines: list[tuple[dt.datetime, int, Entry | Gap]] = [
            (one.hours[0], 1, Entry(one, next_steps(one, today=today), one.outlet != outlet)) for one in appointments
        ]
        for start, end in self._free_times(appointments):
            begins, ends = (time.time() if time else None for time in (start, end))
            gap = Gap(begins, ends, self.booking_url(outlet=outlet, staff=staff, start=begins))
            lines.append((start or dt.datetime.combine(dt.date.max, dt.time()), 0, gap))
        return [entry for _, _, entry in sorted(lines, key=itemgetter(0, 1))]

    def _free_times(self, appointments: list[Appointment]) -> Iterator[tuple[dt.datetime | None, dt.datetime | None]]:
        # When somebody begins to work on a day to come, nobody knows.
        free_from = None if self.day > self.now.date() else self._from_now_on
        for begins, ends in (one.hours for one in appointments if one.status in BLOCKING_STATUSES):
            if free_from and begins - free_from >= SHORTEST_GAP:
                yield free_from, begins
            free_from = max(free_from or ends, ends)
        if free_from is None or free_from.date() == self.day:
            yield free_from, None


def sheet_url(**query: Any) -> str:
    """The address of a sheet; what is None is left out."""
    return f"{reverse('admin:appointments_appointment_daysheet')}?{_query(query)}"


def _query(values: dict[str, Any]) -> str:
    return urlencode({name: value for name, value in values.items() if value is not None})


class DaySheet(View):
    """The page: GET shows the sheet, POST sets the status of one of its appointments."""

    model_admin: Any = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Raises PermissionDenied, for another business too, and Http404 where there is no such outlet or business."""
        own = request.user.tenant
        foreign = {*request.GET.getlist("tenant_id")} - {own.pk} if own else None
        if foreign or not self.model_admin.has_change_permission(request):
            raise PermissionDenied
        self.form = SheetForm(request.GET, tenant=own)
        is_chosen = not self.form.has_error("tenant_id", "required")
        if self.form.has_error("outlet") or (is_chosen and self.form.has_error("tenant_id")):
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        site, form = self.model_admin.admin_site, self.form
        context = site.each_context(request) | {"title": "Day sheet", "opts": self.model_admin.opts, "form": form}
        if form.is_valid():
            context |= {"title": write(form.cleaned_data["day"], "l, j F Y"), "sheet": Sheet(**form.cleaned_data)}
        status = 400 if form.has_error("day") else 200
        return TemplateResponse(request, "admin/appointments/appointment/day_sheet.html", context, status=status)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Raises Http404 where there is no such appointment, BadRequest where no button says so, or none that day."""
        if not self.form.is_valid():
            return self.get(request)
        pk, seen, wanted = (request.POST.get(name, "") for name in ("appointment", "seen", "status"))
        if wanted not in STEPS.get(seen, {}):
            raise BadRequest("There is no such step.")
        messages.add_message(request, *self._set_status(pk, Status(wanted), seen=seen))
        return HttpResponseRedirect(f"{request.get_full_path()}#appointment-{pk}")

    def _set_status(self, pk: str, status: Status, *, seen: str) -> tuple[int, str]:
        """What to tell: a level and a sentence."""
        one = get_object_or_404(Appointment.objects.in_full(), pk=pk if is_id(pk) else None)
        name = f"{one.customer or 'Removed customer'}, {one.start_time:%H:%M}"
        if one.status == seen and status not in next_steps(one, today=now().date()):
            raise BadRequest("There is no such step before the day of the appointment.")
        try:
            if one.set_status(status, seen=seen):
                return messages.SUCCESS, f"{name}: {status.label.lower()}."
        except DoubleBooking as error:
            return messages.ERROR, format_html("{} stays {}. {}", name, Status(seen).label.lower(), refusal(error))
        there = get_object_or_404(Appointment, pk=pk)
        found = there.get_status_display().lower()
        if there.status == status:
            return messages.INFO, f"{name}: {found} already."
        return messages.WARNING, f"{name}: nothing was changed, since somebody did meanwhile. It is {found} now."
