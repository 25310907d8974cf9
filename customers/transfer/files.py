"""Opening and making files of customers."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from customers.transfer.columns import BY_HEADER
from customers.transfer.encodings import code_page
from customers.transfer.limits import UPLOAD, Limits
from customers.transfer.parsing import Job
from customers.transfer.reading import Table, with_descriptor
from tenants.scope import current_tenant


def open_table(
    file: BinaryIO, encoding: str | None = None, *, limits: Limits = UPLOAD, only_check: bool = False
) -> Table:
    """The table of a CSV or XLSX file. Raises Unreadable. To be closed.

    The file is read by a child process, which moves its position. With `only_check` there are no records: they are looked
    at in the child process, as far as it can be known there whether the file is readable within the limits.
    """
    tenant = current_tenant()
    job = Job(
        encoding=encoding,
        code_page=code_page(tenant.language if tenant else ""),
        known=list(BY_HEADER),
        limits=limits,
        only_check=only_check,
    )
    return Table(with_descriptor(file), job)


def check_readable(file: BinaryIO) -> None:
    """Raises Unreadable where an uploaded file can't be imported at all."""
    with open_table(file, only_check=True) as table:
        for _ in table.records:
            pass


def private(path: Path) -> BinaryIO:
    """The file, made anew, which nobody but its owner may read. Raises OSError."""
    file = open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600))  # noqa: SIM115
    os.fchmod(file.fileno(), 0o600)
    return file


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """A file that is there once the block is done, and not before. Raises OSError."""
    draft = path.with_name(f"{path.name}.part")
    try:
        with private(draft) as file:
            yield file
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
