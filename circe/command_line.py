"""Runs a management command. If an error stops it, stderr gets its text without a traceback, and the exit code is not 0."""

import gc
import signal
import sys
from argparse import SUPPRESS
from collections.abc import Callable
from difflib import get_close_matches
from functools import partial
from typing import Any

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import ManagementUtility, get_commands
from django.core.management.base import BaseCommand, CommandError, CommandParser, SystemCheckError
from django.db import DatabaseError, connection
from psycopg.errors import UndefinedTable

from circe.db.roles import APPLICATION_ROLE
from circe.startup import DEFAULT_EXIT_CODE, exit_with

# Options that Django gives to every command. They work, but help does not list them.
DJANGO_OPTIONS = {
    "--version", "--verbosity", "--settings", "--pythonpath", "--traceback", "--no-color", "--force-color", "--skip-checks",
}  # fmt: skip
# The examples of Django's commands, by command. A command of ours has an attribute `examples`.
EXAMPLES = {
    "check": ("check --deploy",),
    "collectstatic": ("collectstatic --no-input",),
    "createsuperuser": ("createsuperuser",),
    "makemigrations": ("makemigrations --check --dry-run",),
    "showmigrations": ("showmigrations --plan",),
    "spectacular": ("spectacular --file openapi.yaml",),
}


class CommandLine(ManagementUtility):
    """Django's command line. It raises the errors of commands, and shows examples before their help."""

    def fetch_command(self, subcommand: str) -> BaseCommand:
        """Returns the command. Raises CommandError if there is none."""
        if subcommand not in get_commands():
            near = get_close_matches(subcommand, get_commands(), n=1)
            question = f" Is it {near[0]} that you mean?" if near else ""
            raise CommandError(
                f"There is no command {subcommand!r}.{question} `manage.py help` lists them.",
                returncode=DEFAULT_EXIT_CODE,
            )
        # With this option Django raises the command's error, instead of printing it its own way.
        self.argv.insert(2, "--traceback")
        command = super().fetch_command(subcommand)
        command.create_parser = partial(_create_parser, command.create_parser)  # type: ignore[method-assign]
        command.suppressed_base_arguments = command.suppressed_base_arguments | DJANGO_OPTIONS
        examples = getattr(command, "examples", EXAMPLES.get(subcommand, ()))
        if examples and (self.argv[1] == "help" or {"-h", "--help"} & {*self.argv[2:]}):
            lines = "".join(f"  {self.prog_name} {example}\n" for example in examples)
            sys.stdout.write(f"Examples:\n{lines}\n")
            sys.stdout.flush()
        return command


def _create_parser(create_parser: Callable[..., CommandParser], *names: str, **options: Any) -> CommandParser:
    """Returns the command's parser. Hides the one option of Django that `suppressed_base_arguments` does not reach."""
    parser = create_parser(*names, conflict_handler="resolve", **options)
    parser.add_argument("--skip-checks", action="store_true", help=SUPPRESS)
    return parser


def run_command(arguments: list[str]) -> None:
    """Runs the command that the arguments of manage.py name. With `--traceback` an error has its traceback.

    The garbage collector is on while the command runs, also if it was off before. SIGTERM and SIGHUP end the command as
    Ctrl-C does, so that it removes its temporary files. A command may handle them itself.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        # `nohup` ignores SIGHUP.
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _exit_on_signal)
    if "--traceback" in arguments:
        gc.enable()
        ManagementUtility(arguments).execute()
        return
    try:
        django.setup()
        # The modules that are loaded by now stay until the end, so the garbage collector need not look at them.
        gc.freeze()
        gc.enable()
        CommandLine(arguments).execute()
    except CommandError as error:
        # It may have several lines, such as a list of columns.
        sys.stderr.write(str(error) if isinstance(error, SystemCheckError) else f"error: {str(error).strip()}\n")
        sys.exit(error.returncode)
    except ImproperlyConfigured as error:
        exit_with(error)
    except DatabaseError as error:
        exit_with(_explain(error))
    except OSError as error:
        if error.filename is None:
            raise
        exit_with(f"{error.filename}: {error.strerror}.")
    except KeyboardInterrupt:
        exit_with("Stopped by Ctrl-C.", 130)


def _exit_on_signal(number: int, frame: Any) -> None:
    exit_with(f"Stopped by {signal.Signals(number).name}.", 128 + number)


def _explain(error: DatabaseError) -> str:
    """Returns a sentence for a database that is missing or not Circe's. Raises any other error again."""
    is_embedded = "EMBEDDED_SERVER" in connection.settings_dict
    name = "The embedded PostgreSQL" if is_embedded else "The database of DATABASE_URL"
    if isinstance(error.__cause__, UndefinedTable):
        return f"{name} does not have the tables of Circe: run `manage.py migrate`, or name Circe's database."
    # An error of a statement has a code of PostgreSQL's; without one there was no connection.
    if getattr(error.__cause__, "sqlstate", None):
        raise error
    # Such an error has a text and no code. The text is in the language of the server, and has the name of the role.
    if APPLICATION_ROLE in str(error):
        return f"{name} does not have the role {APPLICATION_ROLE}: run `manage.py migrate`, or name Circe's database."
    return f"{name} cannot be used: {error}" if is_embedded else f"{name} cannot be reached: {error}"
