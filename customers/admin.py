"""The admin of customers: reception's daily work."""

import datetime as dt
from collections.abc import Collection
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminTextareaWidget
from django.contrib.postgres.forms import SimpleArrayField
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from customers.models import MAX_TAGS, PREFERRED, Customer, CustomerQuerySet, DuplicateCustomer, unique
from customers.search import MAX_LENGTH
from customers.transfer.admin import TransferAdmin
from tenants.admin import TenantAdmin, TenantForm
from tenants.admin_site import Choices
from tenants.audit import AuditEvent
from tenants.models import Service, Staff
from tenants.permissions import ADMINS, MANAGERS, STAFF

NAMES = {"email": "e-mail address", "phone": "phone number"}


def link(customer: Customer) -> SafeString:
    """The customer's name, leading to their page."""
    return format_html('<a href="{}">{}</a>', reverse("admin:customers_customer_change", args=[customer.pk]), customer)


class ListField(SimpleArrayField):
    """A list as text. Blanks between separators don't matter."""

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
    """The preferred list `name` of a customer."""

    def __init__(self, name: str, queryset: QuerySet) -> None:
        model, column = PREFERRED[name]
        field = model._meta.get_field(column.removesuffix("_id"))
        label = f"Preferred {queryset.model._meta.verbose_name_plural}"
        super().__init__(queryset, required=False, label=label, widget=Choices(field, admin.site))


class CustomerForm(TenantForm):
    """A customer. A duplicate e-mail or phone is an error of the field, which leads to the other customer."""

    tags = ListField(forms.CharField(max_length=50), max_length=MAX_TAGS, help_text="Separated by commas: vip, regular")
    preferred_categories = ListField(
        forms.CharField(max_length=50),
        separator="\n",
        max_length=100,
        widget=AdminTextareaWidget(attrs={"rows": 3}),
        help_text="One a line.",
    )
    preferred_services = PreferredField("preferred_services", Service.objects.all())
    preferred_staff_ids = PreferredField("preferred_staff_ids", Staff.objects.all())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            self.initial |= {name: preferred(self.instance, name) for name in PREFERRED}

    def clean_tags(self) -> list[str]:
        tags = unique(tag.lower() for tag in self.cleaned_data["tags"])
        if self.instance._state.adding and len(tags) > MAX_TAGS - 2:
            raise ValidationError(f"A new customer has at most {MAX_TAGS - 2} tags: two tell how they came.")
        return tags

    def _get_validation_exclusions(self) -> set[str]:
        # With the tenant left out, the constraints on e-mail and phone are not asked: `_post_clean` tells more.
        return super()._get_validation_exclusions() | {"tenant"}

    def _post_clean(self) -> None:
        super()._post_clean()
        if not self.errors.keys() & {"tenant", *NAMES} and set(NAMES) <= set(self.fields):
            for conflict in self.instance.conflicts():
                if not conflict["is_deleted"]:
                    other = Customer.objects.get(pk=conflict["customer_id"])
                    error = format_html("{} has this {}.", link(other), NAMES[conflict["field"]])
                    self.add_error(conflict["field"], ValidationError(error, code="unique"))


def preferred(customer: Customer, name: str) -> list[str]:
    """The ids in the preferred list `name`, in order of preference."""
    model, column = PREFERRED[name]
    return list(model.objects.filter(customer=customer).values_list(column, flat=True))


class DeletedFilter(admin.SimpleListFilter):
    """Hides the soft-deleted unless asked."""

    title = "deletion"
    parameter_name = "deleted"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Deleted"), ("all", "Both")]

    def choices(self, changelist: Any) -> list[dict[str, Any]]:
        default, *others = super().choices(changelist)
        return [default | {"display": "Not deleted"}, *others]

    def queryset(self, request: HttpRequest, customers: CustomerQuerySet) -> CustomerQuerySet:
        if self.value() == "all":
            return customers
        return customers.deleted() if self.value() == "yes" else customers.undeleted()


class RegisteredFilter(admin.SimpleListFilter):
    """Registered customers or walk-ins."""

    title = "registration"
    parameter_name = "registered"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Registered"), ("no", "Walk-in")]

    def queryset(self, request: HttpRequest, customers: CustomerQuerySet) -> CustomerQuerySet:
        return customers.registered(self.value() == "yes") if self.value() else customers


class TagFilter(admin.SimpleListFilter):
    """Customers with a tag, of those in use lately: to ask all customers would cost too much."""

    title = "tag"
    parameter_name = "tag"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        lately = Customer.objects.undeleted().values_list("tags", flat=True)[:1000]
        return [(tag, tag) for tag in sorted({tag for tags in lately for tag in tags})]

    def queryset(self, request: HttpRequest, customers: CustomerQuerySet) -> CustomerQuerySet:
        return customers.tagged([self.value()]) if self.value() else customers


PERSON = ["first_name", "last_name", "gender", "date_of_birth", "email", "phone", "address", "tags", "is_active"]


@admin.register(Customer)
class CustomerAdmin(TransferAdmin, TenantAdmin):
    """Customers. Who may do what is as in the API: reception adds people and changes preferences, managers change the
    rest, administrators delete and restore, and they alone see the deleted.
    """

    form = CustomerForm
    roles = {
        "view": STAFF,
        "add": STAFF,
        "change": STAFF,
        "choose": STAFF,
        "delete": ADMINS,
        "restore": ADMINS,
        "import": ADMINS,
        "export": ADMINS,
    }
    on_offer = Q(is_deleted=False)
    lost_race = (DuplicateCustomer, IntegrityError)
    list_display = ["name", "email", "phone", "tag_list", "registered", "email_verified", "is_active", "created"]
    list_filter = [TagFilter, RegisteredFilter, "email_verified", "is_active", "created_at"]
    search_fields = ["search_text"]
    search_help_text = "Parts of names, e-mail or phone number, in any order."
    autocomplete_fields = ["preferred_outlet"]
    actions = ["soft_delete", "restore", "export_selected"]
    fieldsets = [
        ("Person", {"fields": ["first_name", "last_name", "gender", "date_of_birth"]}),
        ("Contact", {"fields": ["email", "phone", "address"]}),
        ("Tags", {"fields": ["tags"]}),
        (
            "Preferences",
            {
                "fields": [
                    "language",
                    "preferred_outlet",
                    *PREFERRED,
                    "preferred_categories",
                    "accessibility_needs",
                    "notes",
                ]
            },
        ),
        (
            "May be written to",
            {"fields": ["accepts_email", "accepts_sms", "accepts_push", "accepts_whatsapp", "marketing_consent"]},
        ),
    ]
    record = ["registered", "email_verified", "phone_verified", "loyalty_points", "created_at", "updated_at"]

    def get_queryset(self, request: HttpRequest) -> CustomerQuerySet:
        customers = super().get_queryset(request).defer("search_text")
        return customers if self.allows(request, "restore") else customers.undeleted()

    def get_search_results(
        self, request: HttpRequest, queryset: CustomerQuerySet, search_term: str
    ) -> tuple[CustomerQuerySet, bool]:
        """The API's own search."""
        if len(search_term) > MAX_LENGTH:
            messages.error(request, f"Search for at most {MAX_LENGTH} characters.")
            return queryset.none(), False
        return queryset.matching(search_term), False

    def get_list_filter(self, request: HttpRequest) -> Collection[Any]:
        deletion = [DeletedFilter] if self.allows(request, "restore") else []
        return [*deletion, *super().get_list_filter(request)]

    def get_fieldsets(self, request: HttpRequest, obj: Customer | None = None) -> Any:
        deletion = ["deleted_at", "deleted_by"] if obj and obj.is_deleted else []
        account = ["source", "is_active", *self.record, *deletion] if obj else ["source"]
        return [*super().get_fieldsets(request, obj), ("Account", {"fields": account})]

    def get_readonly_fields(self, request: HttpRequest, obj: Customer | None = None) -> Collection[str]:
        kept = () if obj is None else ("source",) if request.user.role in MANAGERS else ("source", *PERSON)
        return [*super().get_readonly_fields(request, obj), *self.record, "deleted_at", "deleted_by", *kept]

    def get_form(self, request: HttpRequest, obj: Customer | None = None, change: bool = False, **kwargs: Any) -> Any:
        areas = {name: AdminTextareaWidget(attrs={"rows": 3}) for name in ("address", "accessibility_needs", "notes")}
        return super().get_form(request, obj, change, widgets=areas, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Customer | None = None) -> bool:
        return not (obj and obj.is_deleted) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Customer | None = None) -> bool:
        return not (obj and obj.is_deleted) and super().has_delete_permission(request, obj)

    def events(self, row: Customer) -> QuerySet[AuditEvent]:
        return AuditEvent.objects.filter(customer_id=row.pk).select_related("actor")

    def has_restore_permission(self, request: HttpRequest) -> bool:
        return self.allows(request, "restore")

    def choice_label(self, row: Customer) -> str:
        return f"{row} · {row.phone or row.email}"

    def save_model(self, request: HttpRequest, obj: Customer, form: forms.ModelForm, change: bool) -> None:
        """Save what was changed, and tell of soft-deleted customers who may be the same person."""
        obj.change({name: _changed(obj, form, name) for name in form.changed_data})
        if not change:
            for conflict in obj.conflicts():
                other = Customer.objects.get(pk=conflict["customer_id"])
                who = link(other) if self.allows(request, "restore") else other
                sentence = "{}, who was deleted, has the same {}: the same person? An administrator can restore them."
                messages.warning(request, format_html(sentence, who, NAMES[conflict["field"]]))

    def delete_model(self, request: HttpRequest, obj: Customer) -> None:
        obj.soft_delete(by=request.user.pk)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[list[Any], dict[str, int], set, list]:
        """Nothing else goes with a soft deletion."""
        return [link(customer) for customer in objs], {}, set(), []

    @admin.action(description="Delete selected customers (they can be restored)", permissions=["delete"])
    def soft_delete(self, request: HttpRequest, queryset: CustomerQuerySet) -> None:
        customers = list(queryset.undeleted().select_for_update(of=("self",)))
        for customer in customers:
            customer.soft_delete(by=request.user.pk)
        self.message_user(request, f"Deleted: {len(customers)}. The filter “Deleted” shows them.", messages.SUCCESS)

    @admin.action(description="Restore selected customers", permissions=["restore"])
    def restore(self, request: HttpRequest, queryset: CustomerQuerySet) -> None:
        restored = 0
        for customer in queryset.deleted().select_for_update(of=("self",)):
            try:
                customer.restore()
            except DuplicateCustomer as error:
                message = format_html("{} was not restored. {}", link(customer), error)
                self.message_user(request, message, messages.ERROR)
            else:
                restored += 1
        self.message_user(request, f"Restored: {restored}.", messages.SUCCESS)

    @admin.display(ordering="first_name")
    def name(self, customer: Customer) -> str:
        return customer.full_name

    @admin.display(description="tags")
    def tag_list(self, customer: Customer) -> str:
        return ", ".join(customer.tags)

    @admin.display(boolean=True)
    def registered(self, customer: Customer) -> bool:
        return customer.has_password

    @admin.display(ordering="created_at")
    def created(self, customer: Customer) -> dt.date:
        return timezone.localdate(customer.created_at)

    # As text, for those who may not change them.
    def preferred_services(self, customer: Customer) -> str:
        return _names(Service, preferred(customer, "preferred_services"))

    @admin.display(description="preferred staff")
    def preferred_staff_ids(self, customer: Customer) -> str:
        return _names(Staff, preferred(customer, "preferred_staff_ids"))


def _changed(customer: Customer, form: forms.ModelForm, name: str) -> Any:
    if name not in PREFERRED:
        return getattr(customer, name)
    # What stays keeps its place.
    ranks = {pk: rank for rank, pk in enumerate(form.initial.get(name, ()))}
    return sorted((row.pk for row in form.cleaned_data[name]), key=lambda pk: ranks.get(pk, len(ranks)))


def _names(model: type[Service] | type[Staff], ids: list[str]) -> str:
    rows = model.objects.in_bulk(ids)
    return ", ".join(str(rows[pk]) for pk in ids) or "-"
