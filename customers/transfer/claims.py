"""What the rows of a file have taken so far: ids, e-mail addresses, phone numbers, each with the line that took it."""

import hashlib
import sqlite3
from collections.abc import Collection
from typing import NamedTuple


class Key(NamedTuple):
    """`what` is `id`, `email` or `phone`; those of deleted customers, which others may have too, are of another kind."""

    what: str
    value: str
    is_deleted: bool = False


class Claims:
    """Keys and lines, of any number of rows in little memory: in a temporary file of SQLite, as hashes."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("", check_same_thread=False)
        self._file.execute("PRAGMA journal_mode = OFF")
        self._file.execute("PRAGMA cache_size = -65536")
        self._file.execute("CREATE TABLE claim (key BLOB PRIMARY KEY, line INTEGER) WITHOUT ROWID")

    def add(self, lines: dict[Key, int]) -> None:
        """Remember what was taken, and where."""
        rows = ((_digest(key), line) for key, line in lines.items())
        self._file.executemany("INSERT OR IGNORE INTO claim VALUES (?, ?)", rows)

    def lines(self, keys: Collection[Key]) -> dict[Key, int]:
        """Of the keys, those that were taken, with their lines."""
        digests = {_digest(key): key for key in keys}
        marks = ", ".join("?" * len(digests))
        found = self._file.execute(f"SELECT key, line FROM claim WHERE key IN ({marks})", list(digests))  # noqa: S608
        return {digests[digest]: line for digest, line in found}

    def close(self) -> None:
        """Remove the file."""
        self._file.close()


def _digest(key: Key) -> bytes:
    return hashlib.blake2b(repr(key).encode(), digest_size=16).digest()
