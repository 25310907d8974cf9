"""Defines every limit on the work that a file of customers can cause.

A child process parses the file (`child_process.py`). The kernel enforces its limits of memory and processor time, so that no
upload can exceed them. The other limits refuse a file earlier, with a sentence that helps the user. docs/operating.md says
what the largest accepted files cost.
"""

from types import SimpleNamespace

MB = 1024 * 1024

# --- limits of every file -------------------------------------------------------------------------------------------

MAX_COLUMNS = 500
MAX_CELL_CHARACTERS = 131_072
# The limit of a row, and of a line of a text file.
MAX_ROW_CHARACTERS = 1_000_000
# Without this limit a quotation mark that is not closed would make the rest of the file one row.
MAX_LINES_PER_ROW = 1_000
MAX_SHEETS = 100
# A workbook is a zip archive of sheets, pictures and other parts.
MAX_WORKBOOK_PARTS = 2_000
# The size of one message of the child process. Every row fits: JSON writes a character in at most 12 bytes.
MAX_MESSAGE_BYTES = 16 * MB
# The most text that is matched and written in one transaction. A batch of long rows has fewer rows.
MAX_BATCH_CHARACTERS = 2_000_000
MAX_REASON_CHARACTERS = 1_000

# --- limits of an upload --------------------------------------------------------------------------------------------

MAX_UPLOAD_BYTES = 50 * MB
# The file of the refused rows, as it is stored for download.
MAX_REFUSED_ROWS_BYTES = 64 * MB
# The file of the cells that were not imported although their rows were.
MAX_OMITTED_CELLS_BYTES = 16 * MB
# How many checks and imports may run at the same time, in all web servers together. `uploads.py` allows fewer if a web
# server has few threads.
MAX_CONCURRENT_IMPORTS = 2
MAX_CONCURRENT_IMPORTS_PER_TENANT = 1


class Limits(SimpleNamespace):
    """The limits that are higher for an operator's file than for an upload.

    No dataclass: to import that module would take a fifth of the time in which the child process starts.
    """

    rows: int
    # The lines of a text file, empty ones included.
    lines: int
    # Rows times columns.
    cells: int
    # The size of all parts of a workbook together, once they are unpacked.
    unpacked_bytes: int
    # The address space and the processor time of the child process.
    memory_bytes: int
    cpu_seconds: int
    # How long the parent waits for each message.
    message_seconds: int


# For the import page of the back office. `message_seconds` is shorter than `RUN_TIMEOUT` in customers/models/imports.py,
# after which another request may start the run anew.
UPLOAD_LIMITS = Limits(
    rows=500_000,
    lines=2_000_000,
    cells=10_000_000,
    unpacked_bytes=256 * MB,
    memory_bytes=512 * MB,
    cpu_seconds=20,
    message_seconds=25,
)
# For import_customers, which an operator runs on a chosen file.
COMMAND_LIMITS = Limits(
    rows=20_000_000,
    lines=100_000_000,
    cells=1_000_000_000,
    unpacked_bytes=2048 * MB,
    memory_bytes=4096 * MB,
    cpu_seconds=3600,
    message_seconds=600,
)
