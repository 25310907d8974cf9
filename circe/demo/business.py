"""A demo business: its staff, its services, and when each of its customers came first.

The same seed and day give the same business, to the last digit of its ids.
"""

import datetime as dt
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby, pairwise
from random import Random
from typing import Any, NamedTuple

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX

from appointments.models import TimeOff, WorkingHours
from circe.demo.accounts import DOCUMENTED_TENANTS
from circe.demo.countries import INDONESIA, NORWAY, Locality, local_part
from circe.demo.roster import MINUTES_PER_DAY, Roster, choose_holidays
from tenants.models import Outlet, Role, Service, ServiceStaff, Tenant, User

DAY_SECONDS = 24 * 60 * 60
PAST_DAYS = 3 * 365
BOOKABLE_DAYS = 42  # days after today that have appointments
MAX_OCCUPANCY = 0.95  # the share of slots that is booked on the busiest day, which mostly is today
MIN_STAFF = 6  # one for each week of the roster
# Services of at least this length need training: only the people of their category offer them.
MIN_MINUTES_TRAINED = 90
STAFF_PER_OUTLET = 12
# A prime: steps of this size visit every combination of names, and every phone number, before any repeats.
PRIME_STEP = 1_618_033_999


class Person(NamedTuple):
    """A name. `local_part` is unique within the business."""

    first_name: str
    last_name: str
    local_part: str
    is_woman: bool


class Business:
    """A tenant with everything except the rows of customers and appointments, which are in `rows`.

    `number` is 0 for lotus, 1 for nordlys, and more for other tenants. `password` is the hash of the demo password.
    """

    def __init__(
        self, *, number: int, seed: int, customer_count: int, appointment_count: int, now: dt.datetime, password: str
    ) -> None:
        self.number, self.customer_count, self.password = number, customer_count, password
        self.country = (INDONESIA, NORWAY)[number % 2]
        self.random = Random(f"{seed}/{number}")  # noqa: S311 (the data must be reproducible)
        self._name_offset, self._phone_offset = self.random.getrandbits(32), self.random.getrandbits(32)
        self.tenant = self._tenant()
        self._set_calendar(now.astimezone(self.tenant.zone).date())
        self._add_tenant_and_services()
        self._set_first_visits()
        self.appointments_per_day = split_in_proportion(appointment_count, self._daily_weights())
        self.roster = self._roster()
        self._add_staff()

    @property
    def users(self) -> list[User]:
        return [self.admin, self.manager, *self.staff]

    def new_id(self, seconds: int) -> str:
        """Returns a new id for an instant, given in seconds since 1970."""
        return f"{seconds:08x}{self.random.getrandbits(64):016x}"

    def customer_id(self, index: int) -> str:
        return f"{self.created_at[index]:08x}{self.id_tails[index]:016x}"

    def person(self, index: int) -> Person:
        """Returns the person with that index. Every combination of names is used before any repeats."""
        names, surnames = self.country.women + self.country.men, self.country.surnames
        combinations = len(names) * len(surnames)
        rounds, turn = divmod(index, combinations)
        surname_index, name_index = divmod((turn * PRIME_STEP + self._name_offset) % combinations, len(names))
        first, last = names[name_index], surnames[surname_index]
        suffix = str(rounds + 1) if rounds else ""
        return Person(
            first, last, f"{local_part(first)}.{local_part(last)}{suffix}", name_index < len(self.country.women)
        )

    def phone(self, index: int) -> str:
        """Returns a mobile number in E.164 that is unique for the index."""
        prefixes, numbers = self.country.mobile_prefixes, 10**self.country.mobile_digits
        prefix, number = divmod((index * PRIME_STEP + self._phone_offset) % (len(prefixes) * numbers), numbers)
        return f"{self.country.calling_code}{prefixes[prefix]}{number:0{self.country.mobile_digits}}"

    def _tenant(self) -> Tenant:
        country = self.country
        if self.number < len(DOCUMENTED_TENANTS):
            slug, name = DOCUMENTED_TENANTS[self.number]
        else:
            word = country.businesses[self.number // 2 % len(country.businesses)]
            slug, name = f"{local_part(word)}-{self.number + 1}", f"{word} {country.areas[self.number // 2 % 7].name}"
        return Tenant(
            name=name,
            slug=slug,
            time_zone=country.time_zone,
            currency=country.currency,
            phone_region=country.region,
            language=country.language,
            quiet_from=dt.time(21),
            quiet_until=dt.time(8),
            # Nobody reads the mails of the other businesses.
            **dict.fromkeys(
                ("sends_confirmations", "sends_changes", "sends_cancellations", "sends_reminders"),
                self.number < len(DOCUMENTED_TENANTS),
            ),
            reply_to=f"hello@{slug}.test",
            is_demo=True,
        )

    def _set_calendar(self, today: dt.date) -> None:
        """Sets `days`, of which `days[PAST_DAYS]` is today, and `midnights`, when each begins in seconds since 1970."""
        self.days = [today + dt.timedelta(day) for day in range(-PAST_DAYS, BOOKABLE_DAYS + 1)]
        self.midnights = array(
            "q", (int(dt.datetime.combine(day, dt.time(), self.tenant.zone).timestamp()) for day in self.days)
        )
        self.opened_at_seconds = self.midnights[0] + self.country.opens_at * 3600
        self.holidays = choose_holidays(self.days, PAST_DAYS, self.country.holidays)

    def _add_tenant_and_services(self) -> None:
        self.tenant.pk = self.new_id(self.opened_at_seconds)
        self._timestamps = {
            "created_at": dt.datetime.fromtimestamp(self.opened_at_seconds, dt.UTC),
            "updated_at": dt.datetime.fromtimestamp(self.opened_at_seconds, dt.UTC),
        }
        self.tenant.created_at = self.tenant.updated_at = self._timestamps["created_at"]
        self.services = [
            Service(
                id=self.new_id(self.opened_at_seconds),
                tenant_id=self.tenant.pk,
                name=service.name,
                category=service.category,
                duration_minutes=service.minutes,
                buffer_minutes=service.buffer,
                rebooking_days=service.rebooking_days,
                price=service.price,
                **self._timestamps,
            )
            for service in self.country.services
        ]
        by_category = groupby(self.services, key=lambda service: service.category)
        # The services that a member of staff offers: those of one category.
        self.menus = [list(services) for _, services in by_category]

    def _set_first_visits(self) -> None:
        """Sets `created_at`, when each customer came first: in order, more of them each year, and within opening hours.

        Sets `customers_before_day`, the number of customers who came before each day.
        """
        self.created_at = array("q")
        for index in range(self.customer_count):
            day, hour = divmod(PAST_DAYS * ((index + self.random.random()) / self.customer_count) ** 0.85, 1)
            self.created_at.append(self.midnights[int(day)] + int((self.country.opens_at + 10 * hour) * 3600))
        self.customers_before_day = [bisect_left(self.created_at, midnight) for midnight in self.midnights]
        self.id_tails = array("Q", (self.random.getrandbits(64) for _ in range(self.customer_count)))

    def _daily_weights(self) -> list[float]:
        """Returns the weight of each day: by the number of customers, by the day of the week, and by how soon it comes.

        Today counts twice, since people look at it first. A holiday has none.
        """
        future_weights = [2, *(0.7 * (1 - day / (BOOKABLE_DAYS + 1)) for day in range(1, BOOKABLE_DAYS + 1))]
        return [
            known**0.5 * self.country.weekdays[day.weekday()] * nearness * (day not in self.holidays)
            for day, known, nearness in zip(
                self.days, self.customers_before_day, [1] * PAST_DAYS + future_weights, strict=True
            )
        ]

    def _roster(self) -> Roster:
        """Returns a roster with enough people for MAX_OCCUPANCY on the busiest day, and for a slot for every appointment."""
        smallest = self._roster_of(MIN_STAFF)
        needed = (
            MIN_STAFF * quota / (len(smallest.cells_of_weekday(day.weekday())) * MAX_OCCUPANCY)
            for day, quota in zip(self.days, self.appointments_per_day, strict=True)
        )
        count = max(MIN_STAFF, round(max(needed) + 0.5))
        while not (roster := self._roster_of(count)).fits(self.appointments_per_day):
            count += 1 + count // 50
        return roster

    def _roster_of(self, staff_count: int) -> Roster:
        return Roster(
            self.days,
            PAST_DAYS,
            opens_at=self.country.opens_at,
            holidays=self.holidays,
            staff_count=staff_count,
            outlet_count=max(2, staff_count // STAFF_PER_OUTLET),
            random=self.random,
        )

    def _add_staff(self) -> None:
        """Creates an admin, a manager and the staff of the roster, and its outlets."""
        count = self.roster.staff_count
        self.outlets = [self._outlet(index) for index in range(self.roster.outlet_count)]
        self.admin, self.manager = (
            self._user(0, Role.TENANT_ADMIN, "admin"),
            self._user(1, Role.OUTLET_MANAGER, "manager"),
        )
        self.staff = [self._user(2, Role.STAFF, "staff"), *(self._user(2 + n, Role.STAFF) for n in range(1, count))]

    def service_staff(self) -> Iterator[ServiceStaff]:
        """Yields who offers the services that need training. Everybody offers the others."""
        for position, services in enumerate(self.menus):
            for service in services:
                if service.duration_minutes >= MIN_MINUTES_TRAINED:
                    for person in self.staff[position :: len(self.menus)]:
                        yield ServiceStaff(**self._new_row(), service_id=service.pk, staff_id=person.pk)

    def working_hours(self) -> Iterator[WorkingHours]:
        """Yields the working hours of the staff."""
        for hours in self.roster.working_hours():
            yield WorkingHours(
                **self._new_row(),
                staff_id=self.staff[hours.worker].pk,
                outlet_id=self.outlets[hours.outlet].pk,
                weekday=hours.weekday,
                start_time=dt.time(*divmod(hours.start, 60)),
                end_time=dt.time(*divmod(hours.end % MINUTES_PER_DAY, 60)),
                valid_from=hours.valid_from,
                valid_to=hours.valid_to,
            )

    def time_off(self) -> Iterator[TimeOff]:
        """Yields the time off of staff and the closing days of outlets."""
        for absence in self.roster.time_off(self.country.time_off):
            yield TimeOff(
                **self._new_row(),
                staff_id=None if absence.worker is None else self.staff[absence.worker].pk,
                outlet_id=None if absence.outlet is None else self.outlets[absence.outlet].pk,
                local_start=absence.start,
                local_end=absence.end,
                reason=absence.reason,
            )

    def _new_row(self) -> dict[str, Any]:
        """Returns the columns that every row has. The row is as old as the business."""
        return {"id": self.new_id(self.opened_at_seconds), "tenant_id": self.tenant.pk, **self._timestamps}

    def _outlet(self, index: int) -> Outlet:
        country = self.country
        rounds, area = divmod(index, len(country.areas))
        locality = country.areas[area]
        number = f" {rounds + 1}" if rounds else ""
        return Outlet(
            id=self.new_id(self.opened_at_seconds),
            tenant_id=self.tenant.pk,
            name=f"{self.tenant.name.split()[0]} {locality.name}{number}",
            address=self.address(locality),
            **self._timestamps,
        )

    def address(self, locality: Locality) -> str:
        """Returns a random address in that locality."""
        street, number = self.random.choice(self.country.streets), 1 + self.random.getrandbits(6)
        return self.country.address.format(street=street, number=number, locality=locality)

    def _user(self, index: int, role: Role, local_part: str = "") -> User:
        """Returns a user. With a `local_part`, a user of a documented business has a password and can sign in."""
        person = self.person(self.customer_count + index)
        can_sign_in = local_part and self.number < len(DOCUMENTED_TENANTS)
        return User(
            id=self.new_id(self.opened_at_seconds),
            tenant_id=self.tenant.pk,
            email=f"{local_part or person.local_part}@{self.tenant.slug}.test",
            role=role,
            first_name=person.first_name,
            last_name=person.last_name,
            password=self.password if can_sign_in else f"{UNUSABLE_PASSWORD_PREFIX}{self.random.getrandbits(160):040x}",
            tokens_valid_from=self._timestamps["created_at"],
            **self._timestamps,
        )


def split_in_proportion(total: int, weights: Sequence[float]) -> list[int]:
    """Splits `total` into integers in proportion to `weights`; returns only 0 where all weights are 0."""
    sums = [0.0, *accumulate(weights)]
    bounds = [round(total * partial_sum / sums[-1]) if sums[-1] else 0 for partial_sum in sums]
    return [after - before for before, after in pairwise(bounds)]
