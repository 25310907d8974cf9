"""The back office pages of customers."""

from collections.abc import Collection
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ORDER_VAR, ChangeList
from django.contrib.admin.widgets import AdminTextareaWidget
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import IntegrityError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from circe.backoffice.widgets import EmailInput, OpenSelect, PhoneInput, language_choices
from circe.db.ids import is_id
from customers.admin.actions import CustomerActions, link_to_customer
from customers.admin.consents import consents_panel, handle_deletion_request
from customers.admin.corrections import CORRECTABLE_FIELDS, may_correct, name_those_who_may_change
from customers.admin.filters import (
    ConsentFilter,
    CreatedFilter,
    DeletedFilter,
    ImportFilter,
    RegisteredFilter,
    SourceFilter,
    TagFilter,
)
from customers.admin.forms import CustomerForm, read_preferred_ids
from customers.admin.import_export import ImportExportAdmin
from customers.admin.new_person import read_person
from customers.admin.reception_notes import render_reception_notes
from customers.admin.sorting import CustomerChangeList, CustomerPaginator
from customers.contact_conflicts import CONTACT_LABELS, DuplicateCustomer
from customers.customer_list import names_begin_with, nearest_customers, position_in
from customers.extensions import ListColumn, list_columns, list_filters, panels
from customers.models import PREFERENCE_MODELS, Customer, CustomerQuerySet, SearchableCustomer
from customers.models.customer import FOLDED_NAME
from customers.search import MAX_SEARCH_LENGTH
from tenants.accounts.permissions import ADMINS, MANAGERS, STAFF, SUPER
from tenants.admin.audit_names import add_names
from tenants.models import AuditEvent, Service, Staff, User
from tenants.scope import current_tenant, enter_scope


def events_of(customer: Customer) -> QuerySet[AuditEvent]:
    """Returns the audit events of the customer and of the rows that belong to them, newest first."""
    return AuditEvent.objects.filter(customer_id=customer.pk)


def history_panel(request: HttpRequest, customer: Customer) -> SafeString:
    """Returns the panel with the latest changes of the customer; it is empty for anybody but administrators."""
    if request.user.role not in ADMINS:
        return SafeString()
    events = add_names(events_of(customer)[: MAX_LATEST_ROWS + 1])
    shown = {"object": customer, "events": events, "latest": MAX_LATEST_ROWS}
    return render_to_string("admin/customers/customer/history_panel.html", shown)  # type: ignore[return-value]


MAX_LATEST_ROWS = 20
# By field: the method that shows the field as a link to people who may not change it.
CONTACT_LINKS = {"email": "email_link", "phone": "phone_link"}
# A search counts at most this number of deleted customers.
MAX_DELETED_TOLD = 100
PERSONAL_FIELDS = [
    "first_name",
    "last_name",
    "gender",
    "date_of_birth",
    "email",
    "phone",
    "address",
    "tags",
    "is_active",
]


@admin.register(Customer)
class CustomerAdmin(ImportExportAdmin, CustomerActions):
    """The pages of customers. Roles are as in the API: reception adds customers and changes preferences, managers change
    the rest, administrators delete and restore, and only they see deleted customers.

    Apps above `customers` register more list filters and the panels beside the form (`customers.extensions`). A list
    filter with `roles` is shown to these roles only.
    """

    form = CustomerForm
    roles = {
        "view": STAFF,
        "add": STAFF,
        "change": STAFF,
        "update": MANAGERS,
        "delete": ADMINS,
        "restore": ADMINS,
        "purge": SUPER,
        "import": ADMINS,
        "export": ADMINS,
        "choose": STAFF,
    }
    choice_condition = Q(is_deleted=False, is_active=True)
    lost_race_errors = (DuplicateCustomer, IntegrityError)
    paginator = CustomerPaginator
    list_display = ["name", "contact", "tag_list", "consent", "source", "account"]
    list_filter = [
        ImportFilter,
        ConsentFilter,
        SourceFilter,
        DeletedFilter,
        TagFilter,
        RegisteredFilter,
        "email_verified",
        "is_active",
        "created_at",
        CreatedFilter,
    ]
    search_fields = ["search_text"]
    search_help_text = "Parts of names, e-mail or phone number, in any order."
    autocomplete_fields = ["preferred_outlet"]
    actions = [*CustomerActions.actions, "export_selected"]
    fieldsets = [
        ("Person", {"fields": ["first_name", "last_name", "gender", "date_of_birth"]}),
        ("Contact", {"fields": ["email", "phone", "address"]}),
        ("Tags", {"fields": ["tags"]}),
        (
            "Preferences",
            {
                "fields": [
                    "language",
                    "preferred_channel",
                    "preferred_outlet",
                    *PREFERENCE_MODELS,
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
    record_fields = ["registered", "email_verified", "phone_verified", "loyalty_points", "created_at", "updated_at"]

    def get_urls(self) -> list[URLPattern]:
        notes = self.admin_site.admin_view(self.reception_notes_view)
        handled = self.admin_site.admin_view(require_POST(self.deletion_request_view))
        return [
            path("<str:customer_id>/notes/", notes, name="customers_customer_notes"),
            path("<str:customer_id>/deletion-request/", handled, name="customers_customer_deletion_request"),
            *super().get_urls(),
        ]

    def deletion_request_view(self, request: HttpRequest, customer_id: str) -> HttpResponse:
        """Marks a customer's request to be deleted as handled, and leads back to their page."""
        if not self.allows(request, "delete"):
            raise PermissionDenied
        pk = customer_id if is_id(customer_id) else None
        customer = get_object_or_404(self.get_queryset(request).select_related("tenant"), pk=pk)
        enter_scope(customer.tenant)
        if handle_deletion_request(customer):
            messages.success(request, "The request to be deleted is marked as handled.")
        return HttpResponseRedirect(reverse("admin:customers_customer_change", args=[customer.pk]))

    def reception_notes_view(self, request: HttpRequest, customer_id: str) -> HttpResponse:
        """Returns what reception has to know of a customer, as a part of a page. The form of an appointment loads it."""
        if not self.allows(request, "view"):
            raise PermissionDenied
        pk = customer_id if is_id(customer_id) else None
        customer = get_object_or_404(Customer.objects.undeleted().select_related("tenant").defer("search_text"), pk=pk)
        enter_scope(customer.tenant)
        return HttpResponse(render_reception_notes(customer))

    def get_queryset(self, request: HttpRequest) -> CustomerQuerySet:
        customers = super().get_queryset(request).defer("search_text")
        return customers if self.allows(request, "restore") else customers.undeleted()

    def get_rows(self, request: HttpRequest) -> CustomerQuerySet:
        rows = super().get_rows(request).with_profile()
        for column in self._columns(request):
            rows = rows.annotate(**column.annotations())
        return rows

    def _columns(self, request: HttpRequest) -> list[ListColumn]:
        return [column for column in list_columns if request.user.role in column.roles]

    def get_list_display(self, request: HttpRequest) -> Collection[Any]:
        return [*super().get_list_display(request), *(column.show for column in self._columns(request))]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return CustomerChangeList

    def get_paginator(self, request: HttpRequest, queryset: QuerySet, per_page: int, **kwargs: Any) -> Paginator:
        return super().get_paginator(
            request, queryset, per_page, totals_order=getattr(request, "totals_order", ""), **kwargs
        )

    def get_ordering(self, request: HttpRequest) -> list[str]:
        # The order of ids is that of creation too, and an index has the ids of all businesses.
        return super().get_ordering(request) if current_tenant() else ["-id"]

    def get_search_results(
        self, request: HttpRequest, queryset: CustomerQuerySet, search_term: str
    ) -> tuple[CustomerQuerySet, bool]:
        """Searches as the API does. Customers whose names begin with the words come first. If nobody is found, the
        customers with the nearest names are shown.
        """
        if len(search_term) > MAX_SEARCH_LENGTH:
            messages.error(request, f"Search for at most {MAX_SEARCH_LENGTH} characters.")
            return queryset.none(), False
        if not search_term.strip():
            return queryset, False
        self._tell_of_deleted(request, search_term)
        found, order = queryset.matching(search_term), queryset.query.order_by
        rank: Any = names_begin_with(search_term).desc()
        number = found.order_by()[: self.paginator.max_rows + 1].count()
        if number == 0:
            # The list offers to add the person who was searched for.
            request.found_nobody_by = {"text": search_term, "query": urlencode(read_person(search_term))}
            nearest = nearest_customers(search_term, Q(pk__in=queryset.order_by().values("pk")))
            # The list says above its rows that these are only the nearest names.
            request.shows_nearest_names = bool(nearest)
            found, rank = queryset.filter(pk__in=nearest), position_in(nearest)
        is_ranked = number <= self.paginator.max_rows and ORDER_VAR not in request.GET
        return found.order_by(rank, *order, "-pk") if is_ranked else found, False

    def _tell_of_deleted(self, request: HttpRequest, text: str) -> None:
        """Says how many deleted customers the search would find too, to those who may restore them."""
        parameter = DeletedFilter.parameter_name
        if not self.allows(request, "restore") or request.GET.get(parameter):
            return
        deleted = SearchableCustomer.objects.filter(is_deleted=True).matching(text).order_by()
        number = len(deleted.values_list("pk", flat=True)[: MAX_DELETED_TOLD + 1])
        if number:
            url = f"?{urlencode({'q': text, parameter: 'yes'})}"
            many = f"{MAX_DELETED_TOLD}+" if number > MAX_DELETED_TOLD else number
            words = "customer who was deleted matches" if number == 1 else "customers who were deleted match"
            messages.info(request, format_html('{} {} too. <a href="{}">Show</a>', many, words, url))

    def get_list_filter(self, request: HttpRequest) -> Collection[Any]:
        filters = [*list_filters, *super().get_list_filter(request)]
        return [one for one in filters if request.user.role in getattr(one, "roles", STAFF)]

    def get_fieldsets(self, request: HttpRequest, obj: Customer | None = None) -> Any:
        deletion = ["deleted_at", "deleter"] if obj and obj.is_deleted else []
        account = ["source", "is_active", *self.record_fields, *deletion] if obj else ["source"]
        fieldsets = [*super().get_fieldsets(request, obj), ("Account", {"fields": account})]
        if obj is None or self.allows(request, "update"):
            return fieldsets
        links = {} if self._may_correct(request, obj) else CONTACT_LINKS
        return [
            (
                title,
                options
                | {"fields": [links.get(name, name) for name in options["fields"]]}
                | ({"description": self._who_may_change(request, obj)} if title == "Person" else {}),
            )
            for title, options in fieldsets
        ]

    def _may_correct(self, request: HttpRequest, customer: Customer) -> bool:
        if not hasattr(request, "may_correct"):
            request.may_correct = may_correct(request.user, customer)
        return request.may_correct

    def _who_may_change(self, request: HttpRequest, customer: Customer) -> str:
        own = (
            "You have just added this customer, so you can correct the names, the e-mail and the phone for a day. "
            if self._may_correct(request, customer)
            else ""
        )
        return f"{own}{name_those_who_may_change(customer)}"

    def get_readonly_fields(self, request: HttpRequest, obj: Customer | None = None) -> Collection[str]:
        kept = ["source"] if obj else []
        if obj and not self.allows(request, "update"):
            corrected = CORRECTABLE_FIELDS if self._may_correct(request, obj) else ()
            kept += [*CONTACT_LINKS.values(), *(name for name in PERSONAL_FIELDS if name not in corrected)]
        return [*super().get_readonly_fields(request, obj), *self.record_fields, "deleted_at", "deleter", *kept]

    def get_form(self, request: HttpRequest, obj: Customer | None = None, change: bool = False, **kwargs: Any) -> Any:
        areas = {name: AdminTextareaWidget(attrs={"rows": 3}) for name in ("address", "accessibility_needs", "notes")}
        widgets = {**areas, "language": OpenSelect(language_choices), "phone": PhoneInput(), "email": EmailInput()}
        return super().get_form(request, obj, change, widgets=widgets, **kwargs)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, obj: Customer | None = None, **kwargs: Any
    ) -> HttpResponse:
        if obj:
            context |= {"title": f"{obj.full_name}{', deleted' if obj.is_deleted else ''}", "subtitle": None}
        context["panels"] = [panel(request, obj) for panel in (*panels, consents_panel, history_panel)] if obj else []
        context["may"] = {verb: self.allows(request, verb) for verb in ("restore", "purge")}
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Customer | None = None) -> bool:
        return not (obj and obj.is_deleted) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Customer | None = None) -> bool:
        return not (obj and obj.is_deleted) and super().has_delete_permission(request, obj)

    def events(self, row: Customer) -> QuerySet[AuditEvent]:
        return events_of(row)

    def choice_label(self, row: Customer) -> str:
        return f"{row} · {row.phone or row.email}"

    def save_model(self, request: HttpRequest, obj: Customer, form: forms.ModelForm, change: bool) -> None:
        """Saves the changed values, and warns of soft-deleted customers who may be the same person."""
        obj.change({name: _changed_value(obj, form, name) for name in form.changed_data})
        if not change:
            for conflict in obj.possible_duplicates:
                other = Customer.objects.get(pk=conflict["customer_id"])
                who = link_to_customer(other) if self.allows(request, "restore") else other
                # The deleted customer can't be restored as long as the new one has the same e-mail or phone.
                sentence = (
                    "{}, who was deleted, has the same {}. If it is the same person, an administrator can delete "
                )
                sentence += "this new one and restore them."
                messages.warning(request, format_html(sentence, who, CONTACT_LABELS[conflict["field"]]))

    def delete_model(self, request: HttpRequest, obj: Customer) -> None:
        obj.soft_delete(by=request.user.pk)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[list[Any], dict[str, int], set, list]:
        """Returns the customers alone, since a soft deletion deletes nothing else."""
        return [link_to_customer(customer) for customer in objs], {}, set(), []

    @admin.display(ordering=FOLDED_NAME)
    def name(self, customer: Customer) -> str:
        return customer.full_name

    def contact(self, customer: Customer) -> SafeString:
        ways = [("tel", customer.phone), ("mailto", customer.email)]
        return format_html_join("", '<div><a href="{}:{}">{}</a></div>', ((way, to, to) for way, to in ways if to))

    @admin.display(description="e-mail")
    def email_link(self, customer: Customer) -> str:
        return format_html('<a href="mailto:{0}">{0}</a>', customer.email) if customer.email else "–"

    @admin.display(description="phone")
    def phone_link(self, customer: Customer) -> str:
        return format_html('<a href="tel:{0}">{0}</a>', customer.phone) if customer.phone else "–"

    @admin.display(description="tags")
    def tag_list(self, customer: Customer) -> SafeString:
        return format_html_join(" ", '<span class="tag">{}</span>', ([tag] for tag in customer.tags))

    @admin.display(description="marketing", ordering="marketing_consent", boolean=True)
    def consent(self, customer: Customer) -> bool:
        return customer.marketing_consent

    def account(self, customer: Customer) -> str:
        states = {
            "Registered" if customer.has_password else "Walk-in": True,
            "deleted": customer.is_deleted,
            "inactive": not (customer.is_active or customer.is_deleted),
        }
        return ", ".join(state for state, holds in states.items() if holds)

    @admin.display(description="deleted by")
    def deleter(self, customer: Customer) -> str:
        return str(User.objects.filter(pk=customer.deleted_by).first() or customer.deleted_by or "-")

    @admin.display(boolean=True)
    def registered(self, customer: Customer) -> bool:
        return customer.has_password

    # These methods show the lists as text to people who may not change them.
    def preferred_services(self, customer: Customer) -> str:
        return _join_names(Service, read_preferred_ids(customer, "preferred_services"))

    @admin.display(description="preferred staff")
    def preferred_staff_ids(self, customer: Customer) -> str:
        return _join_names(Staff, read_preferred_ids(customer, "preferred_staff_ids"))


def _changed_value(customer: Customer, form: forms.ModelForm, name: str) -> Any:
    if name not in PREFERENCE_MODELS:
        return getattr(customer, name)
    # Entries that the customer had already keep their order. New entries come last.
    ranks = {pk: rank for rank, pk in enumerate(form.initial.get(name, ()))}
    return sorted((row.pk for row in form.cleaned_data[name]), key=lambda pk: ranks.get(pk, len(ranks)))


def _join_names(model: type[Service] | type[Staff], ids: list[str]) -> str:
    rows = model.objects.in_bulk(ids)
    return ", ".join(str(rows[pk]) for pk in ids) or "-"
