"""Books, moves and cancels appointments for the customer whose they are. The API and the pages of the portal use them.

They run in the customer's scope (CustomerScope), and in a transaction.
"""

import datetime as dt

from appointments.models import Appointment
from circe.api.conflicts import ConflictError
from customers.models import Customer
from tenants.models import Service


class TooLate(ConflictError):
    """The appointment is so near that only the business can change it. `details` has `cancellation_notice_hours`."""

    code = "too_late"

    def __init__(self, notice_hours: int) -> None:
        self.details = {"cancellation_notice_hours": notice_hours}
        super().__init__(
            f"It can be changed until {notice_hours} hours before it starts. Please call the business to change it now."
        )


def book_own(
    customer: Customer,
    *,
    service: Service,
    outlet_id: str,
    day: dt.date,
    start: dt.time,
    staff_id: str | None = None,
    notes: str | None = None,
) -> Appointment:
    """Books the service for the customer, at its length and price, and returns the appointment.

    Without a `staff_id` whoever is free attends. Raises ValidationError for a start that is past, and what
    `appointments.booking.book` raises.
    """
    raise NotImplementedError


def lock_own(appointment_id: str, *, staff_id: str | None = None) -> Appointment:
    """Returns the customer's appointment, locked together with its member of staff, and with `staff_id`, until the
    transaction ends. Raises Http404 if the customer has no such appointment.
    """
    raise NotImplementedError


def move_own(
    appointment: Appointment,
    *,
    day: dt.date,
    start: dt.time,
    staff_id: str | None = None,
    outlet_id: str | None = None,
) -> None:
    """Moves an appointment that `lock_own` returned. It stays as long as it was.

    Raises TooLate, ValidationError for a start that is past, and what `appointments.booking.move` raises.
    """
    raise NotImplementedError


def cancel_own(appointment: Appointment, *, reason: str | None = None) -> None:
    """Cancels an appointment that `lock_own` returned. Does nothing if it is cancelled already.

    Raises TooLate, and what `appointments.booking.set_status` raises.
    """
    raise NotImplementedError
