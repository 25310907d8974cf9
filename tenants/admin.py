"""The admin of tenants, their people and what they offer; and what the admin of every tenant's table shares."""

from collections.abc import Collection
from typing import Any

from django.apps import apps
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import BadRequest, PermissionDenied
from django.core.paginator import Paginator
from django.db import DataError, IntegrityError, connection, transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html

from tenants.admin_deletion import blocking_rows
from tenants.admin_forms import NewStaffForm, TenantForm
from tenants.admin_paging import BoundedList, BoundedPaginator
from tenants.admin_site import Choice
from tenants.audit import Audited, AuditEvent
from tenants.ids import is_id
from tenants.models import Outlet, Role, Service, Staff, Tenant
from tenants.permissions import ADMINS, STAFF, SUPER
from tenants.scope import current_tenant, enter_scope

admin.site.unregister(Group)


class TenantAdmin(admin.ModelAdmin):
    """The admin of a tenant's table: the rows in scope, and what the role may do with them.

    `roles` says who may `view`, `add`, `change`, `delete` and, in the forms of others, `choose`; what it does not name
    is closed. The row that a URL names narrows a super_admin's scope to its own tenant. The audit trail, which
    administrators read, takes the place of the admin's own log.
    """

    form = TenantForm
    roles: dict[str, frozenset[Role | str]] = {}
    # Which rows can be chosen in the forms of others.
    on_offer = Q(is_active=True)
    # Raised by a save that lost a race with another.
    lost_race: tuple[type[Exception], ...] = (IntegrityError,)
    # A sentence for whoever wants to delete a row that something refers to.
    instead_of_deleting = ""
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50

    def allows(self, request: HttpRequest, verb: str) -> bool:
        """Whether the table lets the role do it."""
        return getattr(request.user, "role", None) in self.roles.get(verb, ())

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.allows(request, "view")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.allows(request, "add")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.allows(request, "change")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.allows(request, "delete")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.allows(request, "view")

    def choice_label(self, row: Any) -> str:
        """How a row is told from others where one is chosen."""
        return str(row)

    def _across_tenants(self, request: HttpRequest) -> bool:
        return request.user.role == Role.SUPER_ADMIN and hasattr(self.model, "tenant")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        # First, so that the other fields are read in its scope.
        return [(None, {"fields": ["tenant"]}), *fieldsets] if self._across_tenants(request) else fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Collection[str]:
        return [*super().get_readonly_fields(request, obj), *(["tenant"] if obj else [])]

    def get_autocomplete_fields(self, request: HttpRequest) -> Collection[str]:
        return [*super().get_autocomplete_fields(request), *(["tenant"] if self._across_tenants(request) else [])]

    def get_list_display(self, request: HttpRequest) -> Collection[Any]:
        return [*super().get_list_display(request), *(["tenant"] if self._across_tenants(request) else [])]

    def get_list_filter(self, request: HttpRequest) -> Collection[Any]:
        return [*super().get_list_filter(request), *(["tenant"] if self._across_tenants(request) else [])]

    def get_list_select_related(self, request: HttpRequest) -> Collection[str]:
        return [*(self.list_select_related or ()), *(["tenant"] if self._across_tenants(request) else [])]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs["widget"] = Choice(db_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(getattr(field, "widget", None), RelatedFieldWidgetWrapper):
            # Whoever chooses a row may add one or look at it; to change or delete it is another page's work.
            field.widget.can_change_related = field.widget.can_delete_related = False
        return field

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        title = str(self.opts.verbose_name_plural).capitalize()
        return super().changelist_view(request, {"title": title} | (extra_context or {}))

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Only what a filter of the page offers: any other condition would tell a hidden value letter by letter."""
        offered = {
            entry.parameter_name if hasattr(entry, "parameter_name") else entry if isinstance(entry, str) else entry[0]
            for entry in self.get_list_filter(request)
        }
        name, _, comparison = lookup.partition("__")
        return name in offered and comparison in {"", "exact", "id__exact", "gte", "lt", "isnull"}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return BoundedList

    def get_paginator(self, request: HttpRequest, queryset: QuerySet, per_page: int, **kwargs: Any) -> Paginator:
        return self.paginator(queryset, per_page, rows=self.get_rows(request), **kwargs)

    def get_rows(self, request: HttpRequest) -> QuerySet:
        """What a list reads its page from, with all that a row shows."""
        return self.get_queryset(request).select_related(*self.get_list_select_related(request))

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        try:
            return super().get_changelist_instance(request)
        except (ValueError, OverflowError, DataError) as error:
            raise IncorrectLookupParameters from error

    def response_action(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        if not all(is_id(pk) for pk in request.POST.getlist(ACTION_CHECKBOX_NAME)):
            raise BadRequest("Select rows of the list.")
        return super().response_action(request, queryset)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        row = super().get_object(request, object_id, from_field)
        if row and request.method == "POST" and self.has_change_permission(request, row):
            # One form is saved after the other, so that the second finds what the first wrote.
            row = self.get_queryset(request).select_for_update(of=("self",)).filter(pk=row.pk).first()
        if getattr(row, "tenant", None):
            enter_scope(row.tenant)
        return row

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        # Before the row is looked up: a refusal doesn't tell whether it exists.
        if request.user.role not in ADMINS or not self.has_view_permission(request):
            raise PermissionDenied
        row = self.get_object(request, object_id)
        pages = Paginator(self.events(row) if row else AuditEvent.objects.none(), 50)
        page = pages.get_page(request.GET.get(PAGE_VAR))
        listed = {"action_list": page, "page_range": pages.get_elided_page_range(page.number)}
        return super().history_view(request, object_id, listed | (extra_context or {}))

    def events(self, row: Any) -> QuerySet[AuditEvent]:
        """What the audit trail tells about the row, newest first."""
        return AuditEvent.objects.filter(row_id=row.pk)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[list[Any], Any, set[str], list[str]]:
        """As Django's, unless something keeps the rows from being deleted: then only that, counted."""
        blocking = [phrase for row in objs for phrase in blocking_rows(row)]
        return ([], {}, set(), blocking) if blocking else super().get_deleted_objects(objs, request)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        context = {"instead_of_deleting": self.instead_of_deleting} | (extra_context or {})
        try:
            return super().delete_view(request, object_id, context)
        except IntegrityError:
            # What the models don't tell of, or what was added after it was counted: the page, asked again, tells that.
            self.message_user(request, "It was not deleted, since something refers to it.", messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Delete the row. Raises IntegrityError where a row refers to it, now and not at COMMIT."""
        super().delete_model(request, obj)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    # The audit trail tells more.
    def log_addition(self, *args: Any) -> None: ...
    def log_change(self, *args: Any) -> None: ...
    def log_deletions(self, *args: Any) -> None: ...

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except self.lost_race:
            # Validated again, it meets the row that won and says so in the form.
            return super().changeform_view(request, *args, **kwargs)


@admin.register(Tenant)
class BusinessAdmin(TenantAdmin):
    """Businesses: a super_admin's; an administrator sets up their own."""

    roles = {"view": ADMINS, "add": SUPER, "change": ADMINS, "delete": SUPER, "choose": SUPER}
    instead_of_deleting = (
        "Suspend it instead, by taking the tick from “Is active”: then none of its people can sign in."
    )
    list_display = ["name", "slug", "time_zone", "currency", "phone_region", "is_active"]
    list_filter = ["is_active"]
    search_fields = ["name", "slug"]
    readonly_fields = ["created_at", "updated_at"]
    fieldsets = [
        (None, {"fields": ["name", "slug", "is_active"]}),
        ("Where it is", {"fields": ["time_zone", "currency", "phone_region", "language"]}),
        (
            "Customer segments",
            {"fields": ["at_risk_after_days", "new_within_days", "vip_min_visits", "vip_top_percent"]},
        ),
        ("Record", {"fields": ["created_at", "updated_at"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tenant]:
        businesses = super().get_queryset(request)
        tenant = current_tenant()
        return businesses.filter(pk=tenant.pk) if tenant else businesses

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Collection[str]:
        kept = () if request.user.role == Role.SUPER_ADMIN else ("slug", "is_active")
        return [*self.readonly_fields, *kept]


class AccountHasActed(PermissionDenied):
    """An account that the audit trail names is about to be deleted."""

    detail = "This account has been used, and the audit trail names it: deactivate it instead of deleting it."


@admin.register(Staff)
class StaffAdmin(TenantAdmin, UserAdmin):
    """People and their accounts.

    An account that has signed in or changed something is deactivated rather than deleted: the audit trail names it. The
    database refuses to delete it, whoever asks.
    """

    roles = {"view": ADMINS, "add": ADMINS, "change": ADMINS, "delete": ADMINS, "choose": STAFF}
    instead_of_deleting = "Deactivate the account instead, by taking the tick from “Is active”."
    list_display = ["email", "first_name", "last_name", "role", "is_active", "last_login"]
    list_filter = ["role", "is_active"]
    search_fields = ["email", "first_name", "last_name"]
    ordering = ["email"]
    filter_horizontal = ()
    # Not UserAdmin's, which shows the hash.
    form, add_form, add_form_template = TenantForm, NewStaffForm, None
    readonly_fields = ["password_link", "last_login", "created_at", "updated_at"]
    fieldsets = [
        (None, {"fields": ["email", "password_link", "first_name", "last_name"]}),
        (
            "May do",
            {
                "fields": ["role", "is_active"],
                "description": "An account that has been used can't be deleted, since the audit trail names it. "
                "Deactivate it instead.",
            },
        ),
        ("Record", {"fields": ["last_login", "created_at", "updated_at"]}),
    ]
    add_fieldsets = [
        (None, {"fields": ["email", "first_name", "last_name", "role"]}),
        ("Password", {"fields": ["password1", "password2"]}),
    ]

    def has_delete_permission(self, request: HttpRequest, obj: Staff | None = None) -> bool:
        is_own_or_used = obj is not None and (obj.pk == request.user.pk or obj.has_acted)
        return not is_own_or_used and super().has_delete_permission(request, obj)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        if self.has_delete_permission(request):
            account = self.get_object(request, unquote(object_id))
            if account and account.has_acted:
                raise AccountHasActed
        return super().delete_view(request, object_id, extra_context)

    def delete_model(self, request: HttpRequest, obj: Staff) -> None:
        try:
            with transaction.atomic():
                super().delete_model(request, obj)
        except IntegrityError as error:
            # It was used for the first time, or given an appointment, since the page was opened.
            raise AccountHasActed from error

    def get_readonly_fields(self, request: HttpRequest, obj: Staff | None = None) -> Collection[str]:
        own = ("role", "is_active") if obj and obj.pk == request.user.pk else ()
        return [*super().get_readonly_fields(request, obj), *own]

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "role":
            # From the highest to the lowest: nobody gives more than they have.
            kwargs["choices"] = Role.choices[Role.values.index(request.user.role) :]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    @admin.display(description="password")
    def password_link(self, staff: Staff) -> str:
        return format_html(
            '<a href="{}">Set another password</a>', reverse("admin:auth_user_password_change", args=[staff.pk])
        )


class OfferAdmin(TenantAdmin):
    """What a tenant offers: everybody sees it, administrators manage it."""

    roles = {"view": STAFF, "add": ADMINS, "change": ADMINS, "delete": ADMINS, "choose": STAFF}
    instead_of_deleting = (
        "Deactivate it instead, by taking the tick from “Is active”: then nobody can choose it, and its history stays."
    )
    list_filter = ["is_active"]
    search_fields = ["name"]


@admin.register(Outlet)
class OutletAdmin(OfferAdmin):
    """Places."""

    list_display = ["name", "address", "is_active"]
    fieldsets = [(None, {"fields": ["name", "address", "is_active"]})]


@admin.register(Service)
class ServiceAdmin(OfferAdmin):
    """What can be booked."""

    list_display = ["name", "category", "duration_minutes", "price", "is_active"]
    list_filter = ["is_active", "category"]
    fieldsets = [(None, {"fields": ["name", "category", "duration_minutes", "price", "is_active"]})]


class AboutFilter(admin.SimpleListFilter):
    """Events about rows of one kind. Named by the models, not by a look at every event."""

    title = "what it is about"
    parameter_name = "about"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        kinds = [
            (str(model._meta.model_name), str(model._meta.verbose_name).capitalize())
            for model in apps.get_models()
            if any(isinstance(constraint, Audited) for constraint in model._meta.constraints)
        ]
        return [*sorted(kinds), ("login", "Log-in")]

    def queryset(self, request: HttpRequest, events: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        return events.filter(table=self.value()) if self.value() else events


@admin.register(AuditEvent)
class AuditEventAdmin(TenantAdmin):
    """Who did what: all of a business's audit trail, to be read."""

    roles = {"view": ADMINS}
    list_display = ["at", "who", "action", "what", "changed"]
    list_filter = ["action", AboutFilter, "at"]
    list_display_links = None
    search_fields = ["row_id", "customer_id", "actor_id", "request_id"]
    search_help_text = "A whole id: of a customer, of any other row, of a person or of a request."

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEvent], search_term: str
    ) -> tuple[QuerySet[AuditEvent], bool]:
        """By whole ids, which indexes find."""
        ids = Q(*((name, search_term.strip()) for name in self.search_fields), _connector=Q.OR)
        return queryset.filter(ids) if search_term.strip() else queryset, False

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEvent]:
        # The business of an event may have been deleted: then the join finds None, where a look-up of its own would raise.
        return super().get_queryset(request).select_related("tenant")

    def events(self, row: AuditEvent) -> QuerySet[AuditEvent]:
        return AuditEvent.objects.filter(pk=row.pk)

    def who(self, event: AuditEvent) -> str:
        return event.who

    def what(self, event: AuditEvent) -> str:
        text = f"{event.table} {event.row_id or ''}"
        if not event.customer_id:
            return text
        page = reverse("admin:customers_customer_history", args=[event.customer_id])
        return format_html('<a href="{}">{}</a>', page, text)

    def changed(self, event: AuditEvent) -> str:
        return render_to_string("admin/audit_changes.html", {"event": event})
