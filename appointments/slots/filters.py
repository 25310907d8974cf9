"""The query parameters of availability."""

import datetime as dt
import re
from typing import Any

from django.core.exceptions import ValidationError

from appointments.catalogue.queries import with_staff_ids
from appointments.lengths import length_of
from appointments.models import Appointment
from circe.api.parameters import DayOrInstantFilter, ExistingIdFilter, StrictFilter, StrictFilterSet, to_local_day
from circe.db.ids import ID_PATTERN, IdField, is_id
from circe.db.prepared import PreparedQuery
from tenants.models import Outlet, Service, StaffName, Tenant
from tenants.scope import narrow_from_all_tenants

MAX_DAYS = 92
MAX_SLOTS = 1000
_match_number = re.compile(r"[0-9]{1,4}\Z").match

SERVICE_COLUMNS, TENANT_COLUMNS = (
    [field.attname for field in model._meta.concrete_fields] for model in (Service, Tenant)
)
SERVICE_BY_ID = PreparedQuery(
    "service_by_id",
    lambda service: (
        with_staff_ids(Service.objects.filter(pk=service))
        .order_by()
        .values_list("staff_ids", *SERVICE_COLUMNS, *(f"tenant__{name}" for name in TENANT_COLUMNS))
    ),
    service=IdField(),
)


def read_service_and_narrow_scope(value: str) -> Service:
    """Returns the service with this id and narrows the scope to its tenant. Raises ValidationError if there is none.

    It has its tenant and its `staff_ids`.
    """
    rows = SERVICE_BY_ID.rows(service=value) if is_id(value) else []
    if not rows:
        raise ValidationError("There is no service with this id.", code="absent")
    [(staff_ids, *columns)] = rows
    service = Service.from_db(None, SERVICE_COLUMNS, columns[: len(SERVICE_COLUMNS)])
    service.tenant = Tenant.from_db(None, TENANT_COLUMNS, columns[len(SERVICE_COLUMNS) :])
    service.staff_ids = staff_ids
    narrow_from_all_tenants(service.tenant)
    return service


def to_appointment(value: str) -> Appointment:
    """Returns the appointment with this id. Raises ValidationError if there is none."""
    appointment = (
        Appointment.objects.select_related("tenant", "service").filter(pk=value).first() if is_id(value) else None
    )
    if appointment is None:
        raise ValidationError("There is no appointment with this id.", code="absent")
    return appointment


def to_limit(value: str) -> int:
    """Returns a number of slots. Raises ValidationError for anything but a whole number from 1 to MAX_SLOTS."""
    limit = int(value) if _match_number(value) else 0
    if not 1 <= limit <= MAX_SLOTS:
        raise ValidationError(f"Write a whole number from 1 to {MAX_SLOTS}, or leave it out for all.", code="invalid")
    return limit


class AvailabilityFilter(StrictFilterSet):
    """The query parameters of availability. It filters no rows: `service` and `question` have the parsed values.

    `service_id` is read first. For a super_admin it narrows the scope to the service's tenant, in which the other ids are
    looked up.
    """

    ranges = (("from_date", "to_date"),)

    service_id = StrictFilter(
        required=True,
        convert=read_service_and_narrow_scope,
        schema={"type": "string", "pattern": ID_PATTERN},
        help_text="The service that is to be booked. An inactive one has no slots.",
    )
    from_date = DayOrInstantFilter(required=True, help_text="The first day, in the tenant's time zone.")
    to_date = DayOrInstantFilter(
        required=True,
        help_text=f"The last day, in the tenant's time zone: at most {MAX_DAYS} days, the first one included.",
    )
    outlet_id = ExistingIdFilter(queryset=Outlet.objects.all(), help_text="Only at this outlet.")
    staff_id = ExistingIdFilter(queryset=StaffName.objects.all(), help_text="Only with this member of staff.")
    appointment_id = StrictFilter(
        convert=to_appointment,
        schema={"type": "string", "pattern": ID_PATTERN},
        help_text=(
            "An appointment that is to be moved: its own time counts as free. If it is of this service, the slots have its "
            "length."
        ),
    )
    limit = StrictFilter(
        convert=to_limit,
        schema={"type": "integer", "minimum": 1, "maximum": MAX_SLOTS},
        help_text="Only so many slots, the first ones. Absent: all.",
    )

    class Meta:
        model = Appointment
        fields: list[str] = []

    def is_valid(self) -> bool:
        if super().is_valid() and (self.days[1] - self.days[0]).days >= MAX_DAYS:
            self.form.add_error("to_date", ValidationError(f"Ask for at most {MAX_DAYS} days.", code="max_days"))
        return self.form.is_valid()

    @property
    def days(self) -> tuple[dt.date, dt.date]:
        """The first and the last day. Call `is_valid()` first."""
        return to_local_day(self.form.cleaned_data["from_date"]), to_local_day(self.form.cleaned_data["to_date"])

    @property
    def service(self) -> Service:
        """The service. Call `is_valid()` first."""
        return self.form.cleaned_data["service_id"]

    @property
    def question(self) -> dict[str, Any]:
        """The arguments of `find_days` after the service and `convert`. Call `is_valid()` first."""
        chosen, (first, last) = self.form.cleaned_data, self.days
        appointment = chosen["appointment_id"]
        is_same_service = appointment and appointment.service_id == chosen["service_id"].pk
        return {
            "first": dt.datetime.combine(first, dt.time()),
            "last": dt.datetime.combine(last, dt.time.max),
            "outlet": chosen["outlet_id"],
            "staff": chosen["staff_id"],
            "freed": appointment and appointment.pk,
            "length": length_of(appointment) if is_same_service else None,
            "limit": chosen["limit"],
        }
