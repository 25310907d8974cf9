"""The steps from one status of an appointment to another. The API and the back office allow the same ones."""

import datetime as dt

from django.template.defaultfilters import pluralize
from django.utils import timezone

from appointments.models.appointment import Appointment
from appointments.models.choices import Status
from circe.backoffice.regional import format_clock, format_day_and_weekday

# By status: the statuses that one click sets, each with the text of its button.
STATUS_TRANSITIONS: dict[str, dict[Status, str]] = {
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
# Before its day, an appointment can get these statuses only.
STATUSES_BEFORE_THE_DAY = {Status.PENDING, Status.CONFIRMED, Status.CANCELLED}


def get_transitions(appointment: Appointment, *, today: dt.date) -> dict[Status, str]:
    """Returns the statuses that one click sets, each with the text of its button. An appointment of a later day can't
    have begun.
    """
    is_later_day = appointment.appointment_date > today
    return {
        status: label
        for status, label in STATUS_TRANSITIONS[appointment.status].items()
        if status in STATUSES_BEFORE_THE_DAY or not is_later_day
    }


# If an appointment is started earlier than this before its time, staff are asked whether they mean it.
MAX_EARLY_START = dt.timedelta(hours=1)


def find_doubt(appointment: Appointment, status: Status, *, now: dt.datetime) -> str:
    """Returns a sentence for staff that says why the status is unlikely at the local time `now`. Returns "" if it is likely.

    `now` is a whole minute.
    """
    # So the times of the appointment are compared by the minute too.
    begins, ends = (time.replace(second=0, microsecond=0) for time in appointment.local_bounds)
    is_start = status == Status.IN_PROGRESS and appointment.status != Status.COMPLETED
    if now < begins and (status == Status.NO_SHOW or (is_start and begins - now > MAX_EARLY_START)):
        return f"It begins at {format_clock(begins)}, in {describe_length(begins - now)}."
    if is_start and now >= ends:
        return f"It ended at {format_clock(ends)} on {format_day_and_weekday(ends)}."
    if status == Status.NO_SHOW and appointment.waits_since:
        return f"{appointment.customer_name} arrived at {format_clock(appointment.waits_since)}."
    return ""


def describe_length(length: dt.timedelta) -> str:
    """Returns a length such as `20 hours`, `1 hour 30 minutes` or `45 minutes`."""
    hours, minutes = divmod(int(length.total_seconds()) // 60, 60)
    parts = [f"{n} {unit}{pluralize(n)}" for n, unit in ((hours, "hour"), (minutes, "minute")) if n]
    return " ".join(parts)


def get_transitions_now(appointment: Appointment) -> dict[Status, str]:
    """Returns the result of `get_transitions` for today's date at the appointment's business."""
    return get_transitions(appointment, today=timezone.now().astimezone(appointment.tenant.zone).date())
