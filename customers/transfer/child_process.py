"""Parses a file of customers in a child process, which works within limits that the kernel enforces.

The child process is this module: `python -m customers.transfer.child_process JOB`, with the file as stdin. It has no
settings, no database and no secrets. Before it reads the file, it limits its own memory and processor time and gives up the
right to write files. It writes messages to stdout, each a line of JSON:

- first `{"header": […], "read_as": "…", "size_bytes": N, "notices": […], "is_workbook": …}`,
- then `{"records": [[line, cells, error, is_hidden], …], "bytes_read": N}` until all records are sent; for an
`only_examine` job instead of the records `{"examination": […]}`, see `examination.py`,
- last `{"end": true}`,
- or, instead of any of these, `{"error": "…"}` with a sentence that says why the file can't be read.

If it ends without `end` or `error`, one of its limits ended it. `parent_process.py` is the other side. This module imports
little, since each file of customers starts two processes.
"""

import io
import json
import os
import resource
import signal
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

from customers.transfer.csv_reader import detect_encoding, parse_csv
from customers.transfer.limits import Limits
from customers.transfer.other_formats import HEAD_BYTES, explain_other_format
from customers.transfer.tables import ParsedTable, Record, UnreadableFile, is_workbook

# The child process runs at this lower priority, so that the web server gets the processor first.
NICENESS = 10
# A message has at most this many records. It is sent as soon as its cells have this many characters.
MAX_MESSAGE_RECORDS = 1_000
MESSAGE_CHARACTERS = 200_000

TOO_LARGE = (
    "The table is too large to be read. If cells stand far below it or to the right of it, copy the table alone into a new "
    "file; else split it, or save it as CSV."
)


class ParseJob(NamedTuple):
    """The task of the child process. `known` has the normalized names of the columns.

    `encoding` is None if it is to be detected. Then `code_page` is the encoding that a text which is not Unicode most
    likely has. With `only_examine` the child sends no records, but what the cells of each column have in common.
    """

    encoding: str | None
    code_page: str
    known: list[str]
    limits: Limits
    only_examine: bool

    def to_json(self) -> str:
        return json.dumps(self._asdict() | {"limits": vars(self.limits)})

    @classmethod
    def from_json(cls, text: str) -> "ParseJob":
        values = json.loads(text)
        return cls(**values | {"limits": Limits(**values["limits"])})


def parse(file: BinaryIO, job: ParseJob) -> ParsedTable:
    """Returns the table of a CSV or XLSX file. The first bytes decide between the two. Raises UnreadableFile."""
    file.seek(0)
    known = frozenset(job.known)
    head = file.read(HEAD_BYTES)
    if sentence := explain_other_format(head):
        raise UnreadableFile(sentence)
    if is_workbook(head):
        # Imported here because the library is slow to import, and a text file does not need it.
        from customers.transfer.xlsx_reader import parse_xlsx

        return parse_xlsx(file, known, job.limits)
    return parse_csv(file, job.encoding or detect_encoding(file, job.code_page), known, job.limits)


def make_messages(file: BinaryIO, job: ParseJob) -> Iterator[dict[str, Any]]:
    """Yields the messages of the child process. Raises UnreadableFile."""
    table = parse(file, job)
    yield {name: getattr(table, name) for name in ("header", "read_as", "size_bytes", "notices", "is_workbook")}
    if job.only_examine:
        # Imported here because no other job needs it.
        from customers.transfer.examination import TableExaminer

        examiner = TableExaminer(len(table.header))
        for record in table.records_within(job.limits):
            examiner.add(record)
        yield {"examination": examiner.as_dicts()}
        yield {"end": True}
        return
    records: list[Record] = []
    characters = 0
    for record in table.records_within(job.limits):
        records.append(record)
        characters += sum(map(len, record.cells))
        if len(records) >= MAX_MESSAGE_RECORDS or characters >= MESSAGE_CHARACTERS:
            yield {"records": records, "bytes_read": table.count_bytes_read()}
            records, characters = [], 0
    if records:
        yield {"records": records, "bytes_read": table.size_bytes}
    yield {"end": True}


def limit_this_process(limits: Limits) -> None:
    """Has the kernel limit the memory and the processor time of this process, and forbid it to write files."""
    for kind, value in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        # No file of any size, and no core dump, which would hold the uploaded file.
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (value, value))
    os.nice(NICENESS)
    # The parent handles Ctrl-C, and ends this process itself. If the parent has ended, SIGPIPE ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)


def main() -> None:
    job = ParseJob.from_json(sys.argv[1])
    limit_this_process(job.limits)
    try:
        with io.BufferedReader(io.FileIO(0, closefd=False)) as file:
            for message in make_messages(file, job):
                _send(message)
    except UnreadableFile as error:
        _send({"error": str(error)})
    except MemoryError:
        _send({"error": TOO_LARGE})


def _send(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message))
    sys.stdout.write("\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
