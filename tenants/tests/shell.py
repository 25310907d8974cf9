"""Commands as an operator runs them."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO

from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from circe.db.roles import APPLICATION_OPTIONS
from tenants.scope import tenant_scope


@dataclass
class Ran:
    """The result of a command."""

    code: int
    stdout: str
    stderr: str

    @property
    def lines(self):
        return self.stdout.splitlines()

    @property
    def report(self):
        """With --json, which prints one object and nothing else."""
        return json.loads(self.stdout)


def run(command, *arguments):
    """A command in this process, by name or as an instance."""
    out, err, code = StringIO(), StringIO(), 0
    try:
        with tenant_scope(None):
            call_command(command, *arguments, stdout=out, stderr=err)
    except SystemExit as end:
        code = end.code
    except CommandError as error:
        code = error.returncode
        err.write(str(error))
    return Ran(code, out.getvalue(), err.getvalue())


ON_THE_TEST_DATABASE = f"""
import gc, os, sys, django
gc.disable()
django.setup()
gc.freeze()
gc.enable()
from django.core.management import execute_from_command_line
from django.db import connection
connection.settings_dict["NAME"] = sys.argv[1]
connection.settings_dict["OPTIONS"]["options"] = {APPLICATION_OPTIONS!r}

def execute():
    execute_from_command_line(["manage.py", *sys.argv[2:], "--skip-checks"])
"""
# A child always ends here, also by an exception: it never reads the next line.
FORK_FOR_EACH_LINE = """
for line in sys.stdin:
    children = []
    for _ in range(int(line)):
        children.append(os.fork())
        if not children[-1]:
            os.dup2(os.open(os.devnull, os.O_RDWR), 0), os.dup2(0, 1)
            sys.exit(execute())
    print(*children, flush=True)
    print(*[os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children], flush=True)
"""


def start(*arguments):
    """A command in a process of its own, on the test database; what it prints is lost."""
    return _popen("execute()", arguments, stdout=subprocess.DEVNULL)


@contextmanager
def forks(*arguments):
    """Many processes of a command, on the test database, see `Forks`; what they print is lost. Kills them at the end."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with _popen(FORK_FOR_EACH_LINE, arguments, process_group=0, **pipes) as parent:
        try:
            yield Forks(parent)
        finally:
            os.killpg(parent.pid, signal.SIGKILL)


class Forks:
    """Starts processes as forks of one that has imported the code, which saves each half a second of processor time."""

    def __init__(self, parent):
        self.parent = parent

    def start(self, number):
        """Starts so many processes and returns their pids."""
        print(number, file=self.parent.stdin, flush=True)
        return self._read_numbers()

    def wait(self):
        """Waits for those that were started last, and returns their exit codes."""
        return self._read_numbers()

    def _read_numbers(self):
        return [int(word) for word in self.parent.stdout.readline().split()]


def _popen(code, arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-c", ON_THE_TEST_DATABASE + code, connection.settings_dict["NAME"], *arguments],
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "circe.tests.settings"},
        cwd=settings.BASE_DIR,
        stderr=subprocess.DEVNULL,
        **options,
    )
