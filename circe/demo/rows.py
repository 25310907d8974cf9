"""Generates the customers and appointments of a business, possibly millions, as text for COPY.

The methods of Rows yield chunks of whole lines, with values in the order of the COLUMNS. Call `appointments` first: it
counts the visits that the rows of customers depend on.
"""

import datetime as dt
import functools
from array import array
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from circe.demo.business import DAY_SECONDS, PAST_DAYS, Business
from circe.demo.countries import local_part
from circe.demo.roster import MINUTES_PER_DAY, SLOT_MINUTES
from tenants.models import Service, User

NULL = r"\N"
CHUNK_ROWS = 1000
MIN_DAYS_BETWEEN_APPOINTMENTS = 10  # of one customer, unless three draws in a row fail
# In every block of customers, the loyal ones come all the time and the casual ones for some time. The others have hardly
# any appointments.
CUSTOMERS_PER_BLOCK, LOYAL_PER_BLOCK, CASUAL_PER_BLOCK = 50, 6, 36
LOYAL_SHARE = 0.5  # of the appointments

APPOINTMENT_COLUMNS = (
    *("id", "tenant_id", "outlet_id", "customer_id", "staff_id", "service_id"),
    *("appointment_date", "start_time", "end_time", "status", "total_price", "notes"),
    *("payment_status", "payment_method", "paid_amount", "created_at", "updated_at"),
    *("buffer_minutes", "sequence", "is_walk_in", "overrides", "changed_at"),
)
CUSTOMER_COLUMNS = (
    *("id", "tenant_id", "created_at"),
    *("first_name", "last_name", "gender", "date_of_birth", "address"),
    *("email", "email_key", "email_verified", "phone", "phone_verified", "password", "source", "tags"),
    *(
        "loyalty_points",
        "is_active",
        "is_deleted",
        "was_active",
        "deleted_at",
        "deleted_by",
        "updated_at",
        "changed_at",
    ),
    *("accepts_email", "accepts_sms", "accepts_push", "accepts_whatsapp", "marketing_consent", "language"),
    *("preferred_outlet_id", "preferred_categories", "accessibility_needs", "notes"),
)
PREFERENCE_COLUMNS = ("id", "tenant_id", "created_at", "updated_at", "customer_id", "position")

CLOCK = tuple(f"{minute // 60:02}:{minute % 60:02}" for minute in range(DAY_SECONDS // 60))
CLOCK_UTC = tuple(f"{clock}:{second:02}+00" for clock in CLOCK for second in range(60))


class Outcome(NamedTuple):
    """The status of an appointment, that of its payment, and how many quarters of its price are paid (4: all)."""

    status: str
    payment_status: str
    quarters: int


def _weighted(outcomes: dict[Outcome, int]) -> tuple[Outcome, ...]:
    return tuple(outcome for outcome, weight in outcomes.items() for _ in range(weight))


PAST_OUTCOMES = _weighted(
    {
        Outcome("completed", "paid", 4): 76,
        Outcome("completed", "partially_paid", 2): 2,
        Outcome("completed", "unpaid", 0): 2,
        Outcome("completed", "refunded", 0): 1,
        Outcome("cancelled", "unpaid", 0): 10,
        Outcome("cancelled", "refunded", 0): 2,
        Outcome("no_show", "unpaid", 0): 5,
        Outcome("no_show", "partially_paid", 1): 2,
    }
)
COMING_OUTCOMES = _weighted(
    {
        Outcome("confirmed", "unpaid", 0): 55,
        Outcome("confirmed", "partially_paid", 1): 8,
        Outcome("confirmed", "paid", 4): 5,
        Outcome("pending", "unpaid", 0): 26,
        Outcome("cancelled", "unpaid", 0): 6,
    }
)
TODAY_OUTCOMES = tuple(outcome for outcome in COMING_OUTCOMES if outcome.status != "cancelled")
IN_PROGRESS = (Outcome("in_progress", "unpaid", 0),)
PRICE_FACTORS = (0.8, 0.9, 0.9, 1.15)  # a discount, or something extra
REGISTERED_SOURCES = ("website", "website", "website", "instagram", "app")
WALK_IN_SOURCES = ("walk-in", "walk-in", "walk-in", "phone", "phone", "referral", "import")
OTHER_TAGS = ("student", "bridal", "sensitive-skin", "gift-card", "late-payer", "newsletter")


class Rows:
    """Generates the rows of a business."""

    def __init__(self, business: Business) -> None:
        self.business, self.random, size = business, business.random, business.customer_count
        # By the index of the customer. `latest` is the index of the day of the last appointment of any status.
        self.spent = array("q", bytes(8 * size))
        self.visits = array("i", bytes(4 * size))
        self.latest = array("h", [-MIN_DAYS_BETWEEN_APPOINTMENTS]) * size
        positions = self.random.sample(range(CUSTOMERS_PER_BLOCK), LOYAL_PER_BLOCK + CASUAL_PER_BLOCK)
        self._loyal, self._casual = positions[:LOYAL_PER_BLOCK], positions[LOYAL_PER_BLOCK:]
        self._dates = [day.isoformat() for day in business.days]
        self._weekdays = [day.weekday() for day in business.days]

    def appointments(self) -> Iterator[str]:
        """Yields a chunk for each day.

        Each appointment, with its buffer, lies within one cell of the roster, and a cell is used once. So no member of staff
        has two appointments at the same time.
        """
        for day, quota in enumerate(self.business.appointments_per_day):
            if quota:
                cells = self.random.sample(self.business.roster.bookable_cells(day), quota)
                outcomes = PAST_OUTCOMES if day < PAST_DAYS else TODAY_OUTCOMES if day == PAST_DAYS else COMING_OUTCOMES
                # Cells are ordered by time: the first appointment of today is in progress.
                first = IN_PROGRESS if day == PAST_DAYS else outcomes
                yield "".join(
                    self._appointment(day, cell, first if turn == 0 else outcomes)
                    for turn, cell in enumerate(sorted(cells))
                )

    def _appointment(self, day: int, cell: int, outcomes: tuple[Outcome, ...]) -> str:
        business, random, choice = self.business, self.random.random, self.random.choice
        country, midnight = business.country, business.midnights[day]
        slot, worker = divmod(cell, len(business.staff))
        outlet = business.outlets[business.roster.outlets[self._weekdays[day]][worker]]
        service = choice(business.menus[worker % len(business.menus)])
        begin = business.roster.starts[slot]
        # The appointment may end after midnight, but it starts before midnight.
        room = min(SLOT_MINUTES - service.duration_minutes - service.buffer_minutes, MINUTES_PER_DAY - 1 - begin)
        start = begin + int(random() * (1 + room // 15)) * 15
        end = start + service.duration_minutes
        status, payment_status, quarters = choice(outcomes)
        price = service.price
        if random() < 0.15:
            price = int(price * choice(PRICE_FACTORS)) // country.price_step * country.price_step
        customer = self._choose_customer(day)
        self.latest[customer] = day
        if status == "completed":
            self.visits[customer] += 1
            self.spent[customer] += price
        # It was booked before today, hours or weeks before it starts, and after the customer was created.
        latest_booking = min(midnight + start * 60, business.midnights[PAST_DAYS]) - 2 * 3600
        created = max(latest_booking - int(random() * random() * 21 * DAY_SECONDS), business.created_at[customer] + 300)
        updated = min(midnight + end * 60, business.midnights[PAST_DAYS]) if day < PAST_DAYS else created
        return (
            f"{created:08x}{self.random.getrandbits(64):016x}\t{business.tenant.id}\t"
            f"{outlet.id}\t{business.customer_id(customer)}\t"
            f"{business.staff[worker].id}\t{service.id}\t{self._dates[day]}\t"
            f"{CLOCK[start]}\t{CLOCK[end % MINUTES_PER_DAY]}\t"
            f"{status}\t{price}\t{choice(country.appointment_notes) if random() < 0.12 else NULL}\t{payment_status}\t"
            f"{choice(country.payment_methods) if quarters else NULL}\t{price * quarters // 4}\t"
            f"{_stamp(created)}\t{_stamp(updated)}\t{service.buffer_minutes}\t0\tf\t{{}}\t{_stamp(updated)}\n"
        )

    def _choose_customer(self, day: int) -> int:
        """Returns the index of the customer who has an appointment on that day."""
        random, known = self.random.random, self.business.customers_before_day[day]
        blocks = -(-known // CUSTOMERS_PER_BLOCK)
        for _ in range(3):
            if random() < LOYAL_SHARE:
                index = int(random() * blocks) * CUSTOMERS_PER_BLOCK + self._loyal[int(random() * LOYAL_PER_BLOCK)]
            else:
                # Mostly customers who first came lately: older ones have stopped coming.
                index = (
                    int((1 - random() ** 2) * blocks) * CUSTOMERS_PER_BLOCK
                    + self._casual[int(random() * CASUAL_PER_BLOCK)]
                )
            if index < known and day - self.latest[index] >= MIN_DAYS_BETWEEN_APPOINTMENTS:
                return index
        return int(random() * known)

    def customers(self) -> Iterator[str]:
        """Yields a chunk for every CHUNK_ROWS customers."""
        for start in range(0, self.business.customer_count, CHUNK_ROWS):
            stop = min(start + CHUNK_ROWS, self.business.customer_count)
            yield "".join(self._customer(index) for index in range(start, stop))

    def _customer(self, index: int) -> str:
        business, random = self.business, self.random.random
        person, created = business.person(index), business.created_at[index]
        goes_by_one_name = random() < business.country.mononym_share
        local_part_of_one_name = f"{local_part(person.first_name)}{index + 1}"
        contact, registered = self._contact(index, local_part_of_one_name if goes_by_one_name else person.local_part)
        return (
            "\t".join(
                (
                    business.customer_id(index),
                    business.tenant.id,
                    _stamp(created),
                    person.first_name,
                    NULL if goes_by_one_name else person.last_name,
                    self._gender(is_woman=person.is_woman),
                    _date(business.midnights[-1] // DAY_SECONDS - 365 * 16 - int(random() * 365 * 55))
                    if random() < 0.6
                    else NULL,
                    business.address(self.random.choice(business.country.cities)) if random() < 0.35 else NULL,
                    contact,
                    self._tags(index, registered=registered),
                    self._points_and_status(index),
                    self._preferences(),
                )
            )
            + "\n"
        )

    def _gender(self, *, is_woman: bool) -> str:
        chance = self.random.random()
        if chance < 0.85:
            return "female" if is_woman else "male"
        return NULL if chance < 0.94 else self.random.choice(("non_binary", "other", "undisclosed"))

    def _contact(self, index: int, name: str) -> tuple[str, bool]:
        """Returns the columns of e-mail, phone, password and source, and whether the customer has a password."""
        random, choice, country = self.random.random, self.random.choice, self.business.country
        chance = random()
        has_email, has_phone = chance < 0.8, not 0.65 < chance < 0.8
        registered = has_email and random() < 0.6
        domain = choice(country.domains)
        email = f"{name}@{domain}" if has_email else NULL
        written = f"{name.title()}@{domain}" if has_email and random() < 0.05 else email
        return "\t".join(
            (
                written,
                email,
                _flag(has_email and random() < (0.85 if registered else 0.1)),
                self.business.phone(index) if has_phone else NULL,
                _flag(has_phone and random() < 0.4),
                self.business.password if registered else NULL,
                choice(REGISTERED_SOURCES if registered else WALK_IN_SOURCES),
            )
        ), registered

    def _tags(self, index: int, *, registered: bool) -> str:
        random, visits = self.random.random, self.visits[index]
        tags = ["self-registered"] if registered else ["staff-created", "walk-in"]
        if visits >= 8 and random() < 0.5:
            tags.append("vip")
        if visits >= 3 and random() < 0.7:
            tags.append("regular")
        if random() < 0.12:
            tags.append(self.random.choice(OTHER_TAGS))
        return f"{{{','.join(tags)}}}"

    def _points_and_status(self, index: int) -> str:
        """Returns the columns of points, activity and deletion. A customer who is inactive or deleted comes no more."""
        business, random = self.business, self.random.random
        last_day = max(self.latest[index], 0)
        seen = max(business.midnights[last_day] + DAY_SECONDS, business.created_at[index])
        gone = last_day < PAST_DAYS - 60 and seen < business.midnights[PAST_DAYS] - 60 * DAY_SECONDS
        deleted, inactive = gone and random() < 0.06, gone and random() < 0.08
        deleted_at = seen + int(random() * (business.midnights[PAST_DAYS] - seen))
        points = self.spent[index] // business.country.money_per_point
        return "\t".join(
            (
                # Some customers have redeemed their points, 500 at a time.
                str(points if random() < 0.6 else points % 500),
                _flag(not (deleted or inactive)),
                _flag(deleted),
                _flag(not inactive) if deleted else NULL,
                _stamp(deleted_at) if deleted else NULL,
                business.admin.id if deleted else NULL,
                *[_stamp(deleted_at if deleted else business.created_at[index])] * 2,
            )
        )

    def _preferences(self) -> str:
        business, random, choice = self.business, self.random.random, self.random.choice
        country = business.country
        return "\t".join(
            (
                _flag(random() < 0.9),
                _flag(random() < 0.85),
                _flag(random() < 0.7),
                _flag(random() < country.whatsapp_share),
                _flag(random() < 0.4),
                business.tenant.language if random() < 0.88 else "en",
                choice(business.outlets).id if random() < 0.3 else NULL,
                f'{{"{choice(business.services).category}"}}' if random() < 0.12 else "{}",
                choice(country.accessibility_needs) if random() < 0.02 else NULL,
                choice(country.customer_notes) if random() < 0.12 else NULL,
            )
        )

    def preferred_services(self) -> Iterator[str]:
        """Yields the rows of preferred services: one or two for some customers."""
        return self._preferred(self.business.services, share=0.15)

    def preferred_staff(self) -> Iterator[str]:
        """Yields the rows of preferred members of staff: one or two for some customers."""
        return self._preferred(self.business.staff, share=0.12)

    def _preferred(self, favourites: Sequence[Service | User], *, share: float) -> Iterator[str]:
        business = self.business
        for index in range(business.customer_count):
            if self.random.random() < share:
                stamp = _stamp(business.created_at[index])
                chosen = self.random.sample(favourites, self.random.choice((1, 1, 2)))
                yield "".join(
                    f"{business.new_id(business.created_at[index])}\t{business.tenant.id}\t{stamp}\t{stamp}\t"
                    f"{business.customer_id(index)}\t{position}\t{favourite.id}\n"
                    for position, favourite in enumerate(chosen)
                )


@functools.cache
def _date(epoch_day: int) -> str:
    return (dt.date(1970, 1, 1) + dt.timedelta(epoch_day)).isoformat()


def _stamp(seconds: int) -> str:
    return f"{_date(seconds // DAY_SECONDS)} {CLOCK_UTC[seconds % DAY_SECONDS]}"


def _flag(value: bool) -> str:
    return "t" if value else "f"
