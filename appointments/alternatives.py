"""The slots that a refused booking offers instead."""

import datetime as dt

from appointments.availability import Slot, find_slots
from appointments.lengths import length_of
from appointments.models import Appointment

MAX_ALTERNATIVES = 3
# The longest time between an alternative and the wanted start. The second one is tried if the first one finds too few slots.
ALTERNATIVES_AROUND = (dt.timedelta(days=1), dt.timedelta(days=14))
# How far alternatives are searched if the shorter times have too few: the business may be closed for some weeks.
LAST_ALTERNATIVES_AROUND = dt.timedelta(days=92)


def find_alternatives(appointment: Appointment) -> list[Slot]:
    """Returns the slots nearest to the appointment's start, of its member of staff. If that person has fewer than
    MAX_ALTERNATIVES within two weeks, or no member of staff is set, slots of anybody follow.
    """
    own: list[Slot] = []
    for around in ALTERNATIVES_AROUND if appointment.staff_id else ():
        own = _find_nearest(appointment, appointment.staff_id, around)
        if len(own) == MAX_ALTERNATIVES:
            return own
    for around in (*ALTERNATIVES_AROUND, LAST_ALTERNATIVES_AROUND):
        of_anybody = _find_nearest(appointment, None, around)
        slots = [*own, *(slot for slot in of_anybody if slot not in own)][:MAX_ALTERNATIVES]
        if len(slots) == MAX_ALTERNATIVES:
            break
    return slots


def _find_nearest(appointment: Appointment, staff: str | None, around: dt.timedelta) -> list[Slot]:
    start = appointment.local_bounds[0]
    slots = find_slots(
        appointment.service,
        first=start - around,
        last=start + around,
        staff=staff,
        outlet=appointment.outlet_id,
        freed=appointment.pk,
        length=length_of(appointment),
    )
    return sorted(slots, key=lambda slot: (abs(slot.start - start), slot))[:MAX_ALTERNATIVES]
