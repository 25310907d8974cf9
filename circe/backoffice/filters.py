"""Refuses values that a filter of a list does not know, instead of showing an empty list or the whole one."""

from typing import Any

from django.contrib.admin import ChoicesFieldListFilter, ListFilter, RelatedFieldListFilter, SimpleListFilter
from django.contrib.admin.filters import AllValuesFieldListFilter, FieldListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList

# These filters have all their values among their choices. The others refuse by themselves what they can't read.
_CLOSED_FILTERS = (SimpleListFilter, RelatedFieldListFilter, ChoicesFieldListFilter, AllValuesFieldListFilter)


class RelatedFilter(RelatedFieldListFilter):
    """Filters by a related row, also where there is only one to choose. Django ignores the parameter then."""

    def has_output(self) -> bool:
        return super().has_output() or bool(self.used_parameters)


FieldListFilter.register(lambda field: bool(field.remote_field), RelatedFilter, take_priority=True)


def refuse_unknown_value(spec: ListFilter, changelist: ChangeList) -> None:
    """Raises IncorrectLookupParameters if the address gives the filter a value that is none of its choices."""
    texts: dict[str, Any] = {name: changelist.params.get(name, "") for name in spec.expected_parameters()}
    for name, text in texts.items():
        if name.endswith("__isnull") and text not in {"", "True", "False"}:
            raise IncorrectLookupParameters
    is_given = any(texts.values()) and isinstance(spec, _CLOSED_FILTERS)
    if is_given and not any(choice["selected"] for choice in spec.choices(changelist)):
        raise IncorrectLookupParameters
