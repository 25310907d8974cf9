"""The child process that reads a file of customers: `python -m customers.transfer.parsing JOB`, the file as stdin.

It has no settings, no database and no secrets, and before it looks at the file it takes from itself what it does not need:
memory and processor time beyond the limits, and the right to write files. It answers on stdout with a line of JSON a
message:

- `{"header": […], "read_as": "…", "size": N}` first,
- `{"records": [[line, cells, fault], …], "position": N}` until all records are told (none where the job is `only_check`),
- `{"end": true}` last,
- or `{"error": "…"}` in the place of any of these, a sentence that says why the file can't be read.

A child that ends in another way was stopped by one of its limits: `reading` tells which.
"""

import io
import json
import os
import resource
import signal
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO

from customers.transfer.encodings import encoding_of
from customers.transfer.limits import Limits
from customers.transfer.tables import RawTable, Record, Unreadable, is_workbook
from customers.transfer.text_tables import text_table

MODULE = "customers.transfer.parsing"
# The child process runs at this lower priority, so that the web server gets the processor first.
NICENESS = 10
# A message has no more records than this, and, but for the last one, no more characters.
MESSAGE_RECORDS = 1_000
MESSAGE_CHARACTERS = 200_000
TOO_LARGE = (
    "The table is too large to be read. If cells stand far below it or to the right of it, copy the table alone into a new "
    "file; else split it, or save it as CSV."
)


@dataclass(frozen=True, kw_only=True)
class Job:
    """The task of the child process. `known` are the names of columns, as `headers.letters_of` writes them."""

    encoding: str | None
    code_page: str
    known: list[str]
    limits: Limits
    only_check: bool

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Job":
        values = json.loads(text)
        return cls(**values | {"limits": Limits(**values["limits"])})


def parse(file: BinaryIO, job: Job) -> RawTable:
    """The table of a CSV or XLSX file, told by its beginning. Raises Unreadable."""
    file.seek(0)
    known = frozenset(job.known)
    head = file.read(8)
    if is_workbook(head):
        # Not needed for a text file, and slow to import.
        from customers.transfer.workbook_tables import workbook_table

        return workbook_table(file, known, job.limits)
    return text_table(file, job.encoding or encoding_of(file, job.code_page), known, job.limits)


def messages(file: BinaryIO, job: Job) -> Iterator[dict[str, Any]]:
    """Yields the messages of the child process. Raises Unreadable."""
    table = parse(file, job)
    yield {"header": table.header, "read_as": table.read_as, "size": table.size}
    records: list[Record] = []
    characters = 0
    for record in table.within(job.limits):
        if job.only_check:
            continue
        records.append(record)
        characters += sum(map(len, record.cells))
        if len(records) >= MESSAGE_RECORDS or characters >= MESSAGE_CHARACTERS:
            yield {"records": records, "position": table.position()}
            records, characters = [], 0
    if records:
        yield {"records": records, "position": table.size}
    yield {"end": True}


def give_up_what_is_not_needed(limits: Limits) -> None:
    """Have the kernel bound this process."""
    for what, most in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        # Neither a file of any size nor a core dump, which would hold the uploaded file.
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    os.nice(NICENESS)
    # Ctrl-C is for the parent, which ends this process itself; and a parent that is gone ends it at the next message.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)


def main() -> None:
    job = Job.from_json(sys.argv[1])
    give_up_what_is_not_needed(job.limits)
    try:
        with io.BufferedReader(io.FileIO(0, closefd=False)) as file:
            for message in messages(file, job):
                _say(message)
    except Unreadable as error:
        _say({"error": str(error)})
    except MemoryError:
        _say({"error": TOO_LARGE})


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message))
    sys.stdout.write("\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
