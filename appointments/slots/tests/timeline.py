"""A naive reckoning of availability, minute by minute, beside which the real one is tested.

It knows nothing of `circe.api.local_time`: it walks through the minutes as instants and looks at what the clock shows.
"""

import datetime as dt
from bisect import bisect_left
from itertools import accumulate

DAY, MINUTE = dt.timedelta(days=1), dt.timedelta(minutes=1)


class Timeline:
    """The minutes around some days, by number, with what the clock on the wall shows in each."""

    def __init__(self, zone, first, last):
        self.first, self.last = first - 4 * DAY, last + 5 * DAY
        begin = dt.datetime.combine(self.first, dt.time(), dt.UTC)
        self.instants = [begin + n * MINUTE for n in range((self.last - self.first).days * 1440)]
        shown = [instant.astimezone(zone) for instant in self.instants]
        self.walls = [one.replace(tzinfo=None, fold=0) for one in shown]
        self.is_second = [bool(one.fold) for one in shown]
        self.latest_so_far = list(accumulate(self.walls, max))

    def minute(self, local):
        """The first minute in which the clock shows this time or a later one."""
        return bisect_left(self.latest_so_far, local)

    def exists(self, local):
        return self.walls[self.minute(local)] == local

    def end_after(self, minute, length):
        """The first minute after so many others that the clock does not show for the second time."""
        end = minute + length
        while self.is_second[end]:
            end += 1
        return end

    def span(self, day, start, end, buffer=0):
        """The minutes of a booking or of working hours, of which an end before the start is on the next day."""
        begin, until = (dt.datetime.combine(day, time) for time in (start, end))
        return range(self.minute(begin), self.minute(until + DAY * (until < begin) + buffer * MINUTE))

    def days(self):
        return [self.first + n * DAY for n in range((self.last - self.first).days)]


def expected_slots(timeline, first, last, *, slot_minutes, duration, buffer, hours, time_off, bookings):
    """The slots as (start, end, staff, outlet). Staff and outlets are whatever the caller names them by.

    `hours` are (staff, outlet, weekday, start, end, valid_from, valid_to); `time_off` are (staff or outlet, begin, end);
    `bookings` are (staff, day, start, end, buffer).
    """
    free = {}
    for staff, outlet, weekday, start, end, valid_from, valid_to in hours:
        minutes = free.setdefault((staff, outlet), bytearray(len(timeline.walls)))
        for day in timeline.days():
            if day.weekday() == weekday and (valid_from or day) <= day <= (valid_to or day):
                for minute in timeline.span(day, start, end):
                    minutes[minute] = 1
    for place, minutes in free.items():
        taken = [range(timeline.minute(begin), timeline.minute(end)) for who, begin, end in time_off if who in place]
        taken += [timeline.span(*booking) for staff, *booking in bookings if staff == place[0]]
        for minute in (minute for span in taken for minute in span):
            minutes[minute] = 0
    slots = []
    for start in grid(first, last, slot_minutes):
        if timeline.exists(start):
            begin = timeline.minute(start)
            end = timeline.end_after(begin, duration)
            free_again = timeline.end_after(end, buffer)
            slots += [
                (start, timeline.walls[end], *place)
                for place, minutes in free.items()
                if all(minutes[begin:free_again])
            ]
    return slots


def grid(first, last, slot_minutes):
    """The local times of the grid on these days."""
    return [
        dt.datetime.combine(first + n * DAY, dt.time()) + minute * MINUTE
        for n in range((last - first).days + 1)
        for minute in range(0, 1440, slot_minutes)
    ]
