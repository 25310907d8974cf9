"""Looks up the names of the rows to which audit events refer. Only administrators see these events in the back office."""

from collections import defaultdict
from collections.abc import Iterable

from django.contrib.admin import site
from django.db.models import ForeignKey, Model
from django.urls import reverse
from django.utils.html import format_html

from tenants.models import AuditEvent, Staff, User
from tenants.models.audit_event import audited_fields, audited_model

# A row has a name of its own if it has one of these columns.
NAME_COLUMNS = {"name", "first_name"}


def add_names(events: Iterable[AuditEvent]) -> list[AuditEvent]:
    """Returns the events with `names`: for each id of a row in them, its name, linked to its page in the back office.

    It takes one query for each model whose rows have names, whatever the number of events. The rows are those of the open
    scope. For a row that was removed since, the text is its id with a note.
    """
    events, ids = list(events), defaultdict(set)
    for event in events:
        for model, row_id in _references(event):
            ids[Staff if issubclass(model, User) else model].add(row_id)
    names = {row_id: f"{row_id} (removed since)" for found in ids.values() for row_id in found}
    for model, wanted in ids.items():
        names |= {row.pk: _link(row) for row in model._default_manager.filter(pk__in=wanted)}
    for event in events:
        event.names = names
    return events


def _references(event: AuditEvent) -> Iterable[tuple[type[Model], str]]:
    """Yields the model and the id of the event's row and of each row in its values, if such rows have names."""
    fields = audited_fields(event.table)
    found = [(audited_model(event.table), event.row_id)]
    for change in event.changes:
        if isinstance(field := fields.get(change.field), ForeignKey):
            found += [(field.related_model, value) for value in (change.before, change.after)]
    for model, row_id in found:
        if model and row_id and NAME_COLUMNS & {field.name for field in model._meta.concrete_fields}:
            yield model, row_id


def _link(row: Model) -> str:
    if not site.is_registered(type(row)):
        return str(row)
    page = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    return format_html('<a href="{}">{}</a>', page, row)
