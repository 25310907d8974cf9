"""Writes the database into a file, and restores it from one, with the programs pg_dump, pg_restore and psql.

A backup and a restore count the rows of every table. A backup counts in the snapshot that pg_dump writes, and again in the
file. A restore counts in the file, and in the database before it commits.
"""
# ruff: noqa: S603, S608 (the programs are constants; the SQL holds names of tables, quoted)

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import IO, Any

from django.core.management.base import CommandError
from django.db import connection
from psycopg.conninfo import make_conninfo
from psycopg.pq import Conninfo
from tqdm import tqdm

from circe.db.citus.tables import database_tables
from circe.db.roles import as_owner
from circe.db.server_kind import is_cluster

# How long a dump or a restore waits for a lock that another session holds on a table.
LOCK_TIMEOUT_SECONDS = 60
COPY_LINE = re.compile(rb"COPY (?:public|\"public\")\.\"?(\w+)\"? .*FROM stdin;\n")
# A role to which the policies apply would write a file without rows.
SEES_EVERY_ROW_SQL = """
    SELECT rolsuper OR rolbypassrls OR pg_has_role(oid, 'circe_rls_bypass', 'USAGE'), rolname
    FROM pg_roles WHERE rolname = current_user
"""
# Creates the schema `public` anew: empty, with the owner and the privileges that initdb gives it.
RECREATE_SCHEMA_SQL = """
DROP SCHEMA public CASCADE;
CREATE SCHEMA public;
ALTER SCHEMA public OWNER TO pg_database_owner;
GRANT USAGE ON SCHEMA public TO PUBLIC;
"""
# The number of rows, by table.
Counts = dict[str, int]


class Programs:
    """PostgreSQL's client programs, and the address of the database for them."""

    def __init__(self) -> None:
        """Raises CommandError if a program is missing, or older than the server."""
        # All of DATABASE_URL, also what only its query says, such as `?host=/run/postgresql`.
        known = {option.keyword.decode() for option in Conninfo.get_defaults()} - {"options", "client_encoding"}
        parameters = {name: value for name, value in connection.get_connection_params().items() if name in known}
        # Every user of the machine sees the arguments of a process.
        password = parameters.pop("password", None)
        self.address = make_conninfo(**parameters)
        # The messages of the programs are read, so they must be in English.
        self.environment = os.environ | {"LC_ALL": "C"} | ({"PGPASSWORD": password} if password else {})
        self.folder: Path | None = None
        if "EMBEDDED_SERVER" in connection.settings_dict:
            # The container image does not have the embedded server.
            from circe.embedded_postgres import programs_directory

            self.folder = programs_directory()
        with connection.cursor():
            server = connection.pg_version // 10_000
        for name in ("pg_dump", "pg_restore", "psql"):
            version = self._version(self._path(name))
            if version < server:
                raise CommandError(
                    f"{self._path(name)} is of PostgreSQL {version}, and too old for the server's {server}: install "
                    f"the client programs of PostgreSQL {server} (Debian: postgresql-client-{server}), and put them "
                    "first in PATH.",
                    returncode=2,
                )

    def command(self, name: str, *options: str, connects: bool = True) -> list[str]:
        """Returns the command line of a program. One that `connects` gets the address of the database."""
        return [self._path(name), *options, *([f"--dbname={self.address}"] if connects else [])]

    def _path(self, name: str) -> str:
        path = str(self.folder / name) if self.folder else shutil.which(name)
        if path is None:
            raise CommandError(
                f"No {name} was found in PATH: install PostgreSQL's client programs (Debian: postgresql-client).",
                returncode=2,
            )
        return path

    @staticmethod
    def _version(path: str) -> int:
        output = subprocess.run([path, "--version"], capture_output=True, text=True).stdout
        found = re.search(r"\) (\d+)", output)
        return int(found[1]) if found else 0


def _refuse_cluster() -> None:
    """Raises CommandError on a cluster, whose nodes have no common snapshot, and whose extension belongs to a superuser."""
    if is_cluster():
        raise CommandError(
            "A cluster is not backed up or restored by this command: stop the web servers and run pg_dump "
            "--enable-row-security --format=custom, or pg_restore and then `manage.py distribute`, as “Scale out” in "
            "docs/operating.md says.",
            returncode=2,
        )


def back_up(file: Path) -> Counts:
    """Writes the database into a new file. Returns the number of rows by table. Raises CommandError."""
    with as_owner():
        _refuse_cluster()
        programs = Programs()
    # Beside the file, so that the file appears at once and complete. Its mode is 0600.
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    os.close(descriptor)
    draft = Path(name)
    try:
        with _snapshot() as (snapshot, counts):
            _dump(programs, draft, snapshot, table_count=len(counts))
        if (written := count_rows_in_file(programs, draft)) != counts:
            raise CommandError(f"The file is not complete: {_difference(counts, written)}.")
        try:
            os.link(draft, file)
        except FileExistsError:
            raise CommandError(f"{file} exists meanwhile, and is left as it is.") from None
    finally:
        draft.unlink()
    return counts


@contextmanager
def _snapshot() -> Iterator[tuple[str, Counts]]:
    """Holds a snapshot of the database open. Yields its name, and the number of rows by table."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            tables = sorted(database_tables(cursor))
            if "tenants_tenant" not in tables:
                raise CommandError(
                    "The database does not have the tables of Circe: there is nothing to back up.", returncode=2
                )
            cursor.execute(SEES_EVERY_ROW_SQL)
            sees_every_row, role = cursor.fetchone()
            if not sees_every_row:
                raise CommandError(
                    f"{role}, the user of DATABASE_URL, must be a member of circe_rls_bypass: it does not see every row.",
                    returncode=2,
                )
            cursor.execute("SELECT pg_export_snapshot()")
            [snapshot] = cursor.fetchone()
            yield snapshot, count_rows_of_tables(cursor, tables)
        finally:
            cursor.execute("ROLLBACK")


def count_rows_of_tables(cursor: Any, tables: list[str]) -> Counts:
    """Returns the number of rows by table."""
    counts = {}
    for table in tables:
        cursor.execute(f"SELECT count(*) FROM public.{connection.ops.quote_name(table)}")
        [counts[table]] = cursor.fetchone()
    return counts


def _dump(programs: Programs, file: Path, snapshot: str, *, table_count: int) -> None:
    options = ["--enable-row-security", "--format=custom", "--verbose"]
    options += [f"--snapshot={snapshot}", f"--lock-wait-timeout={LOCK_TIMEOUT_SECONDS}s", f"--file={file}"]
    command = programs.command("pg_dump", *options)
    with subprocess.Popen(command, env=programs.environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            errors = _show_progress(process.stderr, "writing", table_count)
        except BaseException:
            # A signal ends this command: without it pg_dump would go on.
            process.terminate()
            raise
    if process.returncode:
        raise CommandError(f"pg_dump failed: {errors}")


def _show_progress(lines: IO[str] | None, what: str, table_count: int) -> str:
    """Moves a progress bar with each table that a program names. Returns the last line that reports an error."""
    last = ""
    with tqdm(desc=what, total=table_count, unit=" tables", disable=None) as bar:
        for line in lines or ():
            bar.update("dumping contents of table" in line)
            last = line.strip() if "error" in line else last
    return last


def list_contents(programs: Programs, file: Path) -> str:
    """Returns the table of contents of a backup. Raises CommandError if the file is no backup of Circe."""
    command = programs.command("pg_restore", "--list", str(file), connects=False)
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise CommandError(f"{file} is no backup: {done.stderr.strip()}", returncode=2)
    if " TABLE DATA public tenants_tenant " not in done.stdout:
        raise CommandError(
            f"{file} is a backup of another program: it does not have the tables of Circe.", returncode=2
        )
    return done.stdout


def count_rows_in_file(programs: Programs, file: Path) -> Counts:
    """Returns the number of rows by table in a backup, which it reads to its end. Raises CommandError."""
    counts: Counts = {}
    command = programs.command("pg_restore", "--data-only", "--file=-", str(file), connects=False)
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors) as process,
        tqdm(desc="reading", unit=" rows", unit_scale=True, disable=None) as bar,
    ):
        lines = iter(process.stdout or ())
        for line in lines:
            if found := COPY_LINE.fullmatch(line):
                # Within the data of a table, a line break is written as \n.
                rows = sum(1 for _ in iter(lines.__next__, b"\\.\n"))
                counts[found[1].decode()] = rows
                bar.update(rows)
        process.wait()
        errors.seek(0)
        if process.returncode:
            raise CommandError(f"{file} is damaged: {errors.read().decode(errors='replace').strip()}")
    return counts


def _difference(expected: Counts, found: Counts) -> str:
    return ", ".join(
        f"{table} has {found.get(table, 0):,} rows instead of {expected.get(table, 0):,}"
        for table in sorted(expected | found)
        if expected.get(table) != found.get(table)
    )


def restore(file: Path, *, replace: bool) -> Counts:
    """Restores a backup, in one transaction. Returns the number of rows by table. Raises CommandError.

    `replace` removes what the database holds. Without it the database must be empty.
    """
    with as_owner():
        _refuse_cluster()
        programs = Programs()
        contents = list_contents(programs, file)
        with connection.cursor() as cursor:
            if (tables := sorted(database_tables(cursor))) and not replace:
                raise CommandError(
                    f"The database is not empty: it has {len(tables)} tables. Restore into an empty one, or add --replace, "
                    "which removes what is there.",
                    returncode=2,
                )
        connection.close()
        counts = count_rows_in_file(programs, file)
        with tempfile.NamedTemporaryFile("w", suffix=".list") as entries:
            # The entries DEFAULT ACL name the role that owned the database of the backup.
            entries.writelines(line for line in contents.splitlines(True) if " DEFAULT ACL " not in line)
            entries.flush()
            options = ["--no-owner", "--enable-row-security", f"--use-list={entries.name}", "--file=-", str(file)]
            _run_script(programs, programs.command("pg_restore", *options, connects=False), counts, replace=replace)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    return counts


def _run_script(programs: Programs, source: list[str], counts: Counts, *, replace: bool) -> None:
    """Runs the SQL that the command `source` prints, in one transaction. It is committed only if every row is there."""
    roles, _, privileges = files("tenants").joinpath("sql/application_roles.sql").read_text().partition("$$;")
    before = f"BEGIN;\nSET client_min_messages = warning;\nSET lock_timeout = '{LOCK_TIMEOUT_SECONDS}s';\n"
    before += f"{RECREATE_SCHEMA_SQL if replace else ''}{roles}$$;\n"
    # Otherwise circe_app could write every table that is restored: a backup grants the privileges that a role has on a
    # table, but does not revoke others, which default privileges would add.
    before += "ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM circe_app;\n"
    default_privileges = privileges.strip().splitlines()[-1]
    checks = "".join(
        f"IF (SELECT count(*) FROM public.{connection.ops.quote_name(table)}) <> {rows} THEN "
        f"RAISE EXCEPTION '% has not {rows} rows', '{table}'; END IF;\n"
        for table, rows in counts.items()
    )
    after = f"SET row_security = on;\n{default_privileges}\nDO $$ BEGIN\n{checks}END $$;\nCOMMIT;\n"
    command = programs.command("psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null")
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(source, stdout=subprocess.PIPE, stderr=errors) as reader,
        subprocess.Popen(
            command, env=programs.environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors
        ) as writer,
    ):
        try:
            writer.stdin.write(before.encode())
            _copy(reader.stdout, writer.stdin)
            if reader.wait() == 0:
                # Without this, psql ends without a COMMIT.
                writer.stdin.write(after.encode())
            writer.stdin.close()
        except BrokenPipeError:
            # psql has ended with an error.
            reader.kill()
            with suppress(BrokenPipeError):
                writer.stdin.close()
        writer.wait()
        errors.seek(0)
        if writer.returncode or reader.returncode:
            message = " ".join(errors.read().decode(errors="replace").split())
            raise CommandError(f"Nothing was changed, since the restore failed: {message}")


def _copy(source: IO[bytes] | Any, target: IO[bytes] | Any) -> None:
    with tqdm(desc="restoring", unit="B", unit_scale=True, disable=None) as bar:
        while block := source.read(1 << 20):
            target.write(block)
            bar.update(len(block))
