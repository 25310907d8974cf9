"""Form fields in which a row is chosen by typing."""

from typing import Any

from django.contrib.admin.widgets import AutocompleteSelect, AutocompleteSelectMultiple

from circe.db.ids import is_id


class _WellFormedIds:
    """Draws a form again whose ids were malformed: the stock widget looks them up, which such ids refuse."""

    def optgroups(self, name: str, value: list[str], attr: Any = None) -> Any:
        return super().optgroups(name, [one for one in value if is_id(one)], attr)  # type: ignore[misc]


class Choice(_WellFormedIds, AutocompleteSelect):
    """One row, found by typing."""


class Choices(_WellFormedIds, AutocompleteSelectMultiple):
    """Several rows, found by typing."""
