"""Every limit on the work that a file of customers can cause. All that an import reads is read within these.

A file is read by a child process (`parsing`), which no upload can make larger or slower than its `Limits` say: the
kernel holds it to its memory and its processor time. The other limits are there so that a file is refused early, and with
a sentence that helps. docs/operating.md tells what the largest accepted files cost.
"""

from dataclasses import dataclass

MB = 1024 * 1024

# --- of every file --------------------------------------------------------------------------------------------------

MAX_COLUMNS = 500
MAX_CELL_CHARACTERS = 131_072
# A row, and a line of a text file, has at most so many.
MAX_ROW_CHARACTERS = 1_000_000
# A quotation mark that is never closed must not swallow the rest of the file.
MAX_LINES_PER_ROW = 1_000
MAX_SHEETS = 100
# The files in the zip archive that a workbook is: sheets, pictures and so on.
MAX_WORKBOOK_PARTS = 2_000
# One message of the child process has at most so many. Every row fits: JSON writes a character in at most 6 bytes.
MAX_MESSAGE_BYTES = 16 * MB
# The rows that are matched and written in one transaction are fewer where they are long.
MAX_BATCH_CHARACTERS = 2_000_000
MAX_REASON_CHARACTERS = 1_000

# --- of a file that comes from somewhere else than an operator's disk -------------------------------------------------

MAX_UPLOAD_BYTES = 50 * MB
# The file of the refused rows, as it is kept for download.
MAX_REFUSED_BYTES = 64 * MB
# Checks and imports that run at the same time, in all web servers together. `uploads` makes it fewer where a web server
# has few threads.
IMPORTS_AT_ONCE = 2
IMPORTS_AT_ONCE_PER_BUSINESS = 1


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits that are wider for an operator than for an upload."""

    rows: int
    # Lines of a text file, with the empty ones.
    lines: int
    # Rows times columns.
    cells: int
    # The size of all parts of a workbook together, once they are unpacked.
    unpacked_bytes: int
    # The child process has so much address space and processor time. The parent waits so long for each message.
    memory_bytes: int
    cpu_seconds: int
    message_seconds: int


# For the admin's page. `message_seconds` is shorter than `models.imports.STALLED_AFTER`, after which a run counts as dead.
UPLOAD = Limits(
    rows=500_000,
    lines=2_000_000,
    cells=10_000_000,
    unpacked_bytes=256 * MB,
    memory_bytes=512 * MB,
    cpu_seconds=20,
    message_seconds=25,
)
# For import_customers, which an operator runs on a file that they chose.
COMMAND = Limits(
    rows=20_000_000,
    lines=100_000_000,
    cells=1_000_000_000,
    unpacked_bytes=2048 * MB,
    memory_bytes=4096 * MB,
    cpu_seconds=3600,
    message_seconds=600,
)
