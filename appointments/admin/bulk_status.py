"""Sets one status on several appointments. If the day sheet would not offer the status for an appointment, it stays as
it is.
"""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from appointments.admin.refusals import explain_refused_status
from appointments.admin.undo_status import offer_undo_of_status
from appointments.booking import BookingRefused, describe_transitions, store_status
from appointments.models import Appointment, Status
from appointments.models.transitions import get_transitions_now
from tenants.admin.bulk_actions import BulkActionForm

# The most appointments that one transaction changes.
BATCH_SIZE = 100


class StatusForm(BulkActionForm):
    """Asks before the status of the selected appointments is set."""

    def __init__(self, *args: Any, status: Status) -> None:
        super().__init__(*args)
        self.status = status
        # The ids of the changed appointments, with their status before.
        self.changed: list[tuple[str, str]] = []
        self.title = f"Set to {status.label.lower()}"
        self.changeable_count = sum(self.explain_refusal(appointment) is None for appointment in self.rows)
        # The appointments that can't be set come first, so that the person sees them.
        self.rows.sort(key=lambda appointment: self.explain_refusal(appointment) is None)

    def explain_refusal(self, appointment: Appointment) -> str | None:
        """Returns why the status of the appointment can't be set, None where it can."""
        if self.status in get_transitions_now(appointment):
            return None
        current = appointment.get_status_display().lower()
        if appointment.status == self.status:
            return f"It is {current} already."
        return f"It is {current}, from which it can become {describe_transitions(appointment)}."

    def consequence(self) -> str:
        unchanged = len(self.rows) - self.changeable_count
        remark = f" Not changed, for the reason in the list: {unchanged}." if unchanged else ""
        return f"Selected: {len(self.rows)}. Set to {self.status.label.lower()}: {self.changeable_count}.{remark}"

    def describe(self, row: Appointment) -> SafeString:
        url = reverse("admin:appointments_appointment_change", args=[row.pk])
        reason = self.explain_refusal(row)
        effect = f"stays as it is. {reason}" if reason else row.get_status_display().lower()
        return format_html('<a href="{}">{}</a>: {}', url, row, effect)

    def act(self) -> tuple[str, list[str]]:
        refused: list[str] = []
        for batch in split_by_staff(self.rows):
            with transaction.atomic():
                for appointment in batch:
                    before = appointment.status
                    reason = self._set_status(appointment)
                    if reason is None:
                        self.changed.append((appointment.pk, before))
                    else:
                        refused.append(format_html("{}: not changed. {}", appointment, reason))
        return f"{self.status.label}: {len(self.changed)}." if self.changed else "", refused

    def with_undo(self, request: HttpRequest, done: str) -> str | SafeString:
        return offer_undo_of_status(request, done, self.changed, self.status)

    def _set_status(self, appointment: Appointment) -> str | None:
        """Sets the status. Returns None, or the reason why it was not set."""
        reason, seen = self.explain_refusal(appointment), appointment.status
        if reason:
            return reason
        try:
            is_set = store_status(appointment, self.status, seen=seen)
        except BookingRefused as refusal:
            return explain_refused_status(refusal, appointment)
        return None if is_set else "Somebody changed it meanwhile."


def split_by_staff(appointments: list[Appointment]) -> Iterator[list[Appointment]]:
    """Yields batches with the appointments of one member of staff each, by customer. A batch locks one member of staff only,
    and the totals of customers in the order of their ids, so that two batches can't wait for each other (a deadlock).
    """
    for _, group in groupby(sorted(appointments, key=staff_order), key=lambda appointment: appointment.staff_id):
        same_staff = list(group)
        for start in range(0, len(same_staff), BATCH_SIZE):
            yield same_staff[start : start + BATCH_SIZE]


def staff_order(appointment: Appointment) -> tuple[str, str, str]:
    """Returns the sort key of the batches and of the appointments in them."""
    return appointment.staff_id, appointment.customer_id or "", appointment.pk
