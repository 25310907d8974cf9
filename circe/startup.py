"""Ends a process whose environment variables are missing or wrong, with a message of one line."""

import os
import sys
from typing import NoReturn

from django.core.exceptions import ImproperlyConfigured

EXIT_CODE = 2


def exit_with(error: object) -> NoReturn:
    """Ends the process with EXIT_CODE. Writes the error to stderr, as one line."""
    sys.stderr.write(f"{' '.join(str(error).split())}\n")
    sys.exit(EXIT_CODE)


def read_whole_number(name: str, default: int) -> int:
    """Returns the number in the environment variable `name`. Raises ImproperlyConfigured if it is not a whole number."""
    value = os.environ.get(name, str(default))
    if not (value.isascii() and value.isdecimal()):
        raise ImproperlyConfigured(f"{name} must be a whole number, for example {name}={default}.")
    return int(value)
