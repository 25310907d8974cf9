"""When we meet."""

from typing import Any, Self

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import connection, models, transaction
from django.db.models import Count, F, Func, Q
from django.utils import timezone

from customers.models import Customer
from tenants.constraints import SameTenant, TenantForeignKey
from tenants.models import Outlet, Service, Staff, TenantModel, validate_amount
from tenants.parameters import zone
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
HELD = (Status.PENDING, Status.CONFIRMED, Status.IN_PROGRESS)


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


class AppointmentQuerySet(models.QuerySet):
    """Questions about appointments."""

    def visits(self) -> Self:
        return self.filter(status=Status.COMPLETED)

    def statistics(self) -> dict[str, int]:
        """How many of each kind: `{"total_appointments", "completed", "cancelled", "no_show", "upcoming"}`."""
        return self.order_by().aggregate(
            total_appointments=Count("pk"),
            completed=Count("pk", filter=Q(status=Status.COMPLETED)),
            cancelled=Count("pk", filter=Q(status=Status.CANCELLED)),
            no_show=Count("pk", filter=Q(status=Status.NO_SHOW)),
            upcoming=Count("pk", filter=is_upcoming()),
        )


def is_upcoming(path: str = "") -> Q:
    """The condition of being pending or confirmed and starting now or later, by the tenant's clock.

    `path` leads to the appointment, such as `appointments__`.
    """
    now = timezone.now().astimezone(zone())
    starts_later = Q(**{f"{path}appointment_date__gt": now.date()}) | Q(
        **{f"{path}appointment_date": now.date(), f"{path}start_time__gte": now.time()}
    )
    return Q(**{f"{path}status__in": (Status.PENDING, Status.CONFIRMED)}) & starts_later


class Appointment(TenantModel):
    """A customer's time with a member of staff. Dates and clock times are the tenant's; an end before the start is of the
    next day. `customer` is None once the person has been removed for good. Money is in the tenant's currency.
    """

    outlet = TenantForeignKey(Outlet, models.PROTECT, related_name="+")
    customer = TenantForeignKey(Customer, models.DO_NOTHING, null=True, related_name="appointments")
    staff = TenantForeignKey(Staff, models.PROTECT, related_name="+")
    service = TenantForeignKey(Service, models.PROTECT, related_name="+")
    appointment_date = models.DateField()
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
            *TenantModel.Meta.constraints,
            *(
                SameTenant(field=field, name=f"%(class)s_{field}")
                for field in ("outlet", "customer", "staff", "service")
            ),
            models.CheckConstraint(
                condition=~Q(start_time=F("end_time")),
                name="appointment_has_length",
                violation_error_message="An appointment can't end when it starts.",
            ),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="appointment_status_known"),
            ExclusionConstraint(
                name="appointment_no_double_booking",
                expressions=[
                    ("tenant", RangeOperators.EQUAL),
                    ("staff", RangeOperators.EQUAL),
                    (
                        Func(F("appointment_date"), F("start_time"), F("end_time"), function="circe_occupied"),
                        RangeOperators.OVERLAPS,
                    ),
                ],
                condition=Q(status__in=HELD),
                violation_error_message="This member of staff has another appointment at that time.",
            ),
        ]
        indexes = [
            models.Index(
                fields=["tenant", "customer", "-appointment_date", "-start_time", "-id"], name="appointment_history"
            ),
            models.Index(fields=["tenant", "appointment_date"], name="appointment_day"),
        ]

    def __str__(self) -> str:
        return f"{self.appointment_date} {self.start_time:%H:%M}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save. Bookings of one member of staff take turns, so that those that meet find out in order, without deadlock.

        Raises IntegrityError where the time is taken.
        """
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(3, hashtext(%s))", [f"{self.tenant_id}{self.staff_id}"])
            super().save(*args, **kwargs)
