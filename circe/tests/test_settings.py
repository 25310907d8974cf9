"""The settings are read from the environment. In production Circe does not start without its secrets."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings

from circe.tests.processes import run_python

pytestmark = pytest.mark.slow("starts a process for each environment")

SECRETS = {"SECRET_KEY": "s3cret-Key_" * 5, "JWT_SIGNING_KEY": "t0ken-Key_" * 6}
PRODUCTION = SECRETS | {"ALLOWED_HOSTS": "circe.example", "DATABASE_URL": "postgres://circe@127.0.0.1:9/circe"}


def run(*command, directory=settings.BASE_DIR, **environment):
    """Runs a process with only these variables of Circe. Returns its exit code and output."""
    environ = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    code, output, errors = run_python(*command, directory=directory, environment=environ | environment)
    return code, output + errors


def read_settings(expression, **environment):
    code, output = run("-c", f"from circe import settings; print(({expression},))", **environment)
    assert code == 0, output
    return output.strip()


@pytest.mark.parametrize("missing", SECRETS)
@pytest.mark.parametrize("value", [None, "", "short", "x" * 49])
def test_production_does_not_start_without_a_secret(missing, value):
    environment = {name: text for name, text in (PRODUCTION | {missing: value}).items() if text is not None}
    code, output = run("-c", "import circe.wsgi", **environment)
    assert code != 0
    assert output == f"error: {missing} must be set to at least 50 random characters.\n"


@pytest.mark.parametrize("beginning", ["$", "$$", "$HOME", "${HOME}", r"\$", r"a$b\$\\$c"])
def test_a_dollar_sign_in_a_value_is_literal(beginning):
    key = beginning + "s3cret-Key_" * 5
    environment = PRODUCTION | {
        "SECRET_KEY": key,
        "JWT_SIGNING_KEY": key + "2",
        "DATABASE_URL": f"postgres://circe:{quote(beginning)}@127.0.0.1:9/circe",
        "ALLOWED_HOSTS": "$HOST,b.example",
    }
    expression = "settings.SECRET_KEY, settings.JWT_SIGNING_KEY, settings.DATABASES['default']['PASSWORD']"
    assert read_settings(expression, **environment) == str((key, key + "2", beginning))
    assert read_settings("*settings.ALLOWED_HOSTS", **environment) == "('$HOST', 'b.example')"


def test_production_is_the_default(checkout):
    code, output = run("manage.py", "check", directory=checkout)
    assert code == 2
    assert output.startswith("error: SECRET_KEY must be set to at least 50 random characters. (For a demo, ")
    assert len(output.splitlines()) == 1
    assert run("manage.py", "check", DEBUG="0", DEMO="false")[0] != 0
    assert read_settings("settings.PRODUCTION, settings.DEBUG", **PRODUCTION) == "(True, False)"


@pytest.mark.parametrize(
    "address",
    [None, "", "banana", "postgres://", "mysql://circe:s3cret@db/circe", "postgres://circe:s3cret@db:port/circe"],
)
def test_production_does_not_start_without_the_address_of_a_postgresql(address):
    environment = {name: text for name, text in (PRODUCTION | {"DATABASE_URL": address}).items() if text is not None}
    code, output = run("-c", "import circe.wsgi", **environment)
    assert (code, output) == (2, "error: DATABASE_URL must be set to postgres://user:password@host:5432/name.\n")


MAIL = {
    "EMAIL_URL": "smtp+tls://circe:p%40ss$word@mail.example:587",
    "DEFAULT_FROM_EMAIL": "appointments@salon.example",
    "PUBLIC_URL": "https://circe.example/",
}


def test_the_mail_server_is_read_from_one_address():
    names = ("EMAIL_BACKEND", "EMAIL_HOST", "EMAIL_PORT", "EMAIL_HOST_USER", "EMAIL_HOST_PASSWORD", "EMAIL_USE_TLS")
    expression = (
        f"*[getattr(settings, name, None) for name in {names}], settings.PUBLIC_URL, settings.DEFAULT_FROM_EMAIL"
    )
    backend = "customers.messages.transport.SMTPBackend"
    assert read_settings(expression, **PRODUCTION, **MAIL) == str(
        (
            backend,
            "mail.example",
            587,
            "circe",
            "p@ss$word",
            True,
            "https://circe.example",
            "appointments@salon.example",
        )
    )
    over_tls = MAIL | {"EMAIL_URL": "smtp+ssl://mail.example:465"}
    assert read_settings("settings.EMAIL_USE_SSL, settings.EMAIL_PORT", **PRODUCTION, **over_tls) == "(True, 465)"
    for url, name in (("consolemail://", "console"), ("filemail:///tmp/mails", "filebased")):
        expected = f"('django.core.mail.backends.{name}.EmailBackend',)"
        assert read_settings("settings.EMAIL_BACKEND", **PRODUCTION, **MAIL | {"EMAIL_URL": url}) == expected
    kept = "('circe.demo.mails.mailbox.MailboxBackend', 'http://localhost:8765')"
    assert read_settings("settings.EMAIL_BACKEND, settings.PUBLIC_URL", DEMO="1", PORT="8765") == kept


def test_without_a_mail_server_production_serves_and_sends_nothing():
    assert read_settings("settings.MAIL_SETTINGS", **PRODUCTION, EMAIL_URL="") == "({},)"
    code, output = run("manage.py", "send_messages", "--once", **PRODUCTION)
    assert code == 2
    assert "EMAIL_URL must be set" in output


LOADED = """
import sys, warnings
warnings.simplefilter("ignore")
import circe.wsgi
from django.core.management import get_commands
print(sorted(name for name in sys.modules if "demo" in name.split(".") or "embedded_postgres" in name))
print([name for name in ("pg", "seed_demo", "migrate") if name in get_commands()])
"""


def test_production_has_neither_the_demo_nor_the_embedded_server():
    """The container image does not have them."""
    code, output = run("-c", LOADED, **PRODUCTION)
    assert (code, output) == (0, "[]\n['migrate']\n")
    code, output = run("-c", LOADED, DEMO="1")
    assert (code, output.splitlines()[-1]) == (0, "['pg', 'seed_demo', 'migrate']")


def test_production_starts_without_the_files_of_demo_and_embedded_server(checkout):
    shutil.rmtree(checkout / "circe" / "demo")
    shutil.rmtree(checkout / "circe" / "embedded_postgres")
    assert run("manage.py", "check", directory=checkout, **PRODUCTION)[0] == 0


def test_the_deployment_check_has_no_warning():
    code, output = run("manage.py", "check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)
    assert (code, output) == (0, "System check identified no issues (0 silenced).\n")


def test_production_requires_https_and_allowed_hosts():
    expression = (
        "settings.SECURE_HSTS_SECONDS, settings.SECURE_HSTS_INCLUDE_SUBDOMAINS, settings.SECURE_SSL_REDIRECT, "
        "settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE, settings.SESSION_COOKIE_HTTPONLY"
    )
    assert read_settings(expression, **PRODUCTION) == "(31536000, True, True, True, True, True)"
    assert read_settings("*settings.ALLOWED_HOSTS", **PRODUCTION) == "('circe.example',)"
    assert read_settings("settings.ALLOWED_HOSTS", **PRODUCTION | {"ALLOWED_HOSTS": ""}) == "([],)"
    nameless = {name: value for name, value in PRODUCTION.items() if name != "ALLOWED_HOSTS"}
    assert read_settings("settings.ALLOWED_HOSTS", **nameless) == "([],)"


def test_production_ignores_forwarded_headers_without_a_proxy():
    proxied = "getattr(settings, 'SECURE_PROXY_SSL_HEADER', None), settings.REST_FRAMEWORK['NUM_PROXIES']"
    assert read_settings(proxied, **PRODUCTION) == "(None, 0)"
    assert read_settings(proxied, **PRODUCTION, NUM_PROXIES="1") == "(('HTTP_X_FORWARDED_PROTO', 'https'), 1)"


@pytest.fixture
def demo_checkout(checkout):
    """A copy of the project in which `make run` has served a demo, so that it has var/demo."""
    (checkout / "var").mkdir()
    (checkout / "var" / "demo").touch()
    return checkout


MODE = "from django.conf import settings; print(settings.DEMO, settings.DATABASES['default']['ENGINE'])"


def test_commands_use_the_demo_after_make_run(demo_checkout):
    shown = run("manage.py", "shell", "--verbosity", "0", "--command", MODE, directory=demo_checkout)
    assert shown == (0, "True circe.embedded_postgres\n")


@pytest.mark.parametrize("name", PRODUCTION)
def test_commands_with_a_variable_of_production_do_not_use_the_demo(name, demo_checkout):
    code, output = run("manage.py", "check", directory=demo_checkout, **{name: PRODUCTION[name]})
    assert code == 2
    assert "must be set" in output


@pytest.mark.parametrize("command", [("-c", "import circe.wsgi"), ("-m", "gunicorn", "--config", "circe/gunicorn.py")])
def test_a_server_ignores_the_file_of_a_demo(command, demo_checkout):
    line = "error: SECRET_KEY must be set to at least 50 random characters.\n"
    assert run(*command, directory=demo_checkout) == (2, line)


@pytest.mark.parametrize("mode", ["DEMO", "DEBUG"])
def test_a_demo_generates_its_secrets(mode, checkout):
    show = "from circe import settings; print(settings.SECRET_KEY, settings.JWT_SIGNING_KEY)"
    first, second = (run("-c", show, directory=checkout, **{mode: "1"}) for _ in range(2))
    assert first == second
    assert first[0] == 0, first
    secret, signing = first[1].split()
    assert secret != signing
    assert min(len(secret), len(signing)) >= 50
    for file in (checkout / "var" / "secret_key.key", checkout / "var" / "jwt_signing_key.key"):
        assert file.stat().st_mode & 0o777 == 0o600
    assert {file.name for file in (checkout / "var").iterdir()} == {"secret_key.key", "jwt_signing_key.key"}


def test_a_demo_uses_a_secret_of_the_environment():
    assert read_settings("settings.SECRET_KEY", DEMO="1", SECRET_KEY="given") == "('given',)"


def test_processes_that_start_at_the_same_time_use_the_same_secrets(checkout):
    """All processes wait for the same moment before they read the settings."""
    start = (
        "import pathlib, time\n"
        "from django.core.management.utils import get_random_secret_key\n"
        "from circe import embedded_postgres\n"
        "gate = pathlib.Path('gate'); pathlib.Path('ready-' + str(__import__('os').getpid())).touch()\n"
        "while not gate.exists(): time.sleep(0.001)\n"
        "from circe import settings; print(settings.SECRET_KEY, settings.JWT_SIGNING_KEY)"
    )
    environ = {"PATH": os.environ["PATH"], "DEMO": "1"}
    processes = [
        subprocess.Popen([sys.executable, "-c", start], cwd=checkout, env=environ, stdout=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    while len(list(Path(checkout).glob("ready-*"))) < len(processes):
        assert all(process.poll() is None for process in processes)
    (checkout / "gate").touch()
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert len(set(outputs)) == 1
    assert len(outputs[0].split()) == 2
