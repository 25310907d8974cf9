"""Actions on several rows at once: their limit, and the page that asks before anything is changed."""

from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString

from tenants.admin.base import TenantAdmin
from tenants.admin.sent_forms import SentBefore, SentForm
from tenants.cluster_queries import read_by_tenant
from tenants.models import IdempotencyRecord

# The page sends each id as a field of its form. Django accepts 1,000 fields.
MAX_ROWS = 500
# How many rows the page describes, and how many refusals it shows one by one.
MAX_LISTED = 50
# The name of the hidden field that the page sends. Without the field, the page has not been shown yet.
ASKED_FIELD = "asked"


class BulkActionForm(forms.Form):
    """The form that asks before an action changes `rows`. Subclasses may add fields, which must be valid."""

    title: str
    # Whether it can't be undone: the button is red then.
    is_irreversible = False

    def __init__(self, rows: list[Any], data: Any = None) -> None:
        super().__init__(data)
        self.rows = rows

    def consequence(self) -> str:
        """Returns the sentence that says how many rows there are and what happens to them."""
        raise NotImplementedError

    def describe(self, row: Any) -> str | SafeString:
        """Returns how the page names a row."""
        return str(row)

    def act(self) -> tuple[str, list[str]]:
        """Performs the action. Returns a sentence about the changed rows, empty if there are none, and a sentence about each
        refused row.
        """
        raise NotImplementedError

    def with_undo(self, request: HttpRequest, done: str) -> str | SafeString:
        """Returns the sentence about the changed rows, with an Undo button where the action has a reverse."""
        return done

    @property
    def listed(self) -> Iterable[str | SafeString]:
        """The descriptions of the first rows."""
        return map(self.describe, self.rows[:MAX_LISTED])

    @property
    def unlisted(self) -> int:
        """The number of rows that are not described."""
        return len(self.rows[MAX_LISTED:])


class BulkActionsAdmin(TenantAdmin):
    """The pages of a table with actions. Each action calls `ask_then_act`, which asks first and accepts at most MAX_ROWS
    rows.

    `circe/tests/test_bulk_actions.py` checks this for every action of every table.
    """

    def lock_rows(self, ids: list[str], **filters: Any) -> QuerySet:
        """Returns the rows of an action, locked in the order of their ids, so that two people do not deadlock. Rows that
        the filters no longer find are left out.
        """
        rows = self.model._default_manager.filter(pk__in=ids, **filters)
        return rows.order_by("pk").select_for_update(of=("self",))

    def ask_then_act(
        self, request: HttpRequest, selected: QuerySet, make_form: Callable[..., BulkActionForm], **filters: Any
    ) -> HttpResponse | None:
        """Performs the form's action on the selected rows that the filters find, once the form is confirmed and valid. Until
        then it shows the form. With too many rows or none it shows a message and does nothing.
        """
        # Only rows that the page sent one by one are confirmed, never "all that match".
        is_confirmed = ASKED_FIELD in request.POST and request.POST.get("select_across", "0") == "0"
        try:
            if is_confirmed:
                with transaction.atomic():
                    SentForm(request).raise_if_sent_before()
            rows = self._lock_rows_or_warn(request, selected, **filters)
            if not rows:
                return None
            form = make_form(rows, request.POST if is_confirmed else None)
            if form.is_valid():
                self._act_once(request, form)
                return None
        except SentBefore as error:
            self._show_earlier_result(request, error.record)
            return None
        action = request.POST.get("action")
        context = {"opts": self.opts, "title": form.title, "form": form, "asked": ASKED_FIELD, "action": action}
        return TemplateResponse(request, "admin/bulk_action.html", self.admin_site.each_context(request) | context)

    def _act_once(self, request: HttpRequest, form: BulkActionForm) -> None:
        """Performs the action. Raises SentBefore if the same page has been confirmed before."""
        with transaction.atomic():
            record = SentForm(request).keep_once()
        done, refused = form.act()
        self._show_messages(request, form.with_undo(request, done) if done else "", refused)
        if record:
            # The text has no names, since the record stays when a person is purged.
            record.body = " ".join(filter(None, [done, refused and f"Not changed: {len(refused)}."]))
            record.save(update_fields=["body"])

    def _show_earlier_result(self, request: HttpRequest, record: IdempotencyRecord) -> None:
        interrupted = "This was sent twice. It is being done, or was interrupted: look at the list in a moment."
        self.message_user(request, record.body or interrupted, messages.SUCCESS if record.body else messages.WARNING)

    def _lock_rows_or_warn(self, request: HttpRequest, selected: QuerySet, **filters: Any) -> list[Model]:
        """Returns the rows of the action, locked. With too many rows or none, shows a message and returns none."""
        plural = self.opts.verbose_name_plural
        ids = list(selected.filter(**filters).order_by().values_list("pk", flat=True)[: MAX_ROWS + 1])
        if len(ids) > MAX_ROWS:
            sentence = f"Choose at most {MAX_ROWS} {plural}, by a filter or a search. Nothing was changed."
            self.message_user(request, sentence, messages.ERROR)
            return []
        rows = read_by_tenant(self.lock_rows(ids, **filters), ids)
        if not rows:
            self.message_user(request, f"This can be done to none of the selected {plural}.", messages.WARNING)
        return rows

    def _show_messages(self, request: HttpRequest, done: str, refused: list[str]) -> None:
        for sentence in refused[:MAX_LISTED]:
            self.message_user(request, sentence, messages.ERROR)
        if refused[MAX_LISTED:]:
            self.message_user(request, f"Not changed either: {len(refused) - MAX_LISTED} more.", messages.ERROR)
        if done:
            self.message_user(request, done, messages.SUCCESS)
