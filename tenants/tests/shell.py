"""Commands as an operator runs them."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from io import StringIO

from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from circe.db.roles import APPLICATION_ROLE_OPTION
from tenants.scope import tenant_scope


@dataclass
class Ran:
    """What came of a command."""

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


IN_THE_TEST_DATABASE = f"""
import gc, sys, django
gc.disable()
django.setup()
gc.freeze()
gc.enable()
from django.core.management import execute_from_command_line
from django.db import connection
connection.settings_dict["NAME"] = sys.argv[1]
connection.settings_dict["OPTIONS"]["options"] = {APPLICATION_ROLE_OPTION!r}
execute_from_command_line(["manage.py", *sys.argv[2:], "--skip-checks"])
"""


def start(*arguments):
    """A command in a process of its own, on the test database; what it prints is lost."""
    return subprocess.Popen(
        [sys.executable, "-c", IN_THE_TEST_DATABASE, connection.settings_dict["NAME"], *arguments],
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "circe.tests.settings"},
        cwd=settings.BASE_DIR,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
