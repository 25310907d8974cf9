"""Defines the form that asks which column of a file goes to which column of Circe."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import forms

from customers.transfer.columns import COLUMNS
from customers.transfer.day_order import DayOrder
from customers.transfer.mapping.column_rules import NOT_IMPORTED
from customers.transfer.mapping.header_mapping import HeaderMapping, header_key
from customers.transfer.reading import FileDecisions

LABELS = {"id": "Id in Circe", "email": "E-mail address"}
COLUMN_CHOICES = [
    (NOT_IMPORTED, "Don't import"),
    *((column.name, LABELS.get(column.name, column.name.replace("_", " ").capitalize())) for column in COLUMNS),
]
DAY_ORDER_CHOICES = [
    ("", "Unknown: refused, unless other dates of the file show it"),
    (DayOrder.DAY_FIRST.value, "3 April 1990"),
    (DayOrder.MONTH_FIRST.value, "4 March 1990"),
]


@dataclass(frozen=True)
class AskedColumn:
    """A column of the file on the page. `state` is `known`, `proposed` or `unknown`."""

    name: str
    samples: list[str]
    state: str
    field: forms.BoundField


class ColumnsForm(forms.Form):
    """Asks to which column of Circe each column of the file goes. Proposes an answer. Leaves out columns without text."""

    def __init__(self, mapping: HeaderMapping, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.mapping = mapping
        # Columns with the same header go to the same column of Circe.
        indexes = {header_key(mapping.header[index]): index for index in reversed(mapping.filled_indexes)}
        self.indexes = sorted(indexes.values())
        for index in self.indexes:
            self.fields[f"column_{index}"] = forms.ChoiceField(
                label=mapping.name_column(index),
                choices=COLUMN_CHOICES,
                required=False,
                initial=mapping.rules[index].target or self._propose(index),
            )
        self.fields["day_order"] = forms.ChoiceField(
            label="A date such as 03/04/1990 is",
            choices=DAY_ORDER_CHOICES,
            required=False,
            initial=mapping.decided_day_order or "",
        )

    def _propose(self, index: int) -> str:
        """Returns the column of Circe that is proposed for this column of the file. Returns NOT_IMPORTED if there is no
        proposal: a person or a preset has decided about the column, or no name is similar.
        """
        return self.mapping.propose_target(index) if index in self.mapping.undecided_indexes else NOT_IMPORTED

    def asked_columns(self) -> Iterator[AskedColumn]:
        """Yields the columns as the page shows them."""
        for index in self.indexes:
            if self.mapping.rules[index].target or index not in self.mapping.undecided_indexes:
                state = "known"
            else:
                state = "proposed" if self._propose(index) else "unknown"
            samples = self.mapping.examination[index].samples
            yield AskedColumn(self.mapping.name_column(index), samples, state, self[f"column_{index}"])

    def clean(self) -> dict[str, Any]:
        """Refuses a mapping by which no customer can be found."""
        targets = {self.cleaned_data.get(f"column_{index}") for index in self.indexes}
        if not self.errors and not targets & {"id", "email", "phone"}:
            raise forms.ValidationError(
                "Choose the column of the e-mail address or of the phone: Circe finds a customer by one of them."
            )
        return self.cleaned_data

    def decisions(self) -> FileDecisions:
        """Returns what the person has decided."""
        columns = {
            header_key(self.mapping.header[index]): self.cleaned_data[f"column_{index}"] for index in self.indexes
        }
        day_order = self.cleaned_data["day_order"]
        return FileDecisions(columns=columns, day_order=DayOrder(day_order) if day_order else None)
