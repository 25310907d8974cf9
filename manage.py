#!/usr/bin/env python
"""Circe's management commands.

In a checkout that serves a demo they work on that demo: `make run` leaves the file var/demo, and this file alone reads
it. A server never does: it is a demo only where the environment says DEMO=1.
"""

import os
import sys
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from circe.startup import exit_with

DEMO_MARK = Path(__file__).resolve().parent / "var" / "demo"
# Whoever sets one of them has said how Circe runs here, and gets just that.
SAY_HOW_IT_RUNS = {
    "DEMO", "DEBUG", "DJANGO_SETTINGS_MODULE", "SECRET_KEY", "JWT_SIGNING_KEY", "DATABASE_URL", "ALLOWED_HOSTS",
}  # fmt: skip


def main(arguments: list[str]) -> None:
    """Run a command. What is missing or wrong in the environment is one line on stderr, and exit code 2."""
    nothing_is_said = SAY_HOW_IT_RUNS.isdisjoint(os.environ)
    if nothing_is_said and DEMO_MARK.exists():
        os.environ["DEMO"] = "1"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "circe.settings")
    try:
        _ = settings.INSTALLED_APPS  # the first look at a setting loads them all
    except ImproperlyConfigured as error:
        exit_with(f"{error} (For a demo, `make run` once, or DEMO=1.)" if nothing_is_said else error)
    # A command needs one connection. Without a pool between, it learns at once why it gets none.
    settings.DATABASES["default"]["OPTIONS"].pop("pool", None)
    # Imported late: it needs the settings.
    from circe.command_line import run_command

    run_command(arguments)


if __name__ == "__main__":
    main(sys.argv)
