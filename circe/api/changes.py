"""Lists the rows that changed, oldest change first, so that a client can keep a copy of a list.

A client begins with `updated_since=<instant>` and goes on with `next=<cursor>`. The cursor is the place of the last change
that was read. A page ends where changes may follow that can't be seen yet (`circe.db.changes`), so the cursor skips none.
"""

import base64
import binascii
import datetime as dt
from collections.abc import Iterable
from typing import Any, NamedTuple, Self

import orjson
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet

from circe.api.pagination import PagedQuery
from circe.api.parameters import StrictFilter, StrictFilterSet, first_instant, to_day_or_instant
from circe.db.changes import changes_complete_before
from circe.db.ids import is_id
from circe.db.prepared import PreparedQuery

NEXT_SCHEMA = {
    "type": ["string", "null"],
    "example": "WyJjdXN0b21lcnMiLDE3MzczNjcyMDAwMDAwMDAsIjUwN2YxZjc3YmNmODZjZDc5OTQzOTAxMSIsbnVsbF0",
    "description": (
        "With `updated_since` or `next`: where to go on; otherwise null. Send it as the parameter `next`, now or later. A "
        "page with fewer items than `size` is the end for now; its `next` then gives what changes from then on."
    ),
}
UNFILTERED = "The list of changes takes no filter and has an order of its own: leave this parameter out."
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Cursor(NamedTuple):
    """The place of a change: its time, and the id of its row ("" before all rows of that time).

    `left` is how many changes were left to read when they were counted, less those read since; None if they are to be
    counted anew.
    """

    changed_at: dt.datetime
    row_id: str = ""
    left: int | None = None

    @classmethod
    def decode(cls, text: str, list_name: str) -> Self:
        """Returns the cursor. Raises ValidationError for a text that no page of this list gave."""
        try:
            padded = text + "=" * (-len(text) % 4)
            name, microseconds, row_id, left = orjson.loads(base64.b64decode(padded, b"-_", validate=True))
            changed_at = _EPOCH + dt.timedelta(microseconds=microseconds)
            is_count = left is None or (isinstance(left, int) and left > 0)
            if name == list_name and (row_id == "" or is_id(row_id)) and is_count:
                return cls(changed_at, row_id, left)
        except (binascii.Error, ValueError, TypeError, OverflowError):
            pass
        raise ValidationError("Send the `next` of a page of this list as it is.", code="invalid")

    def encode(self, list_name: str) -> str:
        microseconds = (self.changed_at - _EPOCH) // dt.timedelta(microseconds=1)
        text = orjson.dumps([list_name, microseconds, self.row_id, self.left])
        return base64.urlsafe_b64encode(text).rstrip(b"=").decode()

    def unread_condition(self, before: dt.datetime) -> Q:
        """Returns the condition that a change is later than this place, and earlier than `before`."""
        # One range of the index on `changed_at`. The second condition leaves out what was read of the first instant.
        since = Q(changed_at__gte=self.changed_at, changed_at__lt=before)
        return since & ~Q(changed_at=self.changed_at, pk__lte=self.row_id) if self.row_id else since


class Changes(PagedQuery):
    """The changes of the rows of some querysets from a cursor on, oldest first.

    Each queryset has values_list("pk", "changed_at", "removed_at"): the last one is None for a row that is shown.
    `by_ids` reads rows that are shown: `updated_at` as text, and the row as JSON text.
    """

    def __init__(
        self,
        list_name: str,
        rows: Iterable[QuerySet[Any, Any]],
        by_ids: PreparedQuery,
        *,
        cursor: Cursor,
        members: dict[str, Any] | None = None,
    ) -> None:
        self.list_name, self.rows, self.by_ids, self.cursor = list_name, [*rows], by_ids, cursor
        self.members = members or {}

    def page(self, start: int, stop: int) -> tuple[list[Any], int]:
        # A statement of its own, before those that read the changes.
        wanted = self.cursor.unread_condition(changes_complete_before())
        found = [rows.filter(wanted).order_by("changed_at", "pk") for rows in self.rows]
        if len(found) > 1:
            first, *others = (rows[:stop] for rows in found)
            found = [first.union(*others, all=True).order_by("changed_at", "pk")]
        changes = [*found[0][start:stop]]
        is_end = len(changes) < stop - start
        if is_end and (changes or not start):
            total = start + len(changes)
        elif self.cursor.left is None:
            first, *others = (rows.filter(wanted).order_by() for rows in self.rows)
            total = first.union(*others, all=True).count() if others else first.count()
        else:
            total = self.cursor.left if is_end else max(self.cursor.left, stop)
        after = self.cursor._replace(left=None)
        if changes:
            row_id, changed_at, _ = changes[-1]
            after = Cursor(changed_at, row_id, None if is_end else (total - stop) or None)
        self.members = {**self.members, "next": after.encode(self.list_name)}
        return self._items(changes), total

    def _items(self, changes: list[tuple[str, dt.datetime, dt.datetime | None]]) -> list[Any]:
        """Returns the rows as JSON, and tombstones. A row that was deleted since it was found is left out."""
        shown = [pk for pk, _, removed_at in changes if removed_at is None]
        rows = self.by_ids.rows(ids=shown) if shown else []
        items: dict[str, Any] = {orjson.loads(row)["id"]: orjson.Fragment(row) for _, row in rows}
        for pk, _, removed_at in changes:
            if removed_at is not None:
                items[pk] = {"id": pk, "is_deleted": True, "updated_at": f"{removed_at:%Y-%m-%dT%H:%M:%SZ}"}
        return [items[pk] for pk, _, _ in changes if pk in items]


class ChangesFilter(StrictFilterSet):
    """The query parameters of the list of changes. No other filter may be sent with them: a row that no longer matches a
    filter would stay in the client's copy.
    """

    list_name: str

    updated_since = StrictFilter(
        convert=lambda text: Cursor(first_instant(to_day_or_instant(text))),
        schema={"type": "string", "format": "date-time"},
        help_text=(
            "Whatever changed at this instant or later, oldest change first, with `next` beside the page. Together with "
            "`size` and `page` only."
        ),
    )
    next = StrictFilter(
        help_text="The `next` of a page of changes: go on after it. `updated_since` may be sent along, and is not used.",
        convert=str,
    )

    def is_valid(self) -> bool:
        super().is_valid()
        since, given = (self.form.cleaned_data.get(name) for name in ("updated_since", "next"))
        self.cursor: Cursor | None = since
        if given is not None:
            try:
                self.cursor = Cursor.decode(given, self.list_name)
            except ValidationError as error:
                self.form.add_error("next", error)
        for name in self.filters.keys() - {"updated_since", "next"} if {"updated_since", "next"} & {*self.data} else ():
            if any(self.data.getlist(name)):
                self.form.add_error(name, ValidationError(UNFILTERED, code="not_with_changes"))
        return super().is_valid()
