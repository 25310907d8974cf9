"""The form of a person's week: rows of working hours, by weekday. It works without JavaScript."""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Any

from django import forms
from django.core.exceptions import BadRequest
from django.http import QueryDict

from appointments.models import Weekday, WorkingHours, find_overlaps
from appointments.models.hours import MAX_ENTRIES_PER_PERSON
from circe.backoffice.fields import ClockField, DayField
from tenants.models import Outlet, Staff

# Rows to fill in, on a day with and on a day without working hours.
SPARE_ROWS, SPARE_ROWS_OF_EMPTY_DAY = 1, 2
# settings.DATA_UPLOAD_MAX_NUMBER_FIELDS has room for that many.
MAX_ROWS = MAX_ENTRIES_PER_PERSON + len(Weekday) * SPARE_ROWS_OF_EMPTY_DAY + 1
ROW_FIELDS = ("weekday", "outlet", "start_time", "end_time", "valid_from", "valid_to")


class RowForm(forms.Form):
    """A row of the page. It is stored only if it has a clock time and is not to be removed."""

    weekday = forms.TypedChoiceField(choices=Weekday.choices, coerce=int, widget=forms.HiddenInput)
    outlet = forms.ChoiceField(required=False)
    start_time = ClockField(required=False, label="From")
    end_time = ClockField(required=False, label="To")
    valid_from = DayField(required=False, label="First day")
    valid_to = DayField(required=False, label="Last day")
    remove = forms.BooleanField(required=False, label="Remove")

    def __init__(self, *args: Any, outlets: Mapping[str, Outlet], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.outlets = outlets
        self.fields["outlet"].choices = [("", "Choose"), *((pk, str(outlet)) for pk, outlet in outlets.items())]

    @property
    def is_filled(self) -> bool:
        """Whether the row has a clock time and is not to be removed."""
        return not (self.is_empty or self["remove"].value())

    @property
    def is_empty(self) -> bool:
        """Whether the row has no clock time: it is a row to fill in."""
        return not any(self[name].value() for name in ("start_time", "end_time"))

    @property
    def main_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in ("outlet", "start_time", "end_time")]

    @property
    def validity_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in ("valid_from", "valid_to")]

    @property
    def has_validity(self) -> bool:
        """Whether the page shows the first and the last day unfolded: one of them has a value or an error."""
        return any(field.value() or field.errors for field in self.validity_fields)

    def has_changed(self) -> bool:
        # Django validates a row only if it has changed.
        return self.is_filled

    def clean(self) -> dict[str, Any]:
        """Asks for what is missing. Refuses a row without a length, and a validity that ends before it begins."""
        values = super().clean() or self.cleaned_data
        required = {"outlet": "Choose an outlet.", "start_time": "Write a time.", "end_time": "Write a time."}
        for name, sentence in required.items():
            if name not in self.errors and values.get(name) in (None, ""):
                self.add_error(name, sentence)
        start, first, last = (values.get(name) for name in ("start_time", "valid_from", "valid_to"))
        if start is not None and start == values.get("end_time"):
            self.add_error("end_time", "It ends when it starts. An end before the start is on the next day.")
        if first and last and first > last:
            self.add_error("valid_to", "The last day is before the first.")
        return values

    def as_working_hours(self, staff: Staff) -> WorkingHours:
        """Returns the working hours that a valid row means."""
        values = {name: self.cleaned_data[name] for name in ROW_FIELDS}
        outlet = self.outlets[values.pop("outlet")]
        return WorkingHours(**values, tenant_id=staff.tenant_id, staff=staff, outlet=outlet)


class BaseWeekFormSet(forms.BaseFormSet):
    """The rows of the page. If they are valid, `hours` are the working hours that they mean."""

    hours: list[WorkingHours]

    def __init__(self, *args: Any, staff: Staff, **kwargs: Any) -> None:
        super().__init__(*args, prefix="row", **kwargs)
        self.staff = staff

    def clean(self) -> None:
        """Refuses rows that overlap: each has an error that names the other. Raises BadRequest for an unknown weekday."""
        if {str(form["weekday"].value()) for form in self.forms} - {str(day.value) for day in Weekday}:
            raise BadRequest("There is no such weekday.")
        if any(self.errors):
            return
        rows = [form for form in self.forms if form.is_filled]
        self.hours = [form.as_working_hours(self.staff) for form in rows]
        if len(rows) > MAX_ENTRIES_PER_PERSON:
            raise forms.ValidationError(f"A person has at most {MAX_ENTRIES_PER_PERSON} working hours.")
        for index, other in find_overlaps(self.hours).items():
            rows[index].add_error(None, f"It overlaps with {self.hours[other]} at {self.hours[other].outlet}.")

    @property
    def days(self) -> Iterator[tuple[Weekday, list[RowForm]]]:
        """The rows of each weekday."""
        for day in Weekday:
            yield day, [form for form in self.forms if str(form["weekday"].value()) == str(day.value)]

    @property
    def has_errors(self) -> bool:
        return self.is_bound and not self.is_valid()


WeekFormSet: Any = forms.formset_factory(
    RowForm, formset=BaseWeekFormSet, extra=0, max_num=MAX_ROWS, absolute_max=MAX_ROWS
)


def initial_rows(hours: Iterable[WorkingHours], *, outlets: Mapping[str, Outlet]) -> list[dict[str, Any]]:
    """Returns the initial values of the rows for these working hours, and of rows to fill in on each day."""
    by_day: dict[int, list[dict[str, Any]]] = {day.value: [] for day in Weekday}
    for row in hours:
        by_day[row.weekday].append({name: getattr(row, name) for name in ROW_FIELDS} | {"outlet": row.outlet_id})
    for day, rows in by_day.items():
        rows += [spare_row(day, outlets=outlets)] * (SPARE_ROWS if rows else SPARE_ROWS_OF_EMPTY_DAY)
    return [row for rows in by_day.values() for row in rows]


def spare_row(day: int, *, outlets: Mapping[str, Outlet]) -> dict[str, Any]:
    """Returns the initial values of a row to fill in. Where there is one outlet, it is chosen already."""
    return {"weekday": day, "outlet": next(iter(outlets)) if len(outlets) == 1 else ""}


def sent_rows(data: QueryDict, *, more_on: str, outlets: Mapping[str, Outlet]) -> list[dict[str, Any]]:
    """Returns the rows that the page sent, as they were typed, with one more to fill in on the weekday `more_on`."""
    days = {str(day.value): day.value for day in Weekday}
    number = data.get("row-TOTAL_FORMS", "")
    if more_on not in days or not (number.isdecimal() and int(number) < MAX_ROWS):
        raise BadRequest("Add a row on a day of the week.")
    sent = [
        {name: data.get(f"row-{index}-{name}", "") for name in (*ROW_FIELDS, "remove")} for index in range(int(number))
    ]
    return [*sent, spare_row(days[more_on], outlets=outlets)]


def version_of(hours: Iterable[WorkingHours]) -> str:
    """Returns a text that changes with the working hours."""
    values = sorted(str(row.values) for row in hours)
    return blake2b("\n".join(values).encode(), digest_size=16).hexdigest()
