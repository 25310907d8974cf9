"""The base of the back office pages of every tenant's table."""

from collections.abc import Collection, Mapping
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG, PAGE_VAR, ChangeList
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import BadRequest, PermissionDenied
from django.core.paginator import Paginator
from django.db import DataError, IntegrityError, connection, models, transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from circe.backoffice.fields import ClockField, ClockInput, DayField, DayInput, WholeNumberField, WholeNumberInput
from circe.backoffice.paging import CappedChangeList
from circe.backoffice.widgets import ChoiceWidget
from circe.db.ids import is_id
from tenants.accounts.permissions import ADMINS
from tenants.admin.audit_names import add_names
from tenants.admin.deletion import describe_blocking_rows
from tenants.admin.forms import TenantForm
from tenants.admin.paging import TenantPaginator
from tenants.admin.sent_forms import SentForm
from tenants.models import AuditEvent, Role
from tenants.scope import enter_scope

UNKNOWN_TO_LIST = (
    "The address asks for a page, a filter or an order that this list does not have. You see the whole list."
)


class TenantAdmin(admin.ModelAdmin):
    """The pages of a tenant's table, with the rows in scope.

    `roles` says who may `view`, `add`, `change`, `delete` and, in the forms of others, `choose`; anything else
    is closed. The row that a URL names narrows a super_admin's scope to its own tenant. The audit trail, which
    administrators read, takes the place of the admin's own log.
    """

    form = TenantForm
    formfield_overrides = {
        models.DateField: {"form_class": DayField, "widget": DayInput},
        models.TimeField: {"form_class": ClockField, "widget": ClockInput},
        models.IntegerField: {"form_class": WholeNumberField, "widget": WholeNumberInput},
        models.BigIntegerField: {
            "form_class": WholeNumberField,
            "widget": WholeNumberInput({"class": "vBigIntegerField"}),
        },
    }
    roles: dict[str, frozenset[Role | str]] = {}
    # The condition of the rows that other forms offer.
    choice_condition = Q(is_active=True)
    # By field of this form: the condition of the rows that it offers, where it is not `choice_condition`.
    choice_conditions: Mapping[str, Q] = {}
    # The errors of a save that lost a race with another one.
    lost_race_errors: tuple[type[Exception], ...] = (IntegrityError,)
    # The advice on the page that refuses to delete a row.
    instead_of_deleting = ""
    paginator = TenantPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50

    def allows(self, request: HttpRequest, verb: str) -> bool:
        """Returns whether `roles` allows it to the caller's role."""
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
        """Returns the text of the row in a list to choose from."""
        return str(row)

    def order_choices(self, request: HttpRequest, field: str, rows: QuerySet) -> QuerySet:
        """Returns the rows that a field of this form offers, in the order in which it shows them."""
        return rows

    def _shows_tenant(self, request: HttpRequest) -> bool:
        return request.user.role == Role.SUPER_ADMIN and hasattr(self.model, "tenant")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return self._with_tenant(request, super().get_fieldsets(request, obj))

    def _with_tenant(self, request: HttpRequest, fieldsets: Any) -> Any:
        """Puts the tenant first, where somebody chooses it, so that the other fields are read in its scope."""
        return [(None, {"fields": ["tenant"]}), *fieldsets] if self._shows_tenant(request) else fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Collection[str]:
        return [*super().get_readonly_fields(request, obj), *(["tenant"] if obj else [])]

    def get_autocomplete_fields(self, request: HttpRequest) -> Collection[str]:
        return [*super().get_autocomplete_fields(request), *(["tenant"] if self._shows_tenant(request) else [])]

    def get_list_display(self, request: HttpRequest) -> Collection[Any]:
        return [*super().get_list_display(request), *(["tenant"] if self._shows_tenant(request) else [])]

    def get_list_filter(self, request: HttpRequest) -> Collection[Any]:
        return [*super().get_list_filter(request), *(["tenant"] if self._shows_tenant(request) else [])]

    def get_list_select_related(self, request: HttpRequest) -> Collection[str]:
        return [*(self.list_select_related or ()), *(["tenant"] if self._shows_tenant(request) else [])]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs["widget"] = ChoiceWidget(db_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(getattr(field, "widget", None), RelatedFieldWidgetWrapper):
            # A form that chooses a row may add or show one. Changing and deleting it have their own pages.
            field.widget.can_change_related = field.widget.can_delete_related = False
        return field

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if ERROR_FLAG in request.GET:
            # Django redirects to the list with this flag if it does not understand an address.
            messages.warning(request, UNKNOWN_TO_LIST)
        title = str(self.opts.verbose_name_plural).capitalize()
        return super().changelist_view(request, {"title": title} | (extra_context or {}))

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Allows only the filters of the page. Any other condition could find out a hidden value letter by letter."""
        offered = {name for entry in self.get_list_filter(request) for name in _parameter_names(entry)}
        name, _, comparison = lookup.partition("__")
        return name in offered and comparison in {"", "exact", "id__exact", "gte", "lt", "isnull"}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return CappedChangeList

    def get_paginator(self, request: HttpRequest, queryset: QuerySet, per_page: int, **kwargs: Any) -> Paginator:
        return self.paginator(queryset, per_page, rows=self.get_rows(request), **kwargs)

    def get_rows(self, request: HttpRequest) -> QuerySet:
        """Returns the queryset from which a page of the list is read, with everything that a row shows."""
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
        # Django looks for a field without a name if the URL has an empty `_to_field`.
        row = super().get_object(request, object_id, from_field or None)
        if getattr(row, "tenant", None):
            # Before the row is locked, which a cluster does only in the scope of one business.
            enter_scope(row.tenant)
        if row and request.method == "POST" and self.has_change_permission(request, row):
            # Locks the row, so that a second form sees what the first one wrote.
            row = self.get_queryset(request).select_for_update(of=("self",)).filter(pk=row.pk).first()
        return row

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        # Before the row is read, so that a refusal does not tell whether it exists.
        if request.user.role not in ADMINS or not self.has_view_permission(request):
            raise PermissionDenied
        row = self.get_object(request, object_id)
        pages = Paginator(self.events(row) if row else AuditEvent.objects.none(), 50)
        page = pages.get_page(request.GET.get(PAGE_VAR))
        page.object_list = add_names(page.object_list)
        listed = {"action_list": page, "page_range": pages.get_elided_page_range(page.number)}
        return super().history_view(request, object_id, listed | (extra_context or {}))

    def events(self, row: Any) -> QuerySet[AuditEvent]:
        """Returns the audit events of the row, newest first."""
        return AuditEvent.objects.filter(row_id=row.pk)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[list[Any], Any, set[str], list[str]]:
        """Returns what Django does. If other rows prevent the deletion, returns only these, counted."""
        blocking = [phrase for row in objs for phrase in describe_blocking_rows(row)]
        return ([], {}, set(), blocking) if blocking else super().get_deleted_objects(objs, request)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        change_url = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[object_id])
        instead = {"instead_of_deleting": self.instead_of_deleting, "change_url": change_url}
        context = instead | (extra_context or {})
        try:
            return super().delete_view(request, object_id, context)
        except IntegrityError:
            # A reference was added meanwhile: the page that is loaded again names it. Or only the database has a
            # constraint for the reference, so the page can't name it. A cluster commits nothing after a node has refused to
            # delete a row that every node has.
            transaction.set_rollback(True)
            self.message_user(request, "It was not deleted, since something refers to it.", messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Deletes the row. Raises IntegrityError at once, and not at COMMIT, if another row refers to it."""
        super().delete_model(request, obj)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Stores which row the form has added, in case the form is sent again."""
        SentForm(request, any_contents=True).keep(obj)

    # The audit trail takes the place of Django's log.
    def log_change(self, *args: Any) -> None: ...
    def log_deletions(self, *args: Any) -> None: ...

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if object_id is None and request.method == "POST" and self.has_add_permission(request):
            form = SentForm(request, any_contents=True)
            earlier = form.lock_and_find_earlier()
            if earlier and earlier.fingerprint == form.fingerprint:
                return self._answer_again(request, earlier.row_id)
            request.added_before = earlier and self.get_object(request, earlier.row_id)
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except self.lost_race_errors:
            # Validated again, the form finds the row that won the race, and shows the error.
            return super().changeform_view(request, object_id, form_url, extra_context)

    def _answer_again(self, request: HttpRequest, added_id: str) -> HttpResponse:
        """Answers a form that was sent twice as it was answered the first time."""
        added = self.get_object(request, added_id)
        if added:
            return self.response_add(request, added)
        self.message_user(request, "The row that this form added has been deleted since.", messages.WARNING)
        return HttpResponseRedirect(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context["may_read_history"] = request.user.role in ADMINS
        return super().render_change_form(request, context, *args, **kwargs)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.added_before = getattr(request, "added_before", None)
        return form


def _parameter_names(list_filter: Any) -> Collection[str]:
    """Returns the query parameters of an entry of `list_filter`."""
    if hasattr(list_filter, "parameter_names"):
        return list_filter.parameter_names
    name = getattr(list_filter, "parameter_name", list_filter)
    return [name if isinstance(name, str) else name[0]]
