"""Ends a process whose environment is missing or wrong, with a message of one line."""

import errno
import functools
import os
import socket
import sys
from typing import NoReturn

from django.core.exceptions import ImproperlyConfigured

DEFAULT_EXIT_CODE = 2
ON, OFF = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
# The environment variables that are set if gunicorn takes over a socket that is open already: on SIGUSR2, or from systemd.
INHERITED_SOCKET_VARIABLES = {"GUNICORN_FD", "LISTEN_FDS"}


def exit_with(error: object, code: int = DEFAULT_EXIT_CODE) -> NoReturn:
    """Ends the process with the exit code. Writes the error to stderr, as one line."""
    line = " ".join(str(error).split())
    sys.stderr.write(f"error: {line if line.endswith(('.', '?', ')')) else f'{line}.'}\n")
    sys.exit(code)


def read_whole_number(name: str, default: int, *, minimum: int = 0, maximum: int) -> int:
    """Returns the number in the environment variable `name`. Raises ImproperlyConfigured if it is not in the range."""
    value = os.environ.get(name, str(default))
    is_number = value.isascii() and value.isdecimal() and len(value) < 20
    if not is_number or not minimum <= int(value) <= maximum:
        right = f"a whole number from {minimum} to {maximum}"
        raise ImproperlyConfigured(f"{name} must be {right}, for example {name}={default}, and not {value!r}.")
    return int(value)


def read_switch(name: str, default: bool) -> bool:
    """Returns whether the environment variable `name` is on. Raises ImproperlyConfigured if it is neither on nor off."""
    value = os.environ.get(name, "").strip()
    if not value:
        return default
    if value.lower() not in ON + OFF:
        raise ImproperlyConfigured(f"{name} must be true or false, and not {value!r}.")
    return value.lower() in ON


def read_log_level(default: str) -> str:
    """Returns the level in LOG_LEVEL, in capitals. Raises ImproperlyConfigured if it is not one of LOG_LEVELS."""
    value = os.environ.get("LOG_LEVEL", default)
    if value.upper() not in LOG_LEVELS:
        raise ImproperlyConfigured(f"LOG_LEVEL must be one of {', '.join(LOG_LEVELS)}, and not {value!r}.")
    return value.upper()


# Cached, since gunicorn reads its configuration again on SIGHUP. At that time gunicorn itself uses the port.
@functools.cache
def check_port_is_free(host: str, port: int) -> None:
    """Raises ImproperlyConfigured if a server can't listen on the port."""
    if INHERITED_SOCKET_VARIABLES & os.environ.keys():
        return
    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        reason = "another program uses it" if error.errno == errno.EADDRINUSE else error.strerror
        raise ImproperlyConfigured(f"PORT={port} can't be used: {reason}. Set PORT to another number.") from error
