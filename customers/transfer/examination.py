"""Finds out what the cells of each column of a table have in common, before the table is imported.

The child process, which has no Django, imports this module.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from customers.transfer.day_order import DayOrder, find_day_order
from customers.transfer.tables import Record, to_storable

MAX_SAMPLES = 3
MAX_SAMPLE_CHARACTERS = 60
# After this number of records, a column that has a sample gets at most one more.
RECORDS_WITH_FULL_SAMPLES = 1_000


class ColumnExamination(NamedTuple):
    """Facts about the cells of a column.

    `samples` has its first different texts. `day_order` is the order of day and month that its unambiguous dates show. It is
    None if there is no such date, or if they show both orders.
    """

    samples: Sequence[str] = ()
    day_order: DayOrder | None = None

    @property
    def is_empty(self) -> bool:
        return not self.samples


class TableExaminer:
    """Collects what the records of a table show about its columns."""

    def __init__(self, width: int) -> None:
        self.samples: list[list[str]] = [[] for _ in range(width)]
        # The indexes of the columns that may still get samples.
        self.to_be_sampled = set(range(width))
        self.record_count = 0
        self.day_orders: list[set[DayOrder]] = [set() for _ in range(width)]

    def add(self, record: Record) -> None:
        """Looks at the cells of a record, unless it is malformed."""
        if record.error:
            return
        self.record_count += 1
        for index, cell in enumerate(record.cells):
            if not cell:
                continue
            if index in self.to_be_sampled:
                self._add_sample(index, cell)
            # `find_day_order` needs one of these characters. This check is faster than its pattern.
            if ("/" in cell or "-" in cell) and (order := find_day_order(cell)):
                self.day_orders[index].add(order)

    def _add_sample(self, index: int, cell: str) -> None:
        samples, sample = self.samples[index], to_storable(cell.strip()[:MAX_SAMPLE_CHARACTERS])
        if sample not in {"", *samples}:
            samples.append(sample)
        if len(samples) == MAX_SAMPLES or (samples and self.record_count > RECORDS_WITH_FULL_SAMPLES):
            self.to_be_sampled.remove(index)

    def as_dicts(self) -> list[dict[str, Any]]:
        """Returns the examination of each column, for `read_examination`."""
        return [
            ColumnExamination(samples, next(iter(orders)) if len(orders) == 1 else None)._asdict()
            for samples, orders in zip(self.samples, self.day_orders, strict=True)
        ]


def read_examination(columns: list[dict[str, Any]]) -> list[ColumnExamination]:
    """Returns what `TableExaminer.as_dicts` wrote."""
    return [
        ColumnExamination(column["samples"], DayOrder(column["day_order"]) if column["day_order"] else None)
        for column in columns
    ]
