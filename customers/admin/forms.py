"""The form of a customer in the back office."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminTextareaWidget
from django.contrib.postgres.forms import SimpleArrayField
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import slugify

from circe.backoffice.widgets import MultipleChoiceWidget
from customers.admin.actions import link_to_customer
from customers.admin.similar_names import find_similar_customers
from customers.consents.ledger import consents_of
from customers.contact_conflicts import CONTACT_LABELS
from customers.models import PREFERENCE_MODELS, Customer
from customers.models.consent import CONSENT_BOOLEANS
from customers.tags import MAX_TAG_LENGTH, MAX_TAGS, clean_tags
from tenants.admin.forms import TenantForm
from tenants.identity import is_valid_phone
from tenants.models import Service, Staff


class ListField(SimpleArrayField):
    """A list that is edited as text. Blanks around a separator are ignored."""

    def __init__(self, base_field: forms.Field, *, separator: str = ", ", **kwargs: Any) -> None:
        super().__init__(base_field, delimiter=separator.strip(" "), required=False, **kwargs)
        self.separator = separator

    def prepare_value(self, value: Any) -> Any:
        return self.separator.join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:
        if isinstance(value, str):
            value = [part for part in value.split(self.delimiter) if part.strip()]
        return super().to_python(value)


class PreferredField(forms.ModelMultipleChoiceField):
    """Chooses the entries of the preferred list `name` of a customer."""

    def __init__(self, name: str, queryset: QuerySet) -> None:
        model, column = PREFERENCE_MODELS[name]
        field = model._meta.get_field(column.removesuffix("_id"))
        label = f"Preferred {queryset.model._meta.verbose_name_plural}"
        super().__init__(queryset, required=False, label=label, widget=MultipleChoiceWidget(field, admin.site))


class CustomerForm(TenantForm):
    """The form of a customer. A duplicate e-mail or phone is an error of its field, with a link to the other customer.

    The form changes consents only if the ledger of consents has no new entry since the form was opened. Otherwise
    somebody could grant what the customer has withdrawn meanwhile. The ledger only grows, so the form compares the
    number of its entries: `consents_seen` is the number at the opening of the form, which the form sends along, and
    `consents_now` the present number.
    """

    # Since the tenant is left out, Django does not check the constraints on e-mail and phone. `validate_unique` checks
    # them, and names the other customer.
    unvalidated_fields = frozenset({"tenant"})

    tags = ListField(
        forms.CharField(max_length=MAX_TAG_LENGTH), max_length=MAX_TAGS, help_text="Separated by commas: vip, regular"
    )
    preferred_categories = ListField(
        forms.CharField(max_length=50),
        separator="\n",
        max_length=100,
        widget=AdminTextareaWidget(attrs={"rows": 3}),
        help_text="One in each line.",
    )
    preferred_services = PreferredField("preferred_services", Service.objects.all())
    preferred_staff_ids = PreferredField("preferred_staff_ids", Staff.objects.all())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            self.initial |= {name: read_preferred_ids(self.instance, name) for name in PREFERENCE_MODELS}
            self.consents_now = str(consents_of(self.instance).count())
            self.consents_seen = self.data.get("consents_seen", "") if self.is_bound else self.consents_now

    def clean(self) -> dict[str, Any]:
        refused = [name for name in CONSENT_BOOLEANS if name in self.changed_data] if self._are_consents_stale() else []
        error = self._describe_new_consents() if refused else ""
        for name in refused:
            self._show_as_stored(name)
        values = super().clean()
        if refused:
            self.consents_seen = self.consents_now
            self.add_error(refused[0], ValidationError(error, code="stale"))
        return values

    def _are_consents_stale(self) -> bool:
        return not self.instance._state.adding and self.consents_seen != self.consents_now

    def _describe_new_consents(self) -> str:
        """Returns the text of the error, with the entries that the ledger got since the form was opened."""
        number = int(self.consents_now) - (int(self.consents_seen) if self.consents_seen.isdecimal() else 0)
        entries = consents_of(self.instance).order_by("-created_at", "-id")[: max(number, 0)]
        news = dict.fromkeys(f"{entry} ({entry.get_source_display().lower()})" for entry in entries)
        return (
            f"Consents changed while the form was open: {'; '.join(news)}. The boxes show what holds now. If the customer "
            "wants it otherwise, change them and save again."
        )

    def _show_as_stored(self, name: str) -> None:
        """Sets a checkbox, and what the form remembers as its first state, to the stored value."""
        data: Any = self.data.copy()
        data.pop(name, None)
        if self.initial[name]:
            data[name] = "on"
        data[self[name].html_initial_name] = str(self.initial[name])
        self.data = data

    def clean_tags(self) -> list[str]:
        tags = clean_tags(self.cleaned_data["tags"])
        if self.instance._state.adding and len(tags) > MAX_TAGS - 2:
            raise ValidationError(
                f"A new customer has at most {MAX_TAGS - 2} tags: two are added that tell how they came."
            )
        return tags

    def validate_unique(self) -> None:
        """Adds the errors of duplicates, and asks about customers with nearly the same name.

        Django calls it last, when the instance has the values of the form.
        """
        super().validate_unique()
        if not self.errors.keys() & {"tenant", *CONTACT_LABELS} and set(CONTACT_LABELS) <= set(self.fields):
            for conflict in self.instance.conflicts():
                if not conflict["is_deleted"]:
                    other = Customer.objects.get(pk=conflict["customer_id"])
                    error = format_html("{} has this {}.", link_to_customer(other), CONTACT_LABELS[conflict["field"]])
                    self.add_error(conflict["field"], ValidationError(error, code="unique"))
        if not self.errors:
            self._ask_about_unknown_phone()
            if self.instance._state.adding:
                self._ask_about_similar_names()

    def _ask_about_unknown_phone(self) -> None:
        """Asks about a phone number that no numbering plan has. Mostly somebody has left out a digit."""
        phone = self.instance.phone
        if phone and "phone" in self.changed_data and not is_valid_phone(phone):
            sentence = (
                f"{phone} is no phone number that is known: a digit may be missing or wrong. Correct it, or save again to "
                "keep it."
            )
            self.ask("phone", f"phone-{phone}", sentence)

    def _ask_about_similar_names(self) -> None:
        if similar := find_similar_customers(self.instance.full_name):
            people = format_html_join(
                ", ", "{} ({})", ((link_to_customer(one), describe_person(one)) for one in similar)
            )
            question = format_html("Is it {}? If it is somebody else, save again.", people)
            self.ask("first_name", f"name-{slugify(self.instance.full_name, allow_unicode=True)}", question)


def describe_person(customer: Customer) -> SafeString:
    """Returns what tells a customer from others of the same name: the contacts and the birthday."""
    phone = customer.phone and format_html('<a href="tel:{0}">{0}</a>', customer.phone)
    birthday = customer.date_of_birth and f"born {date_format(customer.date_of_birth)}"
    return format_html_join(", ", "{}", ([fact] for fact in (phone, customer.email, birthday) if fact))


def read_preferred_ids(customer: Customer, name: str) -> list[str]:
    """Returns the ids in the preferred list `name`, in order of preference."""
    model, column = PREFERENCE_MODELS[name]
    return list(model.objects.filter(customer=customer).values_list(column, flat=True))
