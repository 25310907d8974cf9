"""The file of refused rows: a CSV that can be corrected and imported as it is."""

import csv
from typing import Any, TextIO

from customers.transfer.columns import REFUSAL, neutral, plain
from customers.transfer.exporting import BOM
from customers.transfer.importing import Refusal


class RefusedRows:
    """Writes refused rows to `file`: line, column, reason, and the cells as they were."""

    def __init__(self, file: TextIO, header: list[str]) -> None:
        file.write(BOM)
        self.writer = csv.writer(file)
        self._write([*REFUSAL, *(name for name in header if name not in REFUSAL)])
        # A file of refused rows imported again has these already.
        self.kept = [place for place, name in enumerate(header) if name not in REFUSAL]

    def add(self, refusal: Refusal, cells: list[str]) -> None:
        """Write one."""
        kept = [cells[place] for place in self.kept if place < len(cells)] + cells[len(self.kept) :]
        self._write([refusal.line, refusal.column, refusal.reason, *kept])

    def _write(self, cells: list[Any]) -> None:
        # Neutral only once, if the cells are of an export.
        self.writer.writerow(neutral(plain(cell)) if isinstance(cell, str) else cell for cell in cells)
