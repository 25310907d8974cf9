"""A fault that stops a start or a command gives one line on stderr. It names the variable or the file, and what would be
right.
"""

import os
import re
import socket
import threading
from contextlib import suppress

import pytest
from django.conf import settings

from circe.tests.test_settings import PRODUCTION, run

pytestmark = pytest.mark.slow("starts a process for each error")

GUNICORN = ("-m", "gunicorn", "--config", "circe/gunicorn.py")
CHECK, MIGRATE = ("manage.py", "check"), ("manage.py", "migrate")
PURGE = ("manage.py", "purge_customers", "--tenant", "lotus", "--older-than", "30d", "--yes")
CLOSED = "postgres://circe:s3cret@127.0.0.1:9/circe"

# Both servers and commands read these variables: one wrong variable, and the beginning of the error.
EMAIL_URL_LINE = (
    "EMAIL_URL must be smtp+tls://user:password@host:587, smtp+ssl://…:465, smtp://host:25, consolemail:// or "
    "filemail:///directory."
)
MAIL = {
    "EMAIL_URL": "smtp+tls://mail.example:587",
    "DEFAULT_FROM_EMAIL": "appointments@salon.example",
    "PUBLIC_URL": "https://circe.example/",
}
WRONG_SETTINGS = [
    ({"EMAIL_URL": "pigeon://s3cret@roof"}, EMAIL_URL_LINE),
    ({"EMAIL_URL": "smtp://"}, EMAIL_URL_LINE),
    (
        MAIL | {"DEFAULT_FROM_EMAIL": ""},
        "DEFAULT_FROM_EMAIL must be set to an address such as appointments@salon.example.",
    ),
    (MAIL | {"PUBLIC_URL": "circe.example"}, "PUBLIC_URL must be set to an address such as https://circe.example."),
    ({"SECRET_KEY": "short"}, "SECRET_KEY must be set to at least 50 random characters."),
    ({"JWT_SIGNING_KEY": ""}, "JWT_SIGNING_KEY must be set to at least 50 random characters."),
    ({"DATABASE_URL": "banana"}, "DATABASE_URL must be set to postgres://user:password@host:5432/name."),
    ({"DATABASE_URL": "mysql://u:s3cret@db/circe"}, "DATABASE_URL must be set to postgres://user:password@host"),
    ({"DATABASE_URL": f"{CLOSED}?sslmod=require"}, 'DATABASE_URL has an option that PostgreSQL\'s client does not'),
    ({"NUM_PROXIES": "one"}, "NUM_PROXIES must be a whole number from 0 to 100, for example NUM_PROXIES=0, and not 'one'."),
    ({"WEB_THREADS": "-4"}, "WEB_THREADS must be a whole number from 1 to 96, for example WEB_THREADS=4, and not '-4'."),
    ({"WEB_THREADS": "9" * 5000}, "WEB_THREADS must be a whole number from 1 to 96"),
    ({"SECURE_SSL_REDIRECT": "maybe"}, "SECURE_SSL_REDIRECT must be true or false, and not 'maybe'."),
    ({"DEBUG": "2"}, "DEBUG must be true or false, and not '2'."),
    ({"CSRF_TRUSTED_ORIGINS": "salon.example"}, "CSRF_TRUSTED_ORIGINS must hold https://… addresses, and not 'salon"),
    ({"METRICS_TOKEN": "short"}, "METRICS_TOKEN must have at least 32 random characters."),
    ({"LOG_LEVEL": "loud"}, "LOG_LEVEL must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL, and not 'loud'."),
]  # fmt: skip
WRONG_STARTS = [
    *((command, *row) for command in (GUNICORN, CHECK) for row in WRONG_SETTINGS),
    (GUNICORN, {"PORT": "many"}, "PORT must be a whole number from 1 to 65535, for example PORT=8000, and not 'many'."),
    (GUNICORN, {"PORT": "65536"}, "PORT must be a whole number from 1 to 65535"),
    (GUNICORN, {"PORT": "0"}, "PORT must be a whole number from 1 to 65535"),
    (GUNICORN, {"WEB_WORKERS": "0"}, "WEB_WORKERS must be a whole number from 1 to 64"),
    (GUNICORN, {"DEMO": "yess"}, "DEMO must be true or false, and not 'yess'."),
    (MIGRATE, {"DATABASE_URL": CLOSED}, "The database of DATABASE_URL cannot be reached: connection failed"),
    (MIGRATE, {"DATABASE_URL": "postgres://circe@no.such.host.invalid/circe"}, "The database of DATABASE_URL cannot be"),
    (MIGRATE, {"DATABASE_URL": f"{CLOSED}?sslmode=banana"}, "The database of DATABASE_URL cannot be reached"),
    (PURGE, {"DATABASE_URL": CLOSED}, "The database of DATABASE_URL cannot be reached: connection failed"),
    (("manage.py", "purge_custmers"), {}, "There is no command 'purge_custmers'. Is it purge_customers that you mean?"),
]  # fmt: skip


def assert_fails(result, beginning):
    code, output = result
    assert code == 2, output
    assert re.fullmatch(r"error: .+\n", output), output
    assert output.startswith(f"error: {beginning}")
    assert "s3cret" not in output


@pytest.mark.parametrize(("command", "wrong", "beginning"), WRONG_STARTS)
def test_the_error_of_a_wrong_variable_is_one_line(command, wrong, beginning):
    assert_fails(run(*command, **PRODUCTION | {"PORT": "18001"} | wrong), beginning)


def test_the_error_of_a_port_in_use_is_one_line():
    with socket.create_server(("0.0.0.0", 0)) as listener:
        port = listener.getsockname()[1]
        result = run(*GUNICORN, **PRODUCTION, PORT=str(port))
    assert_fails(result, f"PORT={port} can't be used: another program uses it.")


@pytest.mark.parametrize("command", [GUNICORN, CHECK])
def test_the_error_of_a_var_that_can_not_be_written_is_one_line(command, checkout):
    (checkout / "var").write_text("a file")
    result = run(*command, directory=checkout, DEMO="1", PORT="18001")
    assert_fails(result, f"{checkout / 'var'} must be a directory that can be written, or SECRET_KEY be set.")


def test_the_error_of_an_empty_key_is_one_line(checkout):
    (checkout / "var").mkdir()
    (checkout / "var" / "secret_key.key").touch()
    result = run(*CHECK, directory=checkout, DEMO="1")
    assert_fails(result, f"{checkout / 'var' / 'secret_key.key'} must hold a key, and is empty")


@pytest.mark.parametrize("command", [MIGRATE, ("manage.py", "pg", "status"), PURGE])
def test_the_error_of_a_cluster_that_can_not_be_made_is_one_line(command, checkout):
    (checkout / "var").write_text("a file")
    result = run(*command, directory=checkout, DEMO="1", SECRET_KEY="given", JWT_SIGNING_KEY="given")
    assert_fails(
        result, f"The embedded PostgreSQL cannot be used: {checkout / 'var'} must be a directory, and is a file."
    )


@pytest.mark.django_db
def test_the_error_of_a_database_of_another_program_is_one_line():
    server = settings.DATABASES["default"]
    if "DATABASE_URL" in os.environ:
        pytest.skip("needs the embedded PostgreSQL")
    # This database is on the server of Circe, and holds no table of it.
    address = f"postgres://{server['USER']}@/postgres?host={server['HOST']}&port={server['PORT']}"
    result = run(*PURGE, **PRODUCTION | {"DATABASE_URL": address})
    assert_fails(result, "The database of DATABASE_URL does not have the tables of Circe: run `manage.py migrate`")


def test_a_missing_role_is_known_from_the_error_of_a_server_in_another_language():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=refuse_connections, args=[listener], daemon=True).start()
        address = f"postgres://circe@127.0.0.1:{listener.getsockname()[1]}/circe?sslmode=disable&gssencmode=disable"
        result = run(*PURGE, **PRODUCTION | {"DATABASE_URL": address})
    assert_fails(result, "The database of DATABASE_URL does not have the role circe_app: run `manage.py migrate`")


def refuse_connections(listener):
    """Answers each connection as a German PostgreSQL does that does not have the role."""
    fields = b"SFATAL\0VFATAL\0C22023\0M" + "Rolle »circe_app« existiert nicht".encode() + b"\0\0"
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            with client:
                client.recv(1000)
                client.sendall(b"E" + (len(fields) + 4).to_bytes(4, "big") + fields)


def test_a_command_shows_a_traceback_to_who_asks_for_one():
    code, output = run(*PURGE, "--traceback", **PRODUCTION | {"DATABASE_URL": CLOSED})
    assert code == 1
    assert "Traceback (most recent call last):" in output


@pytest.mark.parametrize("asked", [[], ["--traceback"]], ids=["", "with a traceback"])
def test_the_garbage_collector_is_off_during_the_start_alone(asked):
    command = "import gc; print(gc.isenabled())"
    code, output = run("manage.py", "shell", "--command", command, *asked, **PRODUCTION)
    assert (code, output.splitlines()[-1]) == (0, "True")
