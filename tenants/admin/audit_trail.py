"""The back office pages of the audit trail."""

from collections.abc import Callable
from functools import reduce
from operator import or_
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html

from circe.db.audit_trigger import AuditTrigger
from tenants.accounts.permissions import ADMINS
from tenants.admin.base import TenantAdmin
from tenants.models import AuditEvent

_history_url: Callable[[str], str]


def register_history_page(url: Callable[[str], str]) -> None:
    """Takes the function that returns the URL of a customer's history page. The app that has the page registers it."""
    global _history_url
    _history_url = url


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
    search_fields = ["row_id", "customer_id", "actor_id", "request_id"]
    search_help_text = "A whole id: of a customer, of any other row, of a person or of a request."

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEvent], search_term: str
    ) -> tuple[QuerySet[AuditEvent], bool]:
        """Searches by whole ids, which have indexes."""
        if row_id := search_term.strip():
            queryset = queryset.filter(reduce(or_, (Q(**{name: row_id}) for name in self.search_fields)))
        return queryset, False

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEvent]:
        # The business of an event may have been deleted. The join then gives None, and a separate query would raise.
        return super().get_queryset(request).select_related("tenant")

    def events(self, row: AuditEvent) -> QuerySet[AuditEvent]:
        return AuditEvent.objects.filter(pk=row.pk)

    def who(self, event: AuditEvent) -> str:
        return event.who

    def what(self, event: AuditEvent) -> str:
        text = f"{event.table} {event.row_id or ''}"
        if not event.customer_id:
            return text
        return format_html('<a href="{}">{}</a>', _history_url(event.customer_id), text)

    def changed(self, event: AuditEvent) -> str:
        return render_to_string("admin/audit_changes.html", {"event": event})
