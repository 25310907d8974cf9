"""Undoes a change of status, if STATUS_TRANSITIONS allows the change back."""

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString
from django.views import View

from appointments.admin.refusals import explain_refused_status
from appointments.booking import BookingRefused, store_status
from appointments.models import Appointment, Override, Status
from appointments.models.transitions import STATUS_TRANSITIONS, get_transitions_now
from circe.db.ids import is_id
from tenants.admin.bulk_actions import MAX_ROWS
from tenants.admin.undo import offer_undo


def offer_undo_of_status(
    request: HttpRequest, text: str, changed: Iterable[tuple[str, str]], status: Status
) -> str | SafeString:
    """Returns the text of a message, with an Undo button for the changes that STATUS_TRANSITIONS allows to undo.

    `changed` are the ids of the appointments with their status before; all have `status` now.
    """
    steps = [f"{pk}:{status}:{before}" for pk, before in changed if before in STATUS_TRANSITIONS[status]]
    if not steps:
        return text
    fields = [("next", request.get_full_path()), *(("step", step) for step in steps)]
    return offer_undo(request, text, reverse("admin:appointments_appointment_undo"), fields)


class UndoStatusView(View):
    """Sets appointments back to the status before, each in a transaction of its own."""

    http_method_names = ["post"]
    model_admin: Any = None

    def post(self, request: HttpRequest) -> HttpResponse:
        steps = [step.split(":") for step in request.POST.getlist("step")]
        verb = "change" if len(steps) == 1 else "bulk_change"
        if not self.model_admin.allows(request, verb):
            raise PermissionDenied
        if not 0 < len(steps) <= MAX_ROWS or not all(map(_is_step, steps)):
            raise BadRequest("There is no such step.")
        refused = [reason for step in steps if (reason := _step_back(*step))]
        for reason in refused:
            messages.error(request, reason)
        if len(steps) > len(refused):
            messages.success(request, _describe_undone(steps, len(steps) - len(refused)))
        url = request.POST.get("next", "")
        is_own = url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())
        return HttpResponseRedirect(url if is_own else reverse("admin:appointments_appointment_changelist"))


def _describe_undone(steps: list[list[str]], number: int) -> str:
    """Returns a sentence. For one appointment it names the status that it has again, for several it gives their number."""
    if len(steps) > 1:
        return f"Undone: {number}."
    [[pk, _, status]] = steps
    return f"Undone. {Appointment.objects.with_related().get(pk=pk)}: {Status(status).label.lower()}."


def _is_step(step: list[str]) -> bool:
    return len(step) == 3 and is_id(step[0]) and step[2] in STATUS_TRANSITIONS.get(step[1], {})


def _step_back(pk: str, seen: str, status: str) -> str | None:
    """Sets the status. Returns None, or the reason why it was not set."""
    with transaction.atomic():
        appointment = Appointment.objects.with_related().select_related("tenant").filter(pk=pk).first()
        if appointment is None:
            return "One of the appointments is not there any more."
        name = str(appointment)
        if appointment.status != seen:
            current = appointment.get_status_display().lower()
            return format_html("{}: not undone, since somebody changed it meanwhile. It is {} now.", name, current)
        if status not in get_transitions_now(appointment):
            return format_html("{}: not undone, since its day has not come.", name)
        try:
            # The appointment was booked before, so working hours and offers do not matter. A time that is taken is
            # never overridden.
            is_set = store_status(appointment, Status(status), seen=seen, overrides=[*Override])
        except BookingRefused as refusal:
            return format_html("{}: not undone. {}", name, explain_refused_status(refusal, appointment))
        return None if is_set else format_html("{}: not undone, since somebody changed it meanwhile.", name)
