"""The back office pages of the audit trail."""

from collections.abc import Callable
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

from django.apps import apps
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import Expression, Q, QuerySet, Value
from django.db.models.functions import Concat
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html

from circe.db.audit_trigger import AuditTrigger
from circe.db.ids import is_id
from tenants.accounts.permissions import ADMINS
from tenants.admin.audit_names import add_names
from tenants.admin.base import TenantAdmin
from tenants.cluster_queries import read_by_ids
from tenants.models import AuditEvent, User
from tenants.models.audit_event import audited_model
from tenants.scope import current_tenant

# A search by name or contact considers at most this number of customers, and of accounts.
MAX_PEOPLE_FOUND = 100


class CustomerLookup(NamedTuple):
    """Functions of the app of customers, by which the audit trail finds and names customers.

    `history_url` returns the page of the history of the customer with an id. `find_ids` returns the customers, deleted ones
    too, whom a text may mean. `name` returns the expression of the name of the customer of an event.
    """

    history_url: Callable[[str], str]
    find_ids: Callable[[str], QuerySet]
    name: Callable[[], Expression]


_customer_lookup: CustomerLookup


def register_customer_lookup(customers: CustomerLookup) -> None:
    """Registers the functions by which the audit trail finds customers. The app of customers calls it."""
    global _customer_lookup
    _customer_lookup = customers


def _find_accounts(text: str) -> QuerySet[User]:
    """Returns the accounts of the business in scope whose name or e-mail address contains the text."""
    tenant = current_tenant()
    accounts = User.objects.filter(tenant=tenant.pk) if tenant else User.objects.all()
    named = accounts.annotate(name=Concat("first_name", Value(" "), "last_name"))
    return named.filter(Q(name__icontains=text) | Q(email__icontains=text))


class AboutFilter(admin.SimpleListFilter):
    """Shows events about rows of one model. The choices come from the models, since to read every event would be slow."""

    title = "what it is about"
    parameter_name = "about"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        kinds = [
            (str(model._meta.model_name), str(model._meta.verbose_name).capitalize())
            for model in apps.get_models()
            if any(isinstance(constraint, AuditTrigger) for constraint in model._meta.constraints)
        ]
        return [*sorted(kinds), ("login", "Log-in")]

    def queryset(self, request: HttpRequest, events: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        return events.filter(table=self.value()) if self.value() else events


@admin.register(AuditEvent)
class AuditEventAdmin(TenantAdmin):
    """The pages of a business's audit trail, which can only be read."""

    roles = {"view": ADMINS}
    list_display = ["at", "who", "action", "what", "changed"]
    list_filter = ["action", AboutFilter, "at"]
    list_display_links = None
    fields = ["at", "who", "action", "what", "changed", "command", "request_id", "address"]
    search_fields = ["row_id", "customer_id", "actor_id", "request_id"]
    search_help_text = (
        "A name, a phone number or an e-mail address of a customer or of somebody who works here; or a whole id, also of a "
        "request."
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEvent], search_term: str
    ) -> tuple[QuerySet[AuditEvent], bool]:
        """Searches by whole ids, and by names and contacts of people. All have indexes. Says so if it finds nobody."""
        text = search_term.strip()
        if not text:
            return queryset, False
        accounts, customers = (
            list(rows.values_list("pk", flat=True)[:MAX_PEOPLE_FOUND])
            for rows in (_find_accounts(text), _customer_lookup.find_ids(text))
        )
        ids = self.search_fields if is_id(text) else ["request_id"]
        conditions = [Q(**{name: text}) for name in ids]
        conditions += [Q(actor_id__in=accounts) | Q(row_id__in=accounts)] if accounts else []
        conditions += [Q(customer_id__in=customers)] if customers else []
        events = queryset.filter(reduce(or_, conditions))
        if not (accounts or customers or events.exists()):
            messages.warning(
                request, f"Nobody has the name or the contact “{text}”, and nothing has it as its whole id."
            )
        return events, False

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        changelist = super().get_changelist_instance(request)
        changelist.result_list = add_names(changelist.result_list)
        return changelist

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEvent]:
        # The business of an event may have been deleted. The join then gives None, and a separate query would raise.
        return super().get_queryset(request).select_related("tenant")

    def get_rows(self, request: HttpRequest) -> QuerySet[AuditEvent]:
        return super().get_rows(request).annotate(customer_name=_customer_lookup.name())

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> AuditEvent | None:
        event = super().get_object(request, object_id, from_field)
        return add_names([*read_by_ids(self.get_rows(request), [event.pk]).values()])[0] if event else None

    def events(self, row: AuditEvent) -> QuerySet[AuditEvent]:
        return AuditEvent.objects.filter(pk=row.pk)

    def who(self, event: AuditEvent) -> str:
        return event.who

    def what(self, event: AuditEvent) -> str:
        """Returns the kind of the row with its name or its id. For a row of a customer it adds the customer's name."""
        row, model = event.row_id or "", audited_model(event.table)
        kind = model._meta.verbose_name if model else event.table
        if not event.customer_id:
            return format_html("{} {}", kind, event.names.get(row, row))
        name = event.customer_name or "a customer removed since"  # type: ignore[attr-defined]
        return format_html(
            '<a href="{}">{}</a> {} {}', _customer_lookup.history_url(event.customer_id), name, kind, row
        )

    def changed(self, event: AuditEvent) -> str:
        return render_to_string("admin/audit_changes.html", {"event": event})
