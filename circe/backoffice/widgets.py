"""Form fields in which a person chooses a row while typing."""

from typing import Any

from django.contrib.admin.widgets import AutocompleteSelect, AutocompleteSelectMultiple

from circe.db.ids import is_id


class _ValidIdsMixin:
    """Drops malformed ids, so that an invalid form can be shown again: Django's widget would look them up and fail."""

    def optgroups(self, name: str, value: list[str], attr: Any = None) -> Any:
        return super().optgroups(name, [pk for pk in value if is_id(pk)], attr)  # type: ignore[misc]


class ChoiceWidget(_ValidIdsMixin, AutocompleteSelect):
    """A widget that finds one row while the person types."""


class MultipleChoiceWidget(_ValidIdsMixin, AutocompleteSelectMultiple):
    """A widget that finds several rows while the person types."""
