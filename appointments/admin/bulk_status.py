"""The status of several appointments, set at once: by the steps that the day sheet allows for each."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from appointments.admin.day_sheet import next_steps, refusal
from appointments.models import Appointment, DoubleBooking, Status
from tenants.admin.bulk_actions import BulkActionForm

# How many appointments one transaction changes at most.
BATCH_SIZE = 100


class StatusForm(BulkActionForm):
    """The question before the `status` of appointments is set. They come in order of staff, then id."""

    def __init__(self, *args: Any, status: Status) -> None:
        super().__init__(*args)
        self.status = status
        self.title = f"Set to {status.label.lower()}"
        self.able = [one for one in self.rows if self.refusal_of(one) is None]
        # Those that can't be set come first: the person is to see them.
        self.rows.sort(key=lambda one: self.refusal_of(one) is None)

    def refusal_of(self, one: Appointment) -> str | None:
        """Why the day sheet has no such step for the appointment as it is; None where it has one."""
        steps = next_steps(one, today=timezone.now().astimezone(one.tenant.zone).date())
        if self.status in steps:
            return None
        found = one.get_status_display().lower()
        if one.status == self.status:
            return f"It is {found} already."
        return f"It is {found}, from which it can become {' or '.join(step.label.lower() for step in steps)}."

    def consequence(self) -> str:
        others = len(self.rows) - len(self.able)
        kept = f" Left as they are, for the reason beside each: {others}." if others else ""
        return f"Selected: {len(self.rows)}. Set to {self.status.label.lower()}: {len(self.able)}.{kept}"

    def describe(self, row: Appointment) -> SafeString:
        page = reverse("admin:appointments_appointment_change", args=[row.pk])
        refused = self.refusal_of(row)
        rest = f"stays as it is. {refused}" if refused else row.get_status_display().lower()
        return format_html('<a href="{}">{}</a>, {}: {}', page, row, row.customer or "removed customer", rest)

    def act(self) -> tuple[str, list[str]]:
        done = 0
        refused: list[str] = []
        for batch in batches(self.rows):
            with transaction.atomic():
                for one in batch:
                    reason = self._set(one)
                    if reason is None:
                        done += 1
                    else:
                        refused.append(
                            format_html("{}, {}: not changed. {}", one, one.customer or "removed customer", reason)
                        )
        return f"{self.status.label}: {done}." if done else "", refused

    def _set(self, one: Appointment) -> str | None:
        """Sets the status. Returns why it was not, None where it was."""
        reason, seen = self.refusal_of(one), one.status
        if reason:
            return reason
        try:
            is_set = one.set_status(self.status, seen=seen)
        except DoubleBooking as error:
            return refusal(error)
        return None if is_set else "Somebody changed it meanwhile."


def batches(appointments: list[Appointment]) -> Iterator[list[Appointment]]:
    """The appointments of one member of staff each, whose turn a batch takes: no batch waits for a second turn while it
    holds one, so that no two can wait for each other.
    """
    for _, group in groupby(sorted(appointments, key=by_staff), key=lambda one: one.staff_id):
        of_one = list(group)
        for start in range(0, len(of_one), BATCH_SIZE):
            yield of_one[start : start + BATCH_SIZE]


def by_staff(appointment: Appointment) -> tuple[str, str]:
    """The order in which batches are taken, and the appointments in each."""
    return appointment.staff_id, appointment.pk
