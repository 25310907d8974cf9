"""Starts the child process that parses a file of customers, and reads its messages."""

import json
import logging
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from customers.transfer.child_process import TOO_LARGE, ParseJob
from customers.transfer.limits import MAX_MESSAGE_BYTES
from customers.transfer.tables import UnreadableFile

logger = logging.getLogger(__name__)

MODULE = "customers.transfer.child_process"
ROOT = Path(__file__).resolve().parents[2]
PIPE_READ_BYTES = 1 << 16

TOO_SLOW = "It takes too long to read this file. Copy the table alone into a new file, or save it as CSV."
UNKNOWN_FAILURE = "The file can't be read. Open it in a spreadsheet, save it anew, and try again."


class ChildProcess:
    """A child process that parses a file. `messages` yields its messages. The process moves the position of the file.

    The caller has to call `end`, which kills the process if it still runs.
    """

    def __init__(self, file: BinaryIO, job: ParseJob) -> None:
        self.message_seconds = job.limits.message_seconds
        # The environment is empty, because the server's environment holds its secrets.
        self.process = subprocess.Popen(  # noqa: S603 (the command is our own module, without any text of the upload)
            [sys.executable, "-m", MODULE, job.to_json()],
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PYTHONDONTWRITEBYTECODE": "1"},
            cwd=ROOT,
            start_new_session=True,
        )
        self.messages = self._read_messages()

    def end(self) -> None:
        """Kills the process if it still runs, and waits for its end."""
        self.process.kill()
        self.process.wait()
        self._stdout.close()

    @property
    def _stdout(self) -> Any:
        return self.process.stdout

    def _read_messages(self) -> Iterator[dict[str, Any]]:
        """Yields the messages of the child process until it ends. Raises UnreadableFile."""
        for line in self._read_lines():
            message = json.loads(line)
            if "end" in message:
                return
            if "error" in message:
                raise UnreadableFile(message["error"])
            yield message
        raise UnreadableFile(self._explain_exit())

    def _read_lines(self) -> Iterator[bytes]:
        pipe = self._stdout.fileno()
        ready = select.poll()
        ready.register(pipe, select.POLLIN)
        line = bytearray()
        while ready.poll(self.message_seconds * 1000):
            data = os.read(pipe, PIPE_READ_BYTES)
            if not data:
                return
            *completed, rest = data.split(b"\n")
            for part in completed:
                yield bytes(line + part)
                line.clear()
            line += rest
            if len(line) > MAX_MESSAGE_BYTES:
                raise UnreadableFile(TOO_LARGE)
        raise UnreadableFile(TOO_SLOW)

    def _explain_exit(self) -> str:
        status = self.process.wait()
        # The kernel sends SIGXCPU at the soft limit of processor time and SIGKILL at the hard limit, which is equal here.
        if status in {-signal.SIGXCPU, -signal.SIGKILL}:
            return TOO_SLOW
        # The XLSX library aborts if it gets no memory.
        if status in {-signal.SIGABRT, -signal.SIGSEGV}:
            return TOO_LARGE
        logger.error("The process that reads a file of customers ended with %s.", status)
        return UNKNOWN_FAILURE
