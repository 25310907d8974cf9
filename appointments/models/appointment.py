"""When we meet."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import orjson
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import IntegrityError, connection, models, transaction
from django.db.models import Count, Expression, F, Func, Q, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from circe.api.time_zone import local_zone
from circe.db.advisory_locks import AdvisoryLock
from circe.db.audit_trigger import AuditTrigger
from circe.db.foreign_keys import SameTenant, TenantForeignKey
from circe.db.json_sql import AsText, JSONObject
from customers.models import Customer
from tenants.models import TENANT_CONSTRAINTS, Outlet, Service, Staff, TenantModel, validate_amount
from tenants.scope import TenantManager


class Status(models.TextChoices):
    """How far an appointment has come. A completed one is a visit."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show", "No-show"


# These hold the staff member's time.
BLOCKING_STATUSES = (Status.PENDING, Status.CONFIRMED, Status.IN_PROGRESS)


class PaymentStatus(models.TextChoices):
    """How far an appointment is paid."""

    UNPAID = "unpaid"
    PARTIALLY_PAID = "partially_paid"
    PAID = "paid"
    REFUNDED = "refunded"


class PaymentMethod(models.TextChoices):
    """How it was paid."""

    CASH = "cash"
    CARD = "card"
    TRANSFER = "transfer"
    WALLET = "wallet"


# The days on which there can be appointments. Past midnight, one of the last day still ends in a year that Python and
# PostgreSQL know, in every time zone.
FIRST_DAY, LAST_DAY = dt.date(1900, 1, 1), dt.date(2999, 12, 31)


def occupied(day: Any, start: Any, end: Any) -> Func:
    """The time that an appointment takes, as a range by the tenant's clock."""
    return Func(day, start, end, function="circe_occupied")


OCCUPIED = occupied(F("appointment_date"), F("start_time"), F("end_time"))


class DoubleBooking(IntegrityError):
    """A member of staff would be in two appointments at once. `other` is the one that holds the time, None where it has
    just let go of it.
    """

    def __init__(self, other: "Appointment | None") -> None:
        self.other = other
        super().__init__(other.booking if other else "That time was taken until a moment ago. Try again.")


class AppointmentQuerySet(models.QuerySet):
    """Questions about appointments."""

    def visits(self) -> Self:
        return self.filter(status=Status.COMPLETED)

    def in_full(self) -> Self:
        """With customer, service, staff and outlet."""
        return self.select_related("customer", "service", "staff", "outlet").defer("customer__search_text")

    def on(self, day: dt.date) -> Self:
        """Those of that day, and of the night before those that run past midnight into it."""
        night = Q(appointment_date=day - dt.timedelta(days=1), end_time__lt=F("start_time"), end_time__gt=dt.time())
        return self.filter(Q(appointment_date=day) | night)

    def holding(self, *, staff: str, day: dt.date, start: dt.time, end: dt.time) -> Self:
        """Those that hold some of that time of the member of staff, as the constraint on double booking understands it."""
        wanted = occupied(Value(day), Value(start), Value(end))
        meets = Func(
            OCCUPIED, wanted, template="%(expressions)s", arg_joiner=" && ", output_field=models.BooleanField()
        )
        return self.filter(meets, staff=staff, status__in=BLOCKING_STATUSES)

    def statistics(self) -> dict[str, int]:
        """How many of each kind: `{"total_appointments", "completed", "cancelled", "no_show", "upcoming"}`."""
        return self.order_by().aggregate(**status_counts(*local_now()))

    def as_statistics(self, today: Any, time: Any) -> Expression:
        """The same as JSON text, of the appointments of an outer query's customer, at that time."""
        figures = status_counts(today, time)
        return AsText(
            Coalesce(self._over_all(JSONObject(**figures)), Value(orjson.dumps(dict.fromkeys(figures, 0)).decode()))
        )

    def as_number(self) -> Expression:
        """How many of an outer query's customer."""
        return Coalesce(self._over_all(Count("pk")), 0)

    def _over_all(self, figure: Expression) -> Subquery:
        return Subquery(self.order_by().values("customer").annotate(figure=figure).values("figure"))


def local_now() -> tuple[dt.date, dt.time]:
    """The day and the time, by the tenant's clock."""
    now = timezone.now().astimezone(local_zone())
    return now.date(), now.time()


def status_counts(today: Any, time: Any) -> dict[str, Count]:
    """How to count the appointments of each kind at that time."""
    return {
        "total_appointments": Count("pk"),
        "completed": Count("pk", filter=Q(status=Status.COMPLETED)),
        "cancelled": Count("pk", filter=Q(status=Status.CANCELLED)),
        "no_show": Count("pk", filter=Q(status=Status.NO_SHOW)),
        "upcoming": Count("pk", filter=is_upcoming(today, time)),
    }


def is_upcoming(today: Any, time: Any) -> Q:
    """The condition of being pending or confirmed and starting then or later."""
    later = Q(appointment_date__gt=today) | Q(appointment_date=today, start_time__gte=time)
    return Q(status__in=(Status.PENDING, Status.CONFIRMED)) & later


class Appointment(TenantModel):
    """A customer's time with a member of staff. Dates and clock times are the tenant's; an end before the start is of the
    next day. `customer` is None once the person has been removed for good. Money is in the tenant's currency.
    """

    outlet = TenantForeignKey(Outlet, models.PROTECT, related_name="+")
    customer = TenantForeignKey(Customer, models.DO_NOTHING, null=True, related_name="appointments")
    staff = TenantForeignKey(Staff, models.PROTECT, related_name="+")
    service = TenantForeignKey(Service, models.PROTECT, related_name="+")
    appointment_date = models.DateField(validators=[MinValueValidator(FIRST_DAY), MaxValueValidator(LAST_DAY)])
    start_time = models.TimeField()
    end_time = models.TimeField()
    status = models.CharField(max_length=20, choices=Status, default=Status.PENDING)
    total_price = models.PositiveBigIntegerField(validators=[validate_amount])
    notes = models.CharField(max_length=2000, null=True, blank=True)
    payment_status = models.CharField(max_length=20, choices=PaymentStatus, default=PaymentStatus.UNPAID)
    payment_method = models.CharField(max_length=20, choices=PaymentMethod, null=True, blank=True)
    paid_amount = models.PositiveBigIntegerField(default=0, validators=[validate_amount])

    objects = TenantManager.from_queryset(AppointmentQuerySet)()

    class Meta(TenantModel.Meta):
        ordering = ["-appointment_date", "-start_time", "-id"]
        constraints = [
            AuditTrigger(name="%(class)s_audit", subject_column="customer_id", about_subject=["notes"]),
            *TENANT_CONSTRAINTS,
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
            ExclusionConstraint(
                name="appointment_no_double_booking",
                expressions=[
                    ("tenant", RangeOperators.EQUAL),
                    ("staff", RangeOperators.EQUAL),
                    (OCCUPIED, RangeOperators.OVERLAPS),
                ],
                condition=Q(status__in=BLOCKING_STATUSES),
                violation_error_message="This member of staff has another appointment at that time.",
            ),
        ]
        indexes = [
            models.Index(
                fields=["tenant", "customer", "-appointment_date", "-start_time", "-id"], name="appointment_history"
            ),
            # With what is added up over a period.
            models.Index(
                fields=["tenant", "appointment_date"],
                include=["customer", "status", "total_price"],
                name="appointment_day",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.appointment_date} {self.start_time:%H:%M}"

    @property
    def hours(self) -> tuple[dt.datetime, dt.datetime]:
        """When it begins and ends, by the tenant's clock."""
        begins, ends = (dt.datetime.combine(self.appointment_date, time) for time in (self.start_time, self.end_time))
        return begins, ends + dt.timedelta(days=ends < begins)

    @property
    def booking(self) -> str:
        """`Ana Lee is booked on 25 January 2025 from 10:00 to 11:00, for Jane Doe (Haircut).`"""
        when = f"on {self.appointment_date:%-d %B %Y} from {self.start_time:%H:%M} to {self.end_time:%H:%M}"
        return f"{self.staff} is booked {when}, for {self.customer or 'a customer removed since'} ({self.service})."

    def conflicting_appointment(self) -> "Appointment | None":
        """The first other appointment that holds time which this one would hold, None where there is none."""
        if self.status not in BLOCKING_STATUSES:
            return None
        others = Appointment.objects.filter(tenant=self.tenant_id).exclude(pk=self.pk).in_full()
        start, end = self.start_time, self.end_time
        holding = others.holding(staff=self.staff_id, day=self.appointment_date, start=start, end=end)
        return holding.order_by("appointment_date", "start_time").first()

    @contextmanager
    def lock_staff(self) -> Iterator[None]:
        try:
            with transaction.atomic():
                with connection.cursor() as cursor:
                    key = f"{self.tenant_id}{self.staff_id}"
                    cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [AdvisoryLock.STAFF, key])
                yield
        except IntegrityError as error:
            if error.__cause__.diag.constraint_name != "appointment_no_double_booking":
                raise
            raise DoubleBooking(self.conflicting_appointment()) from error.__cause__

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save. Bookings of one member of staff take turns, so that those that meet find out in order, without deadlock.

        Raises DoubleBooking where the time is taken.
        """
        with self.lock_staff():
            super().save(*args, **kwargs)

    def set_status(self, status: Status, *, seen: str) -> bool:
        """Set the status, if it still is the one that was `seen`. Says whether it was.

        Raises DoubleBooking where the time, to be held again, is taken.
        """
        self.status = status
        # One statement, and after the turn, as in `save`: two who do this and that at once can't wait for each other.
        with self.lock_staff():
            same = Appointment.objects.filter(pk=self.pk, staff=self.staff_id, status=seen)
            return bool(same.update(status=status, updated_at=timezone.now()))
