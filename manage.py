#!/usr/bin/env python
"""Circe's management commands.

`make run` creates the file var/demo, which stays. If it exists, commands work on the demo. Only manage.py looks for it:
a server is a demo only if the environment says DEMO=1.
"""

import gc
import os
import sys
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from circe.startup import exit_with

DEMO_MARK = Path(__file__).resolve().parent / "var" / "demo"
# If one of these variables is set, var/demo is ignored.
SAY_HOW_IT_RUNS = {
    "DEMO", "DEBUG", "DJANGO_SETTINGS_MODULE", "SECRET_KEY", "JWT_SIGNING_KEY", "DATABASE_URL", "ALLOWED_HOSTS",
}  # fmt: skip


def main(arguments: list[str]) -> None:
    """Runs a command. If a variable is missing or wrong, prints one line to stderr and exits with code 2."""
    # The collector would take a sixth of the time of the start, and find hardly any garbage. `run_command` turns it on
    # again.
    gc.disable()
    nothing_is_said = SAY_HOW_IT_RUNS.isdisjoint(os.environ)
    if nothing_is_said and DEMO_MARK.exists():
        os.environ["DEMO"] = "1"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "circe.settings")
    try:
        _ = settings.INSTALLED_APPS  # the first look at a setting loads them all
    except ImproperlyConfigured as error:
        exit_with(f"{error} (For a demo, `make run` once, or DEMO=1.)" if nothing_is_said else error)
    # A command needs one connection. Without a pool, the error of a failed connection is raised at once.
    settings.DATABASES["default"]["OPTIONS"].pop("pool", None)
    # Imported late: it needs the settings.
    from circe.command_line import run_command

    run_command(arguments)


if __name__ == "__main__":
    main(sys.argv)
