"""The form of an appointment in the back office."""

import datetime as dt
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.urls import reverse
from django.utils.html import format_html

from appointments.admin.refusals import OverrideChoice, as_button_value, explain_by_field, join_reasons, offer_overrides
from appointments.availability import Slot
from appointments.booking import BookingRefused, takes_time_again
from appointments.lengths import find_end, length_of
from appointments.models import FIRST_DAY, LAST_DAY, Appointment, Override, PaymentStatus
from appointments.models.transitions import describe_length
from circe.api.time_zone import local_zone
from circe.backoffice.regional import format_amount, format_clock
from customers.models import Customer
from tenants.admin.forms import TenantForm

HELP_TEXTS = {
    "appointment_date": f"Between {FIRST_DAY.year} and {LAST_DAY.year}.",
    "start_time": "By the clock of the business.",
    "end_time": "Left empty or as it is, it follows the start and the service. An end before the start is of the next day.",
    "total_price": "Left empty or as it is, it follows the service.",
    "status": "Pending, confirmed and in progress hold the time: nobody else can have it.",
}
# A booking that lasts longer than its service by more than this is probably a slip, such as an end before the start.
MAX_EXTRA_TIME = dt.timedelta(hours=4)
# If one of these fields is changed, the appointment is booked anew.
BOOKED_FIELDS = {"appointment_date", "start_time", "end_time", "staff", "outlet", "service"}
# By field: the condition on what a new booking may choose. A booking that exists keeps what it has. An inactive service can
# be chosen, and is refused by `book` unless the person lifts the rule or the start is past.
BOOKABLE = {
    # An inactive customer can be chosen here, and is refused with a reason in `clean_customer`.
    "customer": Q(is_deleted=False),
    "staff": Q(is_active=True),
    "outlet": Q(is_active=True),
}


class AppointmentForm(TenantForm):
    """The form of an appointment. Why it can't be booked is an error of the field that would have to be changed.

    The service gives the end and the price that are left empty. A booking that is moved keeps its length, and another
    service brings its own length and price, where the person changed only the start or the service.
    """

    # Django does not check the constraint on double booking if the day is left out. `book` checks it, with a better
    # reason.
    unvalidated_fields = frozenset({"appointment_date"})
    walk_in = forms.BooleanField(
        required=False, label="Walk-in without a name", help_text="Leave the customer empty: you can name them later."
    )

    # Why this form, sent a moment ago, was not booked.
    refusal: BookingRefused | ValidationError | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reason = ""
        # Sentences about values that the form set by itself. They are shown when the form has been saved.
        self.remarks: list[str] = []
        for name, is_bookable in BOOKABLE.items():
            if name in self.fields:
                field, current_id = self.fields[name], getattr(self.instance, f"{name}_id")
                field.queryset = field.queryset.filter(is_bookable | Q(pk=current_id))
                field.error_messages["invalid_choice"] = "This is not on offer: choose another one."
        if "customer" in self.fields:
            is_new, has_customer = self.instance._state.adding, self.instance.customer_id is not None
            if not is_new:
                del self.fields["walk_in"]
                # The appointment of a customer who was purged is given to nobody, as in the API.
                self.fields["customer"].disabled = not (has_customer or self.instance.is_walk_in)
            self.fields["customer"].required = has_customer or (is_new and "walk_in" not in self.data)
            self.fields["end_time"].required = self.fields["total_price"].required = False

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if values.get("service") and values.get("start_time"):
            self._set_end(values)
        if values.get("service"):
            self._set_price(values)
        return values

    def _set_end(self, values: dict[str, Any]) -> None:
        """Sets the end that the person left empty, or did not change with the start or the service."""
        if {"end_time", "appointment_date"} & {*self.errors}:
            return
        service, is_new = values["service"], self.instance._state.adding
        is_moved = self._is_changed("start_time") or self._is_changed("appointment_date")
        if values.get("end_time") is None or (self._is_changed("service") and not self._is_changed("end_time")):
            length, reason = service.duration, f"{service} takes that long"
        elif is_moved and not self._is_changed("end_time"):
            length, reason = length_of(self.instance), "it is as long as before"
        else:
            return
        start = dt.datetime.combine(values["appointment_date"], values["start_time"])
        try:
            values["end_time"] = find_end(start, length, local_zone())
        except ValidationError as error:
            self.add_error(None, error)
            return
        if not is_new and values["end_time"] != self.instance.end_time:
            self.remarks.append(f"It ends at {format_clock(values['end_time'])} now: {reason}.")

    def _set_price(self, values: dict[str, Any]) -> None:
        """Sets the price of the service if the field is empty, or if the person changed the service but not the price.

        Asks for confirmation if the old price was not the old service's, or if something has been paid.
        """
        service, is_new = values["service"], self.instance._state.adding
        if "total_price" in self.errors:
            return
        if values.get("total_price") is None:
            values["total_price"] = service.price
        elif self._is_changed("service") and not self._is_changed("total_price"):
            question = f"price-{service.pk}"
            if question in self.confirmed:
                return
            old_price, values["total_price"] = self.instance.total_price, service.price
            if service.price == old_price:
                return
            old, new = (format_amount(price, self.instance.tenant.currency) for price in (old_price, service.price))
            if old_price != self.instance.service.price or self.instance.payment_status != PaymentStatus.UNPAID:
                data = self.data.copy()
                data["total_price"] = service.price
                if values.get("end_time"):
                    data["end_time"] = f"{values['end_time']:%H:%M}"
                self.data = data
                sentence = f"The price was {old}, and {service} costs {new}, which is entered now."
                self.ask("total_price", question, f"{sentence} Save again, or write the price that holds.")
            elif not is_new:
                self.remarks.append(f"It costs {new} now, the price of {service}.")

    def _is_changed(self, name: str) -> bool:
        """Returns whether the person changed a value of an appointment that exists."""
        return not self.instance._state.adding and name in self.changed_data

    def clean_customer(self) -> Customer | None:
        customer = self.cleaned_data["customer"]
        if customer and not customer.is_active and customer.pk != self.instance.customer_id:
            url = reverse("admin:customers_customer_change", args=[customer.pk])
            sentence = (
                '<a href="{}" target="_blank">{}</a> is inactive and can’t be booked. Choose somebody else, or let a '
                "manager set them active."
            )
            raise ValidationError(format_html(sentence, url, customer), code="inactive")
        return customer

    def clean_appointment_date(self) -> dt.date:
        day = self.cleaned_data["appointment_date"]
        # The validation of the model leaves the day out (`unvalidated_fields`), so the validators of the day run here.
        Appointment._meta.get_field("appointment_date").run_validators(day)
        return day

    def validate_unique(self) -> None:
        """Asks about an unlikely length, and adds why the form was not booked a moment ago. Django calls it last, when the
        instance has the values of the form.
        """
        super().validate_unique()
        self.instance.is_walk_in = self.instance.customer_id is None and (
            self.instance.is_walk_in or self.cleaned_data.get("walk_in", False)
        )
        if self.errors:
            return
        if isinstance(self.refusal, BookingRefused):
            reasons = explain_by_field(self.refusal, self.instance)
            self.reason = join_reasons(reasons)
            for (field, sentence), code in zip(reasons, self.refusal.codes, strict=True):
                self.add_error(field, ValidationError(sentence, code=code))
        elif self.refusal:
            self.add_error(None, self.refusal)
        else:
            self._ask_about_length()

    @property
    def is_to_be_booked(self) -> bool:
        """Whether the form takes another time, staff, outlet or service than before, or takes the same time again."""
        is_held_again = takes_time_again(self.instance.status, self.initial.get("status"))
        return is_held_again or bool(BOOKED_FIELDS & {*self.changed_data})

    @property
    def overrides(self) -> list[Override]:
        """The rules that the person lifted for this booking."""
        chosen = self.data.getlist("override") if self.is_bound else []
        return [Override(value) for value in Override.values if value in chosen]

    @property
    def alternatives(self) -> list[tuple[str, Slot]]:
        """The slots that can be booked instead, each with the value of its button."""
        slots = self.refusal.alternatives if self.reason else []
        return [(as_button_value(slot), slot) for slot in slots]

    @property
    def is_nothing_free(self) -> bool:
        """Whether there is no other time for the booking that was refused."""
        if not self.reason or self.refusal.alternatives:
            return False
        return self.instance.service.is_active and "customer_inactive" not in self.refusal.codes

    @property
    def override_choices(self) -> list[OverrideChoice]:
        """The checkboxes of the rules that can be lifted."""
        return offer_overrides(self.refusal if self.reason else None, self.instance, self.overrides)

    def _ask_about_length(self) -> None:
        if not (self.instance._state.adding or {"service", "start_time", "end_time"} & {*self.changed_data}):
            return
        (begins, ends), service = self.instance.local_bounds, self.instance.service
        usual = service.duration
        if ends - begins > usual + MAX_EXTRA_TIME:
            day = " on the next day" if ends.date() > begins.date() else ""
            sentence = (
                f"From {format_clock(begins)} to {format_clock(ends)}{day} is {describe_length(ends - begins)}, and "
                f"{service} takes {describe_length(usual)}. Save again if that is meant."
            )
            self.ask("end_time", f"length-{(ends - begins) // dt.timedelta(minutes=1)}", sentence)
