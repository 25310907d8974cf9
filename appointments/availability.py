"""The times at which a service can be booked."""

import datetime as dt
from collections.abc import Iterator
from heapq import merge
from itertools import islice
from typing import Any, NamedTuple

from django.utils import timezone

from appointments.models import FIRST_DAY, LAST_DAY
from appointments.models.schedule import FreeTime, read_free_times
from circe.api.local_time import add_minutes, is_skipped, to_instant, to_local
from tenants.models import Service


class Slot(NamedTuple):
    """A time at which a member of staff can attend a customer at an outlet. `start` and `end` are local times."""

    start: dt.datetime
    staff_name: str
    staff_id: str
    outlet_id: str
    outlet_name: str
    end: dt.datetime

    def as_json(self, service: Service) -> dict[str, Any]:
        """Returns the slot as the API shows it."""
        return {
            "appointment_date": self.start.date().isoformat(),
            "start_time": self.start.time().isoformat(),
            "end_time": self.end.time().isoformat(),
            "starts_at": f"{to_instant(self.start, service.tenant.zone):%Y-%m-%dT%H:%M:%SZ}",
            "staff_id": self.staff_id,
            "staff": {"id": self.staff_id, "name": self.staff_name},
            "outlet_id": self.outlet_id,
            "outlet": {"id": self.outlet_id, "name": self.outlet_name},
            "price": service.price,
            "currency": service.tenant.currency,
        }


def find_slots(
    service: Service,
    *,
    first: dt.datetime,
    last: dt.datetime,
    staff: str | None = None,
    outlet: str | None = None,
    freed: str | None = None,
    minutes: int | None = None,
    limit: int | None = None,
) -> list[Slot]:
    """Returns the slots of the service that start at the local time `first` or later and before `last`.

    They are ordered by start, then by the name of the staff. They lie on the tenant's grid and are not past. The appointment
    with the id `freed` counts as not booked. Each slot lasts `minutes`, or as long as the service; there is room for the
    buffer after it.
    """
    if not service.is_active:
        return []
    tenant = service.tenant
    first = max(first, to_local(timezone.now(), tenant.zone), dt.datetime.combine(FIRST_DAY, dt.time()))
    last = min(last, dt.datetime.combine(LAST_DAY, dt.time.max))
    free = read_free_times(
        tenant.pk,
        first=first,
        last=last,
        staff=staff and [staff],
        service=service.pk,
        outlet=outlet,
        freed=freed,
    )
    length = service.duration_minutes if minutes is None else minutes
    slots = merge(*(slots_within(time, service, length, first, last) for time in free))
    return list(islice(slots, limit))


def slots_within(
    free: FreeTime, service: Service, minutes: int, first: dt.datetime, last: dt.datetime
) -> Iterator[Slot]:
    """Yields the slots of `minutes` of the service in a free time that start at `first` or later and before `last`."""
    zone = service.tenant.zone
    for start in _grid(max(free.begin, first), min(free.end, last), service.tenant.slot_minutes):
        end = add_minutes(start, minutes, zone)
        if add_minutes(end, service.buffer_minutes, zone) > free.end:
            return
        if not is_skipped(start, zone):
            yield Slot(start, free.staff_name, free.staff_id, free.outlet_id, free.outlet_name, end)


def _grid(first: dt.datetime, last: dt.datetime, minutes: int) -> Iterator[dt.datetime]:
    """Yields the local times from `first` up to `last`, without `last`, that are a multiple of `minutes` after midnight."""
    midnight = dt.datetime.combine(first.date(), dt.time())
    while midnight < last:
        for minute in range(0, 24 * 60, minutes):
            time = midnight + dt.timedelta(minutes=minute)
            if first <= time < last:
                yield time
        midnight += dt.timedelta(days=1)
