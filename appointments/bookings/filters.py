"""The filters of the list of appointments."""

from typing import Any

from django.core.exceptions import ValidationError

from appointments.bookings.appointment_list import AppointmentsOfDays, FilteredAppointments, appointment_changes
from appointments.bookings.references import read_references
from appointments.filters import AppointmentFilter
from appointments.models import AppointmentQuerySet
from circe.api.changes import ChangesFilter
from circe.api.operations import ID_SCHEMA
from circe.api.parameters import StrictFilter, to_local_day
from circe.db.ids import is_id
from tenants.accounts.permissions import ADMINS

ID_PARAMETERS = ("customer_id", "staff_id", "outlet_id", "service_id")
DAY_PARAMETERS = ("from_date", "to_date")


def to_id(text: str) -> str:
    """Returns the id. Raises ValidationError for a text of another form."""
    if not is_id(text):
        raise ValidationError("An id has 24 lower-case hex digits.", code="invalid")
    return text


class AppointmentListFilter(ChangesFilter, AppointmentFilter):
    """The query parameters that filter the list of appointments."""

    list_name = "appointments"

    customer_id = StrictFilter(convert=to_id, schema=ID_SCHEMA, help_text="Appointments of this customer.")
    staff_id = StrictFilter(convert=to_id, schema=ID_SCHEMA, help_text="Appointments with this member of staff.")
    outlet_id = StrictFilter(convert=to_id, schema=ID_SCHEMA, help_text="Appointments at this outlet.")
    service_id = StrictFilter(convert=to_id, schema=ID_SCHEMA, help_text="Appointments for this service.")

    def is_valid(self) -> bool:
        ids = {name: self.form.cleaned_data.get(name) for name in ID_PARAMETERS} if super().is_valid() else {}
        if any(ids.values()):
            try:
                read_references(ids)
            except ValidationError as error:
                self.form.add_error(None, error)
        return super().is_valid()

    def filter_queryset(self, queryset: AppointmentQuerySet) -> Any:
        """Returns the PagedQuery of the list. A list that is filtered by days alone need not count its appointments."""
        if self.cursor:
            return appointment_changes(self.cursor, with_deleted=self.request.user.role in ADMINS)
        given = {name: value for name, value in self.form.cleaned_data.items() if value is not None}
        if given.keys() <= {*DAY_PARAMETERS}:
            return AppointmentsOfDays(
                *((name in given and to_local_day(given[name])) or None for name in DAY_PARAMETERS)
            )
        return FilteredAppointments(super().filter_queryset(queryset))
