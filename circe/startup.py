"""What a process does that is started with something missing or wrong in its environment: it says so and ends."""

import os
import sys
from typing import NoReturn

from django.core.exceptions import ImproperlyConfigured

EXIT_CODE = 2


def exit_with(error: object) -> NoReturn:
    """End the process with the message as one line on stderr."""
    sys.stderr.write(f"{' '.join(str(error).split())}\n")
    sys.exit(EXIT_CODE)


def whole_number(name: str, default: int) -> int:
    """The number in the environment variable `name`. Raises ImproperlyConfigured where it is not one."""
    value = os.environ.get(name, str(default))
    if not (value.isascii() and value.isdecimal()):
        raise ImproperlyConfigured(f"{name} must be a whole number, for example {name}={default}.")
    return int(value)
