"""Finds the outlets, services and people whom a file names, by id, by name or by e-mail address."""

import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

from django.core.exceptions import ValidationError

from circe.db.ids import is_id
from customers.transfer.cell_words import fold_word
from customers.transfer.text_marks import shorten
from tenants.models import Outlet, Service, Staff

REFERENCED_MODELS: dict[str, Any] = {
    "preferred_outlet_id": Outlet,
    "preferred_services": Service,
    "preferred_staff_ids": Staff,
}
NOUNS: dict[Any, tuple[str, str]] = {
    Outlet: ("outlet", "outlets"),
    Service: ("service", "services"),
    Staff: ("member of staff", "members of staff"),
}
MAX_LISTED_NAMES = 10


def _normalize(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


# Names are compared as they are written. If nothing has the name, they are compared without case and accents.
_FORMS: Sequence[Callable[[str], str]] = (_normalize, fold_word)


class References:
    """The outlets, the services or the people of the tenant in scope, as a file names them."""

    def __init__(self, model: Any) -> None:
        self.singular, self.plural = NOUNS[model]
        self.rows: list[Any] = sorted(model.objects.all(), key=lambda row: (str(row), row.pk))
        self.ids = {row.pk for row in self.rows}
        self.rows_by_name = [self._group_by_name(form) for form in _FORMS]

    def _group_by_name(self, form: Callable[[str], str]) -> dict[str, list[Any]]:
        grouped: dict[str, list[Any]] = {}
        for row in self.rows:
            for name in {form(str(row)), form(getattr(row, "email", str(row)))}:
                grouped.setdefault(name, []).append(row)
        return grouped

    def find_all(self, texts: Sequence[str]) -> list[str]:
        """Returns the ids that the texts name, without duplicates. A text may have several names, separated by commas.
        Raises ValidationError.
        """
        found: list[str] = []
        for text in texts:
            is_one = "," not in text or self._find_rows(text)
            found += [self.find(part.strip()) for part in ([text] if is_one else text.split(",")) if part.strip()]
        return list(dict.fromkeys(found))

    def find(self, text: str) -> str:
        """Returns the id of the row with this id, name or e-mail address. Raises ValidationError."""
        if is_id(text):
            if text not in self.ids:
                raise ValidationError(f"There is no {self.singular} with this id.")
            return text
        rows = self._find_rows(text)
        if not rows:
            raise ValidationError(f"There is no {self.singular} “{shorten(text)}”. {self._list_names()}")
        if len(rows) > 1:
            keys = ", ".join(getattr(row, "email", row.pk) for row in rows[:MAX_LISTED_NAMES])
            raise ValidationError(
                f"{len(rows)} {self.plural} have the name “{shorten(text)}”. Write which one: {keys}."
            )
        return rows[0].pk

    def _find_rows(self, text: str) -> list[Any]:
        """Returns the rows with this name. If some are active, returns only these."""
        for form, grouped in zip(_FORMS, self.rows_by_name, strict=True):
            if rows := grouped.get(form(text)):
                return [row for row in rows if row.is_active] or rows
        return []

    def _list_names(self) -> str:
        names = [shorten(str(row)) for row in self.rows if row.is_active]
        if not names:
            return "The business has none."
        more = len(names) - MAX_LISTED_NAMES
        return f"The business has {', '.join(names[:MAX_LISTED_NAMES])}{f' and {more} more' if more > 0 else ''}."
