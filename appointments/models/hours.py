"""When staff works, and when a member of staff or an outlet is away."""

import datetime as dt

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import F, Q

from circe.api.local_time import to_instant
from circe.api.time_zone import local_zone
from circe.db.fields import LocalDateTimeField
from circe.db.foreign_keys import SameTenant, TenantForeignKey
from tenants.models import Outlet, Staff, TenantModel


class WorkingHours(TenantModel):
    """A time of the week in which a member of staff works at an outlet, in the tenant's local time.

    `weekday` is 0 for Monday. An end before the start is on the next day. `valid_from` and `valid_to` are the first and the
    last day on which it begins; None is no limit. The working hours of a person never overlap.
    """

    staff = TenantForeignKey(Staff, models.CASCADE, related_name="+")
    outlet = TenantForeignKey(Outlet, models.CASCADE, db_index=True, related_name="+")
    weekday = models.PositiveSmallIntegerField(validators=[MaxValueValidator(6)])
    start_time = models.TimeField()
    end_time = models.TimeField()
    valid_from = models.DateField(null=True, blank=True)
    valid_to = models.DateField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        verbose_name = verbose_name_plural = "working hours"
        ordering = ["weekday", "start_time", "valid_from", "id"]
        constraints = [
            *TenantModel.Meta.constraints,
            SameTenant(field="staff", name="%(class)s_staff"),
            SameTenant(field="outlet", name="%(class)s_outlet"),
            models.CheckConstraint(
                condition=~Q(start_time=F("end_time")),
                name="workinghours_have_length",
                violation_error_message="Working hours can't end when they start.",
            ),
            models.CheckConstraint(condition=Q(weekday__range=(0, 6)), name="workinghours_weekday_known"),
            models.CheckConstraint(
                condition=Q(valid_from=None) | Q(valid_to=None) | Q(valid_from__lte=F("valid_to")),
                name="workinghours_validity_in_order",
                violation_error_message="valid_from is after valid_to.",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "staff"], name="workinghours_of_staff")]

    def __str__(self) -> str:
        return f"{self.start_time:%H:%M}–{self.end_time:%H:%M}"


class TimeOff(TenantModel):
    """A time in which a member of staff is away or an outlet is closed: one of `staff` and `outlet` is set.

    It is stored in local time, so that a closing day stays the same day if the business changes its time zone.
    """

    staff = TenantForeignKey(Staff, models.CASCADE, null=True, blank=True, db_index=True, related_name="+")
    outlet = TenantForeignKey(Outlet, models.CASCADE, null=True, blank=True, db_index=True, related_name="+")
    local_start = LocalDateTimeField()
    local_end = LocalDateTimeField()
    reason = models.CharField(max_length=200, blank=True)

    class Meta(TenantModel.Meta):
        verbose_name = verbose_name_plural = "time off"
        ordering = ["local_start", "id"]
        constraints = [
            *TenantModel.Meta.constraints,
            SameTenant(field="staff", name="%(class)s_staff"),
            SameTenant(field="outlet", name="%(class)s_outlet"),
            models.CheckConstraint(
                condition=Q(staff=None, outlet__isnull=False) | Q(staff__isnull=False, outlet=None),
                name="timeoff_of_staff_or_outlet",
                violation_error_message="Time off is of one member of staff or of one outlet.",
            ),
            models.CheckConstraint(
                condition=Q(local_start__lt=F("local_end")),
                name="timeoff_has_length",
                violation_error_message="Time off ends after it starts.",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "local_end"], name="timeoff_end")]

    def __str__(self) -> str:
        return f"{self.staff or self.outlet}, {self.local_start:%Y-%m-%d %H:%M} to {self.local_end:%Y-%m-%d %H:%M}"

    @property
    def starts_at(self) -> dt.datetime:
        return to_instant(self.local_start, local_zone())

    @property
    def ends_at(self) -> dt.datetime:
        return to_instant(self.local_end, local_zone())
