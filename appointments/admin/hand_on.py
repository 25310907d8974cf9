"""Hands on the bookings of a person who leaves, an outlet that closes or a service that ends, in one step."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.template.defaultfilters import pluralize
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views import View

from appointments.admin.refusals import explain_by_field, join_reasons
from appointments.booking import BookingRefused
from appointments.hand_on import (
    ChangedMeanwhile,
    HandOnTarget,
    NobodyFree,
    find_bookings_in_time_off,
    find_bookings_outside_hours,
    find_upcoming_bookings,
    hand_on,
)
from appointments.models import Appointment, TimeOff
from circe.db.ids import is_id
from tenants.admin.bulk_actions import ASKED_FIELD, MAX_LISTED, MAX_ROWS, BulkActionForm
from tenants.models import Outlet, Service, Staff
from tenants.scope import narrow_from_all_tenants, tenant_scope

# By the name of the query parameter: the model of the row whose bookings are handed on.
LEAVERS: dict[str, Any] = {"staff": Staff, "outlet": Outlet, "service": Service, "timeoff": TimeOff}
# The values of a choice of a person that are no ids. NOT_CHOSEN means the same person, or for a single booking the choice
# for all; ANYBODY means another person who is free; STAYS means that the booking is not handed on.
NOT_CHOSEN, ANYBODY, STAYS = "", "anybody", "stays"
PAGE = "admin:appointments_appointment_handon"


class HandOnForm(BulkActionForm):
    """Asks for the new person, outlet or service of all bookings, and for another person of single bookings."""

    title = "Hand on appointments"
    # The person for all bookings. The fields for single bookings are added in `__init__`.
    staff = forms.ChoiceField(required=False, label="To whom")
    outlet = forms.ModelChoiceField(
        Outlet.objects.none(), required=False, label="To which outlet", empty_label="As it is"
    )
    service = forms.ModelChoiceField(
        Service.objects.none(),
        required=False,
        label="To which service",
        empty_label="As it is",
        help_text="It takes as long as that service, at the price that was agreed.",
    )

    def __init__(self, rows: list[Any], data: Any = None) -> None:
        super().__init__(rows, data)
        self.rows.sort(key=lambda row: (row.local_bounds[0], row.pk))
        tenants = {row.tenant_id for row in rows}
        self.is_of_one_business = len(tenants) == 1
        active = {"tenant__in": tenants, "is_active": True}
        self.people = {
            one.pk: one for one in Staff.objects.filter(**active).order_by("first_name", "last_name", "email")
        }
        people = [(pk, str(one)) for pk, one in self.people.items()]
        self.fields["staff"].choices = [(NOT_CHOSEN, "The same person"), (ANYBODY, "Anybody else who is free"), *people]
        self.fields["outlet"].queryset = Outlet.objects.filter(**active)
        self.fields["service"].queryset = Service.objects.filter(**active)
        for row in rows[:MAX_LISTED]:
            self.fields[f"staff-{row.pk}"] = forms.ChoiceField(
                required=False,
                label=str(row),
                choices=[
                    (NOT_CHOSEN, "As for all"),
                    (STAYS, "Leave as it is"),
                    (ANYBODY, "Anybody else who is free"),
                    *people,
                ],
            )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if not self.is_of_one_business:
            raise ValidationError("Choose appointments of one business.")
        chosen = [value for name, value in values.items() if value and value != STAYS]
        if not (chosen or self.errors):
            raise ValidationError("Choose to whom, to which outlet or to which service they go.")
        return values

    def consequence(self) -> str:
        number = len(self.rows)
        appointments = "1 appointment" if number == 1 else f"{number} appointments"
        return (
            f"{appointments} to come. Each is handed on as a whole, or stays as it is and you are told why. "
            "Customers who get mails about their appointments are told."
        )

    def describe(self, row: Appointment) -> SafeString:
        url = reverse("admin:appointments_appointment_change", args=[row.pk])
        return format_html('<a href="{}">{}</a>: {}, {}', url, row, row.service, row.outlet)

    def act(self) -> tuple[str, list[str]]:
        done, refused = 0, []
        for row in self.rows:
            own = self.cleaned_data.get(f"staff-{row.pk}") or self.cleaned_data["staff"]
            if own == STAYS or not (own or self.cleaned_data["outlet"] or self.cleaned_data["service"]):
                continue
            booking = str(row)
            with tenant_scope(row.tenant):
                reason = self._hand_on(row, own)
            done += reason is None
            if reason:
                refused.append(format_html("{}: not handed on. {}", booking, reason))
        return f"Handed on: {done}." if done else "", refused

    def _hand_on(self, row: Appointment, staff: str) -> str | None:
        """Hands on the booking. Returns None, or the reason why it stays as it is."""
        to = HandOnTarget(
            staff=self.people.get(staff),
            outlet=self.cleaned_data["outlet"],
            service=self.cleaned_data["service"],
            anybody=staff == ANYBODY,
        )
        try:
            hand_on(row, to)
        except BookingRefused as refusal:
            row.staff = to.staff or row.staff
            row.outlet, row.service = to.outlet or row.outlet, to.service or row.service
            return join_reasons(explain_by_field(refusal, row))
        except (ChangedMeanwhile, NobodyFree) as refusal:
            return str(refusal)
        except ValidationError as error:
            return " ".join(error.messages)
        return None


class HandOnView(View):
    """The page that hands on the bookings to come of the person, the outlet, the service or the time off in the URL."""

    model_admin: Any = None

    def get(self, request: HttpRequest) -> HttpResponse:
        """Shows the form. It is sent to the list of appointments, whose action `hand_on` performs it. Raises Http404
        for an unknown row.
        """
        if not self.model_admin.has_bulk_change_permission(request):
            raise PermissionDenied
        kind, leaver = self._find_leaver()
        narrow_from_all_tenants(leaver.tenant)
        ids = [row.pk for row in self._find_rows(kind, leaver)]
        form = HandOnForm(list(self.model_admin.lock_rows(ids[:MAX_ROWS])))
        context = {
            "opts": self.model_admin.opts,
            "title": f"Hand on the appointments of {leaver}",
            "form": form,
            "asked": ASKED_FIELD,
            "action": "hand_on",
            # Afterwards this list shows what remains.
            "form_url": _list_url(leaver, "all"),
            "cancel_url": reverse(f"admin:{leaver._meta.app_label}_{kind}_change", args=[leaver.pk]),
        }
        site = self.model_admin.admin_site.each_context(request)
        return TemplateResponse(request, "admin/bulk_action.html", site | context)

    def _find_rows(self, kind: str, leaver: Any) -> Any:
        if kind == "timeoff":
            return find_bookings_in_time_off(leaver)
        return (
            find_bookings_outside_hours(leaver)
            if "outside_hours" in self.request.GET
            else find_upcoming_bookings(**{kind: leaver.pk})
        )

    def _find_leaver(self) -> tuple[str, Any]:
        for kind, model in LEAVERS.items():
            pk = self.request.GET.get(kind)
            rows = model._default_manager.select_related("tenant").filter(tenant__isnull=False)
            if is_id(pk) and (row := rows.filter(pk=pk).first()):
                return kind, row
        raise Http404


def describe_remaining_bookings(row: Any) -> SafeString | str:
    """Returns a sentence with the number of upcoming bookings and links to them, or "" if there are none."""
    kind = _kind_of(row)
    number = find_upcoming_bookings(**{kind: row.pk}).count() if row.pk and row.tenant_id else 0
    if not number:
        return ""
    return format_html(
        '{} has <a href="{}">{} appointment{} to come</a>. <a href="{}?{}={}">Hand them on</a>.',
        *(row, _list_url(row, "coming"), number, pluralize(number), reverse(PAGE), kind, row.pk),
    )


def describe_bookings_in_time_off(time_off: TimeOff, *, may_hand_on: bool) -> SafeString | str:
    """Returns a sentence with the number of upcoming bookings in a time off and links to them, or ""."""
    number = len(find_bookings_in_time_off(time_off))
    if not number:
        return ""
    noun, verb, them = ("appointment", "lies", "it") if number == 1 else ("appointments", "lie", "them")
    listed = format_html(
        '<a href="{}">{} {} to come</a> {} in this time.', _list_url(time_off, "coming"), number, noun, verb
    )
    if not may_hand_on:
        return format_html("{} Ask a manager to hand {} on.", listed, them)
    return format_html('{} <a href="{}?timeoff={}">Hand {} on</a>.', listed, reverse(PAGE), time_off.pk, them)


def _kind_of(row: Any) -> str:
    return next(name for name, model in LEAVERS.items() if isinstance(row, model))


def _list_url(row: Any, day: str) -> str:
    """Returns the address of the list of the appointments of a person, an outlet, a service or a time off."""
    # A list with past appointments begins with the latest.
    query = {"day": day} | ({"o": "-1"} if day == "all" else {})
    if isinstance(row, TimeOff):
        query |= {"from_date": f"{row.first_day}", "to_date": f"{row.last_day}"}
        row = row.staff or row.outlet
    query[f"{_kind_of(row)}__id__exact"] = row.pk
    return f"{reverse('admin:appointments_appointment_changelist')}?{urlencode(query)}"


def describe_bookings_outside_hours(staff: Any) -> SafeString | str:
    """Returns a sentence with the number of upcoming bookings outside the person's hours and links to them, or ""."""
    number = len(find_bookings_outside_hours(staff))
    if not number:
        return ""
    noun, verb = ("appointment", "lies") if number == 1 else ("appointments", "lie")
    return format_html(
        '{} {} to come of {} {} outside the working hours. <a href="{}?staff={}&amp;outside_hours=1">Hand them on</a>.',
        *(number, noun, staff, verb, reverse(PAGE), staff.pk),
    )
