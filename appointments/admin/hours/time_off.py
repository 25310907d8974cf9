"""The back office pages of time off, of people and of outlets."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.validators import MaxValueValidator, MinValueValidator
from django.http import HttpRequest

from appointments.admin.hand_on import describe_bookings_in_time_off
from appointments.models import FIRST_DAY, LAST_DAY, TimeOff
from appointments.models.hours import TimeOffQuerySet
from circe.api.time_zone import local_today
from circe.backoffice.fields import ClockField, DayField
from tenants.accounts.permissions import MANAGERS, STAFF
from tenants.admin.base import TenantAdmin
from tenants.admin.forms import TenantForm

_DAY_RANGE = [MinValueValidator(FIRST_DAY), MaxValueValidator(LAST_DAY)]
# The fields that say when it is, with the names of the properties of TimeOff.
TIME_FIELDS = ("first_day", "start_time", "last_day", "end_time")


class TimeOffForm(TenantForm):
    """The form of a time off. Whole days need no clock times, and a single day needs no last day."""

    first_day = DayField(validators=_DAY_RANGE)
    start_time = ClockField(required=False, label="From", help_text="Empty: from the beginning of the first day.")
    last_day = DayField(required=False, validators=_DAY_RANGE, help_text="Empty: the first day is the last one too.")
    end_time = ClockField(required=False, label="Until", help_text="Empty: until the end of the last day.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            self.initial |= {name: getattr(self.instance, name) for name in TIME_FIELDS}
            # So that a single day is moved by its first day alone.
            if self.instance.last_day == self.instance.first_day:
                self.initial["last_day"] = None

    def clean(self) -> dict[str, Any]:
        """Sets the time of the row. Refuses one that ends before it starts."""
        values = super().clean()
        if not self.errors.keys() & {*TIME_FIELDS}:
            self.instance.set_time(**{name: values.get(name) for name in TIME_FIELDS})
            if self.instance.local_end <= self.instance.local_start:
                field = "last_day" if values["last_day"] < values["first_day"] else "end_time"
                self.add_error(field, "It ends before it starts.")
        return values


class WhenFilter(admin.SimpleListFilter):
    """Filters time off by whether it is over, in the tenant's time zone."""

    title = "when"
    parameter_name = "when"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("past", "Before today"), ("all", "Any day")]

    def choices(self, changelist: Any) -> list[dict[str, Any]]:
        default, *others = super().choices(changelist)
        return [default | {"display": "Today and later"}, *others]

    def queryset(self, request: HttpRequest, found: TimeOffQuerySet) -> TimeOffQuerySet:
        if self.value() == "all":
            return found
        current = found.overlapping_days(first=local_today())
        return found.exclude(pk__in=current.values("pk")) if self.value() == "past" else current


@admin.register(TimeOff)
class TimeOffAdmin(TenantAdmin):
    """The pages of time off. Managers enter it for people and outlets, all others for themselves."""

    form = TimeOffForm
    roles = {"view": STAFF, "add": STAFF, "change": MANAGERS, "delete": MANAGERS}
    list_display = ["whose", "time", "reason"]
    list_filter = [WhenFilter, "staff", "outlet"]
    list_select_related = ["staff", "outlet"]
    ordering = ["local_start", "id"]
    search_fields = ["staff__first_name", "staff__last_name", "outlet__name", "reason"]
    search_help_text = "Parts of a person's name, of an outlet's name or of the reason."
    autocomplete_fields = ["staff", "outlet"]
    # Only managers choose these: all others enter their own time off.
    whose_fields = ("staff", "outlet")
    fieldsets = [
        (
            "Whose",
            {"fields": whose_fields, "description": "Choose a person who is away, or an outlet that is closed."},
        ),
        ("When", {"fields": [("first_day", "start_time"), ("last_day", "end_time")]}),
        (None, {"fields": ["reason"]}),
    ]

    def get_fieldsets(self, request: HttpRequest, obj: TimeOff | None = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if obj and not self.has_change_permission(request, obj):
            return [(title, {"fields": ["time"]} if title == "When" else options) for title, options in fieldsets]
        if obj or request.user.role in MANAGERS:
            return fieldsets
        return [(title, options) for title, options in fieldsets if title != "Whose"]

    def get_readonly_fields(self, request: HttpRequest, obj: TimeOff | None = None) -> Any:
        is_fixed = obj and request.user.role not in MANAGERS
        return [*super().get_readonly_fields(request, obj), "time", *(self.whose_fields if is_fixed else ())]

    def has_change_permission(self, request: HttpRequest, obj: TimeOff | None = None) -> bool:
        return super().has_change_permission(request, obj) or _is_own(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: TimeOff | None = None) -> bool:
        return super().has_delete_permission(request, obj) or _is_own(request, obj)

    def save_model(self, request: HttpRequest, obj: TimeOff, form: forms.ModelForm, change: bool) -> None:
        if request.user.role not in MANAGERS:
            obj.staff_id = request.user.pk
        super().save_model(request, obj, form, change)
        may_hand_on = request.user.role in MANAGERS
        if form.has_changed() and (words := describe_bookings_in_time_off(obj, may_hand_on=may_hand_on)):
            messages.warning(request, words)

    @admin.display(description="who or what", ordering="staff__first_name")
    def whose(self, time_off: TimeOff) -> str:
        return str(time_off.staff) if time_off.staff else f"{time_off.outlet} is closed"

    @admin.display(description="time", ordering="local_start")
    def time(self, time_off: TimeOff) -> str:
        return time_off.describe_time()


def _is_own(request: HttpRequest, obj: TimeOff | None) -> bool:
    """Returns whether the row is the caller's own."""
    return obj is not None and TimeOff.may_write(request.user, staff_id=obj.staff_id, outlet_id=obj.outlet_id)
