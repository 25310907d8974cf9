"""The back office pages of working hours: the list of people, and a person's week."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse

from appointments.admin.hand_on import describe_bookings_outside_hours
from appointments.admin.hours.week_form import WeekFormSet, initial_rows, sent_rows, version_of
from appointments.models import (
    StaffWithHours,
    TimeOff,
    Weekday,
    WorkingHours,
    outlets_to_work_at,
    replace_working_hours,
)
from circe.api.time_zone import local_today
from circe.db.ids import is_id
from tenants.accounts.permissions import ADMINS, MANAGERS, STAFF
from tenants.admin.base import TenantAdmin
from tenants.models import AuditEvent, Staff

# The hidden field with the version of the working hours that the page showed, and the button that adds a row.
SEEN, MORE = "seen", "more"
HISTORY_TABLES = [str(model._meta.model_name) for model in (WorkingHours, TimeOff)]


def week_url(staff_id: str) -> str:
    """Returns the URL of the page of a person's week."""
    return reverse("admin:appointments_staffwithhours_change", args=[staff_id])


def week_at_url(staff_id: str, outlet_id: str) -> str:
    """Returns the URL of the page of a person's week, whose empty rows are of this outlet."""
    return f"{week_url(staff_id)}?outlet={outlet_id}"


def time_off_url(staff_id: str) -> str:
    """Returns the URL of the list of a person's time off."""
    return f"{reverse('admin:appointments_timeoff_changelist')}?staff__id__exact={staff_id}"


class CopyForm(forms.Form):
    """Asks from whom to copy."""

    copy_from = forms.ModelChoiceField(Staff.objects.none(), label="Copy the week of", empty_label="Choose a person")

    def __init__(self, *args: Any, staff: Staff) -> None:
        super().__init__(*args)
        others = WorkingHours.objects.filter(tenant=staff.tenant_id).exclude(staff=staff.pk).values("staff")
        people = Staff.objects.filter(tenant=staff.tenant_id, pk__in=others.order_by())
        self.fields["copy_from"].queryset = people.order_by("first_name", "last_name", "email")


class WeekPage:
    """The page of a person's week. `seen` is the version of the working hours that the user has seen: when the page was
    opened, or when a save was refused.
    """

    def __init__(self, staff: Staff, *, seen: str | None) -> None:
        self.staff, self.stored = staff, list(WorkingHours.objects.filter(staff=staff))
        self.outlets = {outlet.pk: outlet for outlet in outlets_to_work_at(staff)}
        self.seen = seen or version_of(self.stored)
        self.copied_from: Staff | None = None
        self.is_stale = False

    def open(self, copy_from: str | None, outlet: str | None) -> Any:
        """Returns the form with the stored working hours, or with those of the person with the id `copy_from`. In the
        rows to fill in, the outlet with the id `outlet` is chosen, if this person may work there.
        """
        hours = self.stored
        if copy_from:
            people = Staff.objects.filter(tenant=self.staff.tenant_id)
            self.copied_from = get_object_or_404(people, pk=copy_from if is_id(copy_from) else None)
            hours = list(WorkingHours.objects.filter(staff=self.copied_from))
        offered = {outlet: self.outlets[outlet]} if outlet in self.outlets else self.outlets
        return self._form(initial=initial_rows(hours, outlets=offered))

    def add_row(self, data: QueryDict) -> Any:
        """Returns the form as it was sent, with another row."""
        return self._form(initial=sent_rows(data, more_on=data[MORE], outlets=self.outlets))

    def read(self, data: QueryDict) -> Any:
        """Returns the form that was sent."""
        return self._form(data)

    def save(self, form: Any) -> bool:
        """Stores the working hours of a valid form. Returns False if somebody has changed them since it was opened."""
        version = version_of(self.stored)
        self.is_stale = version not in (self.seen, version_of(form.hours))
        if not self.is_stale:
            replace_working_hours(self.staff, form.hours)
        self.seen = version
        return not self.is_stale

    def _form(self, *args: Any, **kwargs: Any) -> Any:
        for_rows = {"outlets": self.outlets, "empty_permitted": True}
        return WeekFormSet(*args, staff=self.staff, form_kwargs=for_rows, **kwargs)


@admin.register(StaffWithHours)
class WorkingHoursAdmin(TenantAdmin):
    """The pages of working hours. Everybody sees them, managers change them. The accounts of staff have pages of their
    own.
    """

    roles = {"view": STAFF, "change": MANAGERS}
    list_display = ["person", "days", "is_active"]
    list_filter = ["is_active"]
    search_fields = ["first_name", "last_name", "email"]
    ordering = ["-is_active", "first_name", "last_name", "id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[StaffWithHours]:
        return super().get_queryset(request).filter(tenant__isnull=False)

    def get_rows(self, request: HttpRequest) -> QuerySet[StaffWithHours]:
        today = local_today()
        hours = WorkingHours.objects.filter(
            Q(valid_to=None) | Q(valid_to__gte=today), tenant=OuterRef("tenant"), staff=OuterRef("pk")
        )
        days = ArraySubquery(hours.order_by("weekday").values("weekday").distinct())
        return super().get_rows(request).annotate(working_days=days)

    @admin.display(ordering="first_name")
    def person(self, staff: StaffWithHours) -> str:
        return str(staff)

    @admin.display(description="works on")
    def days(self, staff: StaffWithHours) -> str:
        return ", ".join(str(Weekday(day).label)[:3] for day in staff.working_days) or "no day: is offered nowhere"

    def events(self, row: StaffWithHours) -> QuerySet[AuditEvent]:
        """Returns the events of the person's working hours and time off, newest first."""
        events = AuditEvent.objects.filter(table__in=HISTORY_TABLES, customer_id=None)
        # An event of a change has only the values that changed. So the rows are found by the events of creation and
        # deletion.
        theirs = events.filter(Q(after__staff_id=row.pk) | Q(before__staff_id=row.pk))
        return events.filter(row_id__in=theirs.order_by().values("row_id"))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Shows the week of a person, and replaces it with what the page sends."""
        is_sent = request.method == "POST"
        # This is checked before the person is read, so that a refusal does not tell whether the person exists.
        if not (self.has_change_permission(request) if is_sent else self.has_view_permission(request)):
            raise PermissionDenied
        staff = self.get_object(request, unquote(object_id))
        if staff is None:
            return super().change_view(request, object_id, form_url, extra_context)
        page = WeekPage(staff, seen=request.POST.get(SEEN))
        if not is_sent:
            form = page.open(request.GET.get("copy_from"), request.GET.get("outlet"))
        elif MORE in request.POST:
            form = page.add_row(request.POST)
        else:
            form = page.read(request.POST)
            if form.is_valid() and page.save(form):
                messages.success(request, f"The working hours of {staff} were saved.")
                if words := describe_bookings_outside_hours(staff):
                    messages.warning(request, words)
                people = reverse("admin:appointments_staffwithhours_changelist")
                return HttpResponseRedirect(request.path if "_continue" in request.POST else people)
        return self._show(request, page, form)

    def _show(self, request: HttpRequest, page: "WeekPage", form: Any) -> HttpResponse:
        staff = page.staff
        copy_form = CopyForm(staff=staff)
        context = {
            "opts": self.opts,
            "title": f"Working hours of {staff}",
            "page": page,
            "form": form,
            "may_change": self.has_change_permission(request),
            "may_read_history": request.user.role in ADMINS,
            "copy_form": copy_form if copy_form.fields["copy_from"].queryset else None,
            "time_off_url": time_off_url(staff.pk),
            "new_time_off_url": f"{reverse('admin:appointments_timeoff_add')}?staff={staff.pk}",
        }
        site = self.admin_site.each_context(request)
        return TemplateResponse(request, "admin/appointments/staffwithhours/week.html", site | context)
