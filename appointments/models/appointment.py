"""The model of appointments, its queries, and the check for double bookings."""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

import orjson
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, RangeOperators
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import IntegrityError, models, transaction
from django.db.models import Count, Expression, F, Func, Q, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.formats import date_format

from appointments.models.choices import Override, PaymentMethod, PaymentStatus, Status
from circe.api.local_time import to_instant
from circe.api.time_zone import local_zone
from circe.backoffice.regional import format_clock, format_day_and_weekday
from circe.db.advisory_locks import AdvisoryLock, lock_in_turn
from circe.db.audit_trigger import AuditTrigger
from circe.db.constraints import violated_constraint
from circe.db.foreign_keys import SameTenant, TenantForeignKey
from circe.db.json_sql import AsText, JSONObject
from customers.models import Customer
from tenants.models import Outlet, Service, Staff, TenantModel, tenant_constraints, validate_amount
from tenants.scope import TenantManager

# A customer is late from LATE_AFTER after the start until MAX_LATENESS after the end of the appointment.
LATE_AFTER, MAX_LATENESS = dt.timedelta(minutes=5), dt.timedelta(hours=12)
# An appointment with one of these statuses is still to take place, and can be moved.
OPEN_STATUSES = (Status.PENDING, Status.CONFIRMED)
# An appointment with one of these statuses blocks the time of its member of staff.
BLOCKING_STATUSES = (*OPEN_STATUSES, Status.IN_PROGRESS)

# The first and last day on which there can be an appointment. If it ends after midnight of the last day, Python and
# PostgreSQL can still represent its end, in every time zone.
FIRST_DAY, LAST_DAY = dt.date(1900, 1, 1), dt.date(2999, 12, 31)
# An appointment takes less than this: it and its buffer last less than a day each, and clocks may go forward.
LONGEST = dt.timedelta(days=3)


def build_time_range(day: Any, start: Any, end: Any, buffer_minutes: Any) -> Func:
    """Returns the expression of the time that an appointment takes, with its buffer: a tsrange in local time."""
    return Func(day, start, end, buffer_minutes, function="circe_occupied")


TIME_RANGE = build_time_range(F("appointment_date"), F("start_time"), F("end_time"), F("buffer_minutes"))


class DoubleBooking(IntegrityError):
    """A member of staff would have two appointments at the same time.

    `other` is the conflicting appointment. It is None if that one has been moved or cancelled in the meantime.
    """

    def __init__(self, other: "Appointment | None") -> None:
        self.other = other
        super().__init__(other.describe_booking() if other else "That time was taken until a moment ago. Try again.")


class AppointmentQuerySet(models.QuerySet):
    """Queries for appointments."""

    def visits(self) -> Self:
        return self.filter(status=Status.COMPLETED)

    def with_related(self) -> Self:
        """Joins customer, service, staff and outlet."""
        return self.select_related("customer", "service", "staff", "outlet").defer("customer__search_text")

    def on_day(self, day: dt.date) -> Self:
        """Keeps the appointments of that day, and those of the day before that end after midnight."""
        night = Q(appointment_date=day - dt.timedelta(days=1), end_time__lt=F("start_time"), end_time__gt=dt.time())
        return self.filter(Q(appointment_date=day) | night)

    def overlapping(self, appointment: "Appointment") -> Self:
        """Keeps the appointments that take a part of the time of the appointment with its buffer, by the expression of
        the exclusion constraint, except that one itself.
        """
        day = appointment.appointment_date
        time_range = build_time_range(
            Value(day), Value(appointment.start_time), Value(appointment.end_time), Value(appointment.buffer_minutes)
        )
        overlaps = Func(
            TIME_RANGE, time_range, template="%(expressions)s", arg_joiner=" && ", output_field=models.BooleanField()
        )
        # The days are for the index.
        return self.filter(overlaps, appointment_date__range=(day - LONGEST, day + LONGEST)).exclude(pk=appointment.pk)

    def statistics(self) -> dict[str, int]:
        """Counts appointments by kind: `{"total_appointments", "completed", "cancelled", "no_show", "upcoming"}`."""
        return self.order_by().aggregate(**status_counts(*local_today_and_time()))

    def statistics_json(self, today: Any, time: Any) -> Expression:
        """Returns the expression of the counts of `statistics` as JSON text. It is for a subquery of one customer's
        appointments.
        """
        figures = status_counts(today, time)
        return AsText(
            Coalesce(
                self._aggregate_per_customer(JSONObject(**figures)),
                Value(orjson.dumps(dict.fromkeys(figures, 0)).decode()),
            )
        )

    def count_per_customer(self) -> Expression:
        """Returns the expression of the number of appointments. It is for a subquery of one customer's appointments."""
        return Coalesce(self._aggregate_per_customer(Count("pk")), 0)

    def _aggregate_per_customer(self, figure: Expression) -> Subquery:
        return Subquery(self.order_by().values("customer").annotate(figure=figure).values("figure"))


def local_today_and_time() -> tuple[dt.date, dt.time]:
    """Returns today's date and the clock time now, in the time zone of the tenant in scope."""
    now = timezone.now().astimezone(local_zone())
    return now.date(), now.time()


def status_counts(today: Any, time: Any) -> dict[str, Count]:
    """Returns the aggregates that count the appointments of each kind, as of that time."""
    return {
        "total_appointments": Count("pk"),
        "completed": Count("pk", filter=Q(status=Status.COMPLETED)),
        "cancelled": Count("pk", filter=Q(status=Status.CANCELLED)),
        "no_show": Count("pk", filter=Q(status=Status.NO_SHOW)),
        "upcoming": Count("pk", filter=upcoming_condition(today, time)),
    }


def upcoming_condition(today: Any, time: Any) -> Q:
    """Returns the condition that an appointment is pending or confirmed, and starts at that time or later."""
    later = Q(appointment_date__gt=today) | Q(appointment_date=today, start_time__gte=time)
    return Q(status__in=OPEN_STATUSES) & later


class Appointment(TenantModel):
    """An appointment of a customer with a member of staff.

    Dates and clock times are in the tenant's time zone. If the end is before the start, it is on the next day. The
    member of staff is not free for `buffer_minutes` after the end, by the local clock. `customer` is None after the
    customer was purged, and for a walk-in who left no name (`is_walk_in`). `sequence` counts the changes of which the
    customer has to be told: another time, person, outlet, service or customer, or that it takes place after all. A
    trigger counts them (circe_count_changes). `overrides` are the rules that it was booked against. `status_reason` is
    why it got its status, where somebody said why. `arrived_at` is when the customer came in, and None until then: an
    arrival is no status, since the statuses that clients know are closed. Money is in the tenant's currency.
    """

    customer_column = "customer_id"

    outlet = TenantForeignKey(Outlet, models.PROTECT, related_name="+")
    customer = TenantForeignKey(Customer, models.DO_NOTHING, null=True, related_name="appointments")
    staff = TenantForeignKey(Staff, models.PROTECT, related_name="+")
    service = TenantForeignKey(Service, models.PROTECT, related_name="+")
    appointment_date = models.DateField(validators=[MinValueValidator(FIRST_DAY), MaxValueValidator(LAST_DAY)])
    start_time = models.TimeField()
    end_time = models.TimeField()
    buffer_minutes = models.PositiveIntegerField(default=0, editable=False)
    status = models.CharField(max_length=20, choices=Status, default=Status.PENDING)
    total_price = models.PositiveBigIntegerField(validators=[validate_amount])
    notes = models.CharField(max_length=2000, null=True, blank=True)
    status_reason = models.CharField(max_length=500, null=True, blank=True, editable=False)
    payment_status = models.CharField(max_length=20, choices=PaymentStatus, default=PaymentStatus.UNPAID)
    payment_method = models.CharField(max_length=20, choices=PaymentMethod, null=True, blank=True)
    paid_amount = models.PositiveBigIntegerField(default=0, validators=[validate_amount])
    sequence = models.PositiveIntegerField(default=0, editable=False)
    is_walk_in = models.BooleanField(default=False, editable=False)
    # An arrival does not change the status, since clients know a closed list of statuses.
    arrived_at = models.DateTimeField(null=True, editable=False)
    # When the row was last written, by the database's clock. A trigger sets it. It orders the changes
    # (circe/db/changes.py).
    changed_at = models.DateTimeField(default=timezone.now, editable=False)
    overrides = ArrayField(models.CharField(max_length=10, choices=Override), default=list, editable=False)

    objects = TenantManager.from_queryset(AppointmentQuerySet)()

    class Meta(TenantModel.Meta):
        ordering = ["-appointment_date", "-start_time", "-id"]
        constraints = [
            AuditTrigger(
                name="%(class)s_audit", subject_column="customer_id", about_subject=["notes", "status_reason"]
            ),
            *tenant_constraints(subject_column="customer_id", subject_commands=["SELECT", "INSERT", "UPDATE"]),
            *(
                SameTenant(field=field, name=f"%(class)s_{field}")
                for field in ("outlet", "customer", "staff", "service")
            ),
            models.CheckConstraint(
                condition=~Q(start_time=F("end_time")),
                name="appointment_has_length",
                violation_error_message="An appointment can't end when it starts.",
            ),
            models.CheckConstraint(
                condition=Q(appointment_date__range=(FIRST_DAY, LAST_DAY)), name="appointment_day_possible"
            ),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="appointment_status_known"),
            models.CheckConstraint(
                condition=Q(is_walk_in=False) | Q(customer=None), name="appointment_walk_in_has_no_customer"
            ),
            ExclusionConstraint(
                name="appointment_no_double_booking",
                expressions=[
                    ("tenant", RangeOperators.EQUAL),
                    ("staff", RangeOperators.EQUAL),
                    (TIME_RANGE, RangeOperators.OVERLAPS),
                ],
                condition=Q(status__in=BLOCKING_STATUSES),
                violation_error_message="This member of staff has another appointment at that time.",
            ),
        ]
        indexes = [
            # A super_admin looks for an appointment by its id alone, in all businesses.
            models.Index(fields=["id"], name="appointment_by_id"),
            models.Index(
                fields=["tenant", "customer", "-appointment_date", "-start_time", "-id"], name="appointment_history"
            ),
            # For the free times of a member of staff. The exclusion constraint has an index too, but PostgreSQL does not
            # use it under row-level security.
            models.Index(
                fields=["tenant", "staff", "appointment_date"],
                include=["start_time", "end_time", "buffer_minutes"],
                condition=Q(status__in=BLOCKING_STATUSES),
                name="appointment_staff_day",
            ),
            # It includes the columns that are summed over a period.
            models.Index(
                fields=["tenant", "appointment_date"],
                include=["customer", "status", "total_price"],
                name="appointment_day",
            ),
            models.Index(fields=["tenant", "changed_at", "id"], name="appointment_changes"),
            # For the list that is filtered by one of these fields, whatever the days.
            *(
                models.Index(fields=["tenant", field, "appointment_date"], name=f"appointment_of_{field}")
                for field in ("staff", "outlet", "service", "status")
            ),
        ]

    def __str__(self) -> str:
        when = f"{format_day_and_weekday(self.appointment_date)} {format_clock(self.start_time)}"
        return f"{self.customer_name}, {when} with {self.staff}"

    @property
    def customer_name(self) -> str:
        """The customer's name; `Walk-in` or `Removed customer` where there is no customer."""
        nobody = "Walk-in" if self.is_walk_in else "Removed customer"
        return str(self.customer or nobody)

    @property
    def name_and_time(self) -> str:
        """The customer's name and the start, such as `Jane Doe, 14:00`: what tells the appointments of a day apart."""
        return f"{self.customer_name}, {format_clock(self.start_time)}"

    @property
    def local_start(self) -> dt.datetime:
        """The start, as a local time of the tenant: a naive datetime."""
        return dt.datetime.combine(self.appointment_date, self.start_time)

    @property
    def local_bounds(self) -> tuple[dt.datetime, dt.datetime]:
        """The start and the end, as local times of the tenant: naive datetimes."""
        begins, ends = self.local_start, dt.datetime.combine(self.appointment_date, self.end_time)
        return begins, ends + dt.timedelta(days=ends < begins)

    @property
    def occupied(self) -> tuple[dt.datetime, dt.datetime]:
        """The start, and the end of the buffer, as local times of the tenant. circe_occupied computes the same in SQL."""
        begins, ends = self.local_bounds
        return begins, ends + dt.timedelta(minutes=self.buffer_minutes)

    @property
    def instants(self) -> tuple[dt.datetime, dt.datetime]:
        """The start and the end, in UTC."""
        begins, ends = (to_instant(local, self.tenant.zone) for local in self.local_bounds)
        return begins, ends

    @property
    def has_begun(self) -> bool:
        """Whether it has started by now."""
        return self.instants[0] < timezone.now()

    @property
    def is_expected(self) -> bool:
        """Whether it blocks its time and has not started."""
        return self.status in BLOCKING_STATUSES and not self.has_begun

    def describe_booking(self) -> str:
        """Returns a sentence: `Ana Lee is booked on 25 January 2025 from 10:00 to 11:00, for Jane Doe (Haircut).`"""
        start, end = format_clock(self.start_time), format_clock(self.end_time)
        when = f"on {date_format(self.appointment_date)} from {start} to {end}"
        nobody = "a walk-in" if self.is_walk_in else "a customer removed since"
        return f"{self.staff} is booked {when}, for {self.customer or nobody} ({self.service})."

    @property
    def waits_since(self) -> dt.datetime | None:
        """When the customer arrived, by the clock of the business, if the appointment is of that day and still to begin."""
        if self.arrived_at is None or self.status not in OPEN_STATUSES:
            return None
        arrived = self.arrived_at.astimezone(local_zone()).replace(tzinfo=None)
        # An arrival before the appointment was moved to another day says nothing about that day.
        return arrived if arrived.date() == self.appointment_date else None

    def lateness(self, now: dt.datetime) -> dt.timedelta | None:
        """Returns how late the customer is at the local time `now`, None if nobody is late."""
        late = now - self.local_bounds[0]
        is_open = self.status in OPEN_STATUSES
        # A walk-in is there already.
        is_awaited = is_open and not (self.is_walk_in or self.waits_since)
        return late if is_awaited and late >= LATE_AFTER and now < self.local_bounds[1] + MAX_LATENESS else None

    def set_arrival(self, arrived: bool) -> bool:
        """Stores that the customer is there, or is not after all. Returns False, and stores nothing, if the appointment
        is no longer pending or confirmed.
        """
        waiting = Appointment.objects.filter(pk=self.pk, status__in=OPEN_STATUSES)
        now = timezone.now()
        return bool(waiting.update(arrived_at=now if arrived else None, updated_at=now))

    def find_conflicting_appointment(self) -> "Appointment | None":
        """Returns the first appointment that blocks a part of the time that this one would block, or None."""
        if self.status not in BLOCKING_STATUSES:
            return None
        others = Appointment.objects.filter(tenant=self.tenant_id, staff=self.staff_id, status__in=BLOCKING_STATUSES)
        return others.overlapping(self).with_related().order_by("appointment_date", "start_time").first()

    def find_attending_staff(self) -> set[str]:
        """Returns the ids of the members of staff who had a visit at the time of this appointment."""
        visits = Appointment.objects.visits().filter(tenant=self.tenant_id).overlapping(self).order_by()
        return {*visits.values_list("staff_id", flat=True)}

    @contextmanager
    def booking_transaction(self) -> Iterator[None]:
        """Opens a transaction in which only this thread books the member of staff. Raises DoubleBooking for an overlap."""
        try:
            with transaction.atomic():
                lock_bookings_of(self.tenant_id, [self.staff_id])
                yield
        except IntegrityError as error:
            if violated_constraint(error) != "appointment_no_double_booking":
                raise
            raise DoubleBooking(self.find_conflicting_appointment()) from error.__cause__

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Saves the appointment. Raises DoubleBooking if its time is blocked by another one.

        Concurrent bookings of a member of staff wait for each other. Without the lock, the exclusion constraint could end in
        a deadlock instead of an error.
        """
        with self.booking_transaction():
            self.store(*args, **kwargs)

    def store(self, *args: Any, **kwargs: Any) -> None:
        """Saves the appointment: a new one or a new time within `booking_transaction`, other values without it."""
        super().save(*args, **kwargs)

    def change(self, values: Mapping[str, Any]) -> None:
        """Stores new values of fields that do not concern the time."""
        for name, value in values.items():
            setattr(self, name, value)
        self.store(update_fields={*values})

    def store_status(self, values: Mapping[str, Any], *, seen: str) -> bool:
        """Stores a status and what goes with it, if the stored status is still `seen`. Returns whether it was stored.

        Raises DoubleBooking if the new status would block time that another appointment blocks.
        """
        # One UPDATE after the lock, as in `save`. With a row lock first, two transactions could wait for each other. They
        # could too with a second UPDATE of the row: it would check the foreign keys, which locks the customer, after the
        # first one has locked the customer's totals. Code that writes a customer locks the totals last.
        with self.booking_transaction():
            unchanged = Appointment.objects.filter(pk=self.pk, staff=self.staff_id, status=seen)
            return bool(unchanged.update(**values, updated_at=timezone.now()))


def lock_bookings_of(tenant_id: str | None, staff: Collection[str | None]) -> None:
    """Lets only this transaction book these members of staff until it ends. Code that also locks an appointment's row locks
    its staff first, so that two transactions can't wait for each other.
    """
    for key in sorted(f"{tenant_id}{pk}" for pk in {*staff} - {None}):
        lock_in_turn(AdvisoryLock.STAFF, key)
