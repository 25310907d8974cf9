"""The file of refused rows: a CSV that can be corrected and imported as it is."""

import csv
import io
from typing import BinaryIO

from customers.transfer.columns import REFUSAL, neutral, plain
from customers.transfer.exporting import BOM
from customers.transfer.importing import Refusal


class RefusedRows:
    """Writes refused rows to `file`: line, column, reason, and the cells as they were."""

    def __init__(self, file: BinaryIO, header: list[str]) -> None:
        self.file = file
        # A file of refused rows has these columns already.
        self.old = {place for place, name in enumerate(header) if name in REFUSAL}
        file.write(BOM.encode())
        self._write(REFUSAL, header)

    def add(self, refusal: Refusal, cells: list[str]) -> None:
        """Write one."""
        self._write([str(refusal.line), refusal.column, refusal.reason], cells)

    def _write(self, why: list[str], cells: list[str]) -> None:
        line = io.StringIO(newline="")
        kept = [cell for place, cell in enumerate(cells) if place not in self.old]
        # Neutral once, where the file was an export.
        csv.writer(line).writerow([neutral(plain(cell)) for cell in [*why, *kept]])
        self.file.write(line.getvalue().encode(errors="replace"))
