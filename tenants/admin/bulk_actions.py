"""Actions of the admin over several rows at once: how many they take, and the page that asks before anything is done."""

from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString

from tenants.admin.base import TenantAdmin

# The page that asks sends each id as a field of its form, of which Django takes 1,000.
MAX_ROWS = 500
# How many rows the page names, and how many refusals are told one by one.
MAX_LISTED = 50
# Sent by the page that asks: without it, the page has not been shown yet.
CONFIRMED = "asked"


class BulkActionForm(forms.Form):
    """The question that is asked before something is done to `rows`. Subclasses may add fields, which have to be valid."""

    title: str
    # Whether it can't be undone: the button is red then.
    is_final = False

    def __init__(self, rows: list[Any], data: Any = None) -> None:
        super().__init__(data)
        self.rows = rows

    def consequence(self) -> str:
        """Says how many rows there are and what becomes of them."""
        raise NotImplementedError

    def describe(self, row: Any) -> str | SafeString:
        """Returns how the page names a row."""
        return str(row)

    def act(self) -> tuple[str, list[str]]:
        """Does it. Returns a sentence about the rows that were changed, empty where there are none, and a sentence about
        each row that was refused.
        """
        raise NotImplementedError

    @property
    def listed(self) -> Iterable[str | SafeString]:
        """As many of the rows as a person reads."""
        return map(self.describe, self.rows[:MAX_LISTED])

    @property
    def unlisted(self) -> int:
        """How many other rows there are."""
        return len(self.rows[MAX_LISTED:])


class BulkActionsAdmin(TenantAdmin):
    """The admin of a table with actions: each of them calls `ask`, which takes at most MAX_ROWS rows and asks first.

    `circe/tests/test_bulk_actions.py` tries every action of every table for that.
    """

    def lock_rows(self, ids: list[str], **state: Any) -> QuerySet:
        """The rows of an action, locked in the order of their ids: of two people who do something to the same rows, one
        waits for the other. Rows that are in another `state` by then are left out.
        """
        rows = self.model._default_manager.filter(pk__in=ids, **state)
        return rows.order_by("pk").select_for_update(of=("self",))

    def ask(
        self, request: HttpRequest, selected: QuerySet, make_form: Callable[..., BulkActionForm], **state: Any
    ) -> HttpResponse | None:
        """Does what the form says to the selected rows that are in that `state`, once it is confirmed and valid; shows
        its page until then. Does nothing where there are too many rows or none, and says so.
        """
        rows = self._rows(request, selected, **state)
        if not rows:
            return None
        # Confirmed is what the page named, row by row, never "all that match".
        is_confirmed = CONFIRMED in request.POST and request.POST.get("select_across", "0") == "0"
        form = make_form(rows, request.POST if is_confirmed else None)
        if form.is_valid():
            self._tell(request, *form.act())
            return None
        context = {"opts": self.opts, "title": form.title, "form": form, "confirmed": CONFIRMED}
        return TemplateResponse(request, "admin/bulk_action.html", self.admin_site.each_context(request) | context)

    def _rows(self, request: HttpRequest, selected: QuerySet, **state: Any) -> list[Model]:
        plural = self.opts.verbose_name_plural
        ids = list(selected.filter(**state).order_by().values_list("pk", flat=True)[: MAX_ROWS + 1])
        if len(ids) > MAX_ROWS:
            sentence = f"Choose at most {MAX_ROWS} {plural}, by a filter or a search. Nothing was changed."
            self.message_user(request, sentence, messages.ERROR)
            return []
        rows = list(self.lock_rows(ids, **state))
        if not rows:
            self.message_user(request, f"This can be done to none of the selected {plural}.", messages.WARNING)
        return rows

    def _tell(self, request: HttpRequest, done: str, refused: list[str]) -> None:
        for sentence in refused[:MAX_LISTED]:
            self.message_user(request, sentence, messages.ERROR)
        if refused[MAX_LISTED:]:
            self.message_user(request, f"Not changed either: {len(refused) - MAX_LISTED} more.", messages.ERROR)
        if done:
            self.message_user(request, done, messages.SUCCESS)
