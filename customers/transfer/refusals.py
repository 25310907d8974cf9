"""The file of refused rows: a CSV that can be corrected and imported as it is."""

import csv
import io
from typing import BinaryIO

from customers.transfer.columns import REFUSAL, neutral, plain
from customers.transfer.exporting import BOM
from customers.transfer.importing import Refusal


class RefusedRows:
    """Writes refused rows to `file`: line, column, reason, and the cells as they were.

    Given `max_bytes` it writes no row that would make the file larger, nor any after it: `written` tells how many are there.
    """

    def __init__(self, file: BinaryIO, header: list[str], *, max_bytes: int | None = None) -> None:
        self.file, self.max_bytes = file, max_bytes
        self.written = self.size = 0
        self.is_full = False
        # A file of refused rows has these columns already.
        self.old = {place for place, name in enumerate(header) if name in REFUSAL}
        self._write(BOM.encode() + self._line(REFUSAL, header))

    def add(self, refusal: Refusal, cells: list[str]) -> None:
        """Write one, where there is room."""
        if self.is_full:
            return
        line = self._line([str(refusal.line), refusal.column, refusal.reason], cells)
        self.is_full = self.max_bytes is not None and self.size + len(line) > self.max_bytes
        if not self.is_full:
            self._write(line)
            self.written += 1

    def _line(self, why: list[str], cells: list[str]) -> bytes:
        line = io.StringIO(newline="")
        kept = [cell for place, cell in enumerate(cells) if place not in self.old]
        # Neutral once, where the file was an export.
        csv.writer(line).writerow([neutral(plain(cell)) for cell in [*why, *kept]])
        return line.getvalue().encode(errors="replace")

    def _write(self, line: bytes) -> None:
        self.file.write(line)
        self.size += len(line)
