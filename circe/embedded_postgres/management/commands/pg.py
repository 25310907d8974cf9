"""Shows the state of the embedded PostgreSQL, stops it, or runs psql."""
# ruff: noqa: S603, S606, S607 (the purpose of this command is to run programs)

import os
import shutil
import subprocess
import sys
from argparse import REMAINDER, ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.backends.postgresql.client import DatabaseClient

from circe.embedded_postgres import EmbeddedServer, programs_directory

EXIT_CODE_STOPPED = 3  # the same as of `pg_ctl status`

CHECKOUT = Path(__file__).resolve().parents[4]


class Command(BaseCommand):
    """`pg status` exits with 0 if the embedded server runs, else with 3. `pg psql` starts it and runs psql."""

    examples = (
        "pg status",
        "pg stop",
        "pg psql",
    )
    help = "The embedded PostgreSQL: show whether it runs (status), stop it (stop), or open a session (psql)."
    # Checks import all code, and this command must work when that import fails.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the action, and the arguments that are passed on to psql."""
        parser.add_argument("action", choices=["status", "stop", "psql"])
        parser.add_argument("arguments", nargs=REMAINDER, metavar="...", help="arguments of psql")

    def handle(self, *args: Any, action: str, arguments: list[str], **options: Any) -> None:
        """Does the action. Raises CommandError for arguments to `status` and `stop`."""
        server: EmbeddedServer | None = connection.settings_dict.get("EMBEDDED_SERVER")
        if action == "psql":
            self._psql(server, arguments)
        elif arguments:
            raise CommandError(f"pg {action} takes no arguments.")
        elif server is None:
            self.stdout.write("The embedded PostgreSQL is not in use: DATABASE_URL is set.")
            sys.exit(EXIT_CODE_STOPPED if action == "status" else 0)
        elif action == "stop":
            self._stop(server)
        else:
            self._status(server)

    def _status(self, server: EmbeddedServer) -> None:
        pid = server.running_pid()
        version = subprocess.check_output([programs_directory() / "postgres", "--version"], text=True).split()[-1]
        size = subprocess.run(["du", "-sh", server.data_dir], capture_output=True, text=True).stdout.split("\t")[0]
        self.stdout.write(
            f"PostgreSQL {version}: {f'running, pid {pid}' if pid else 'stopped'}\n"
            f"data    {server.data_dir} ({size or 'not made yet'})\n"
            f"socket  {server.socket_dir}\n"
            f"log     {server.log}"
        )
        if not pid:
            sys.exit(EXIT_CODE_STOPPED)

    def _stop(self, server: EmbeddedServer) -> None:
        """Stops the server. Says what it did, and what still runs: a server of Circe would start PostgreSQL again."""
        pid = server.running_pid()
        server.stop()
        self.stdout.write(f"ok: PostgreSQL was stopped (pid {pid})." if pid else "ok: PostgreSQL was not running.")
        for process in find_circe_servers():
            self.stdout.write(
                f"Still running: Circe's server (gunicorn, pid {process}). It starts PostgreSQL again at its next request: "
                f"`kill {process}` ends it."
            )
        for other in sorted(server.data_dir.parent.glob("pg*/postmaster.pid")):
            if running := EmbeddedServer(other.parent).running_pid():
                self.stdout.write(f"Still running: another PostgreSQL (pid {running}), of {other.parent}.")

    def _psql(self, server: EmbeddedServer | None, arguments: list[str]) -> None:
        command, environment = DatabaseClient.settings_to_cmd_args_env(connection.settings_dict, arguments)
        program: str | None
        if server:
            server.ensure_running()
            program = str(programs_directory() / "psql")
        else:
            # The wheel's psql has no TLS, which a remote server may require.
            program = shutil.which("psql")
        if program is None:
            raise CommandError("No psql was found: install PostgreSQL's client programs.")
        os.execve(program, command, os.environ | (environment or {}))


def find_circe_servers() -> list[int]:
    """Returns the pids of the processes of gunicorn that serve this checkout, without their workers."""
    found: dict[int, int] = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            is_here = (process / "cwd").resolve() == CHECKOUT
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            # It has ended meanwhile, or is another user's.
            continue
        if is_here and b"gunicorn" in words:
            found[int(process.name)] = parent
    return sorted(pid for pid, parent in found.items() if parent not in found)
