"""Reads a file of customers through a child process, which works within limits (`parsing`)."""

import json
import logging
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO, Self

from customers.transfer.columns import REFUSAL, TENANT, Column, column_called
from customers.transfer.limits import MAX_MESSAGE_BYTES
from customers.transfer.parsing import MODULE, TOO_LARGE, Job
from customers.transfer.tables import Record, Unreadable

logger = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[2]
SHOWN_IGNORED = 20
PIPE_BYTES = 1 << 16
TOO_SLOW = "It takes too long to read this file. Copy the table alone into a new file, or save it as CSV."
BROKEN = "The file can't be read. Open it in a spreadsheet, save it anew, and try again."


class Table:
    """The columns of a file, one or None for each header, and its records, which can be read once.

    `read_as` tells how the file was understood. Raises Unreadable where the header names no column, or one twice, and
    whenever it turns out that the file can't be read. To be closed, which ends the child process.
    """

    def __init__(self, file: BinaryIO, job: Job) -> None:
        self._child = _Child(file, job)
        self.position = 0
        try:
            first = next(self._child.messages, {})
            self.header: list[str] = first["header"]
            self.read_as: str = first["read_as"]
            self.size: int = first["size"]
            self.columns = _columns(self.header)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._child.end()

    @property
    def records(self) -> Iterator[Record]:
        """The records that were not read yet. Raises Unreadable."""
        if not hasattr(self, "_records"):
            self._records = self._all()
        return self._records

    def _all(self) -> Iterator[Record]:
        for message in self._child.messages:
            self.position = message["position"]
            for line, cells, fault in message["records"]:
                yield Record(line, cells, fault)

    @property
    def ignored(self) -> list[str]:
        """The headers that name no column; of very many the first."""
        pairs = zip(self.header, self.columns, strict=True)
        unknown = [
            name[:50] for name, column in pairs if not column and name and name.lower() not in [*REFUSAL, TENANT]
        ]
        more = len(unknown) - SHOWN_IGNORED
        return unknown if more <= 0 else [*unknown[:SHOWN_IGNORED], f"{more:,} more"]


class _Child:
    """The child process at work on a file, whose position it moves."""

    def __init__(self, file: BinaryIO, job: Job) -> None:
        self.seconds = job.limits.message_seconds
        # Nothing of the server's environment, which holds its secrets.
        self.process = subprocess.Popen(  # noqa: S603 (our own module, and no word of the upload)
            [sys.executable, "-m", MODULE, job.to_json()],
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PYTHONDONTWRITEBYTECODE": "1"},
            cwd=ROOT,
            start_new_session=True,
        )
        self.messages = self._messages()

    def end(self) -> None:
        """End the process, whatever it does."""
        self.process.kill()
        self.process.wait()
        self._stdout.close()

    @property
    def _stdout(self) -> Any:
        return self.process.stdout

    def _messages(self) -> Iterator[dict[str, Any]]:
        """Yields the messages of the child process until it ends. Raises Unreadable."""
        for line in self._lines():
            message = json.loads(line)
            if "end" in message:
                return
            if "error" in message:
                raise Unreadable(message["error"])
            yield message
        raise Unreadable(self._why_it_ended())

    def _lines(self) -> Iterator[bytes]:
        pipe = self._stdout.fileno()
        ready = select.poll()
        ready.register(pipe, select.POLLIN)
        line = bytearray()
        while ready.poll(self.seconds * 1000):
            data = os.read(pipe, PIPE_BYTES)
            if not data:
                return
            *ended, rest = data.split(b"\n")
            for part in ended:
                yield bytes(line + part)
                line.clear()
            line += rest
            if len(line) > MAX_MESSAGE_BYTES:
                raise Unreadable(TOO_LARGE)
        raise Unreadable(TOO_SLOW)

    def _why_it_ended(self) -> str:
        status = self.process.wait()
        # The kernel ends it by the first where its processor time is over, and by the second where both limits are one.
        if status in {-signal.SIGXCPU, -signal.SIGKILL}:
            return TOO_SLOW
        # The library aborts where it gets no memory.
        if status in {-signal.SIGABRT, -signal.SIGSEGV}:
            return TOO_LARGE
        logger.error("The process that reads a file of customers ended with %s.", status)
        return BROKEN


def with_descriptor(file: BinaryIO) -> BinaryIO:
    """The file, or a copy of it on the disk where it is in memory only, since a child process is to read it."""
    try:
        file.fileno()
    except OSError:
        copy = TemporaryFile()  # noqa: SIM115
        file.seek(0)
        shutil.copyfileobj(file, copy)
        file = copy
    file.flush()
    return file


def _columns(header: list[str]) -> list[Column | None]:
    """Raises Unreadable where no column is named, or one twice."""
    columns = [column_called(name) for name in header]
    known = [column for column in columns if column]
    if not known:
        raise Unreadable(
            "The first row has to name the columns, such as first_name, email and phone. "
            f"Here it is: {', '.join(header)[:200]}"
        )
    for column in known:
        if known.count(column) > 1:
            both = [name[:50] for name, other in zip(header, columns, strict=True) if other is column]
            raise Unreadable(f"Each of the columns {' and '.join(both[:5])} would be the {column.name}: leave one out.")
    return columns
