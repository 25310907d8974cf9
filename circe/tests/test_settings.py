"""The settings, read from the environment: in production no secret means no start."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings

SECRETS = {"SECRET_KEY": "s3cret-Key_" * 5, "JWT_SIGNING_KEY": "t0ken-Key_" * 6}
PRODUCTION = SECRETS | {"ALLOWED_HOSTS": "circe.example", "DATABASE_URL": "postgres://circe@127.0.0.1:9/circe"}


def run(*command, directory=settings.BASE_DIR, **environment):
    """A process of its own, with no other variables of Circe's: (exit code, output)."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    done = subprocess.run(
        [sys.executable, *command], cwd=directory, env=kept | environment, capture_output=True, text=True, timeout=120
    )
    return done.returncode, done.stdout + done.stderr


def value_of(expression, **environment):
    code, output = run("-c", f"from circe import settings; print(({expression},))", **environment)
    assert code == 0, output
    return output.strip()


@pytest.mark.parametrize("missing", SECRETS)
@pytest.mark.parametrize("value", [None, "", "short", "x" * 49])
def test_production_does_not_start_without_a_secret(missing, value):
    environment = {name: text for name, text in (PRODUCTION | {missing: value}).items() if text is not None}
    code, output = run("-c", "import circe.wsgi", **environment)
    assert code != 0
    assert f"{missing} must be set to at least 50 random characters." in output


@pytest.mark.parametrize("beginning", ["$", "$$", "$HOME", "${HOME}", r"\$", r"a$b\$\\$c"])
def test_a_dollar_in_a_value_is_a_dollar(beginning):
    key = beginning + "s3cret-Key_" * 5
    environment = PRODUCTION | {
        "SECRET_KEY": key,
        "JWT_SIGNING_KEY": key + "2",
        "DATABASE_URL": f"postgres://circe:{quote(beginning)}@127.0.0.1:9/circe",
        "ALLOWED_HOSTS": "$HOST,b.example",
    }
    told = "settings.SECRET_KEY, settings.JWT_SIGNING_KEY, settings.DATABASES['default']['PASSWORD']"
    assert value_of(told, **environment) == str((key, key + "2", beginning))
    assert value_of("*settings.ALLOWED_HOSTS", **environment) == "('$HOST', 'b.example')"


def test_production_is_what_nothing_asks_for():
    assert run("manage.py", "check")[0] != 0
    assert run("manage.py", "check", DEBUG="0", DEMO="false")[0] != 0
    assert value_of("settings.PRODUCTION, settings.DEBUG", **PRODUCTION) == "(True, False)"


def test_the_deployment_check_has_no_warning():
    code, output = run("manage.py", "check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)
    assert (code, output) == (0, "System check identified no issues (0 silenced).\n")


def test_production_insists_on_https_and_on_its_own_names():
    told = (
        "settings.SECURE_HSTS_SECONDS, settings.SECURE_HSTS_INCLUDE_SUBDOMAINS, settings.SECURE_SSL_REDIRECT, "
        "settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE, settings.SESSION_COOKIE_HTTPONLY"
    )
    assert value_of(told, **PRODUCTION) == "(31536000, True, True, True, True, True)"
    assert value_of("*settings.ALLOWED_HOSTS", **PRODUCTION) == "('circe.example',)"
    assert value_of("settings.ALLOWED_HOSTS", **PRODUCTION | {"ALLOWED_HOSTS": ""}) == "([],)"
    nameless = {name: value for name, value in PRODUCTION.items() if name != "ALLOWED_HOSTS"}
    assert value_of("settings.ALLOWED_HOSTS", **nameless) == "([],)"


def test_production_believes_no_forwarded_header_without_a_proxy():
    proxied = "getattr(settings, 'SECURE_PROXY_SSL_HEADER', None), settings.REST_FRAMEWORK['NUM_PROXIES']"
    assert value_of(proxied, **PRODUCTION) == "(None, 0)"
    assert value_of(proxied, **PRODUCTION, NUM_PROXIES="1") == "(('HTTP_X_FORWARDED_PROTO', 'https'), 1)"


@pytest.fixture
def house(tmp_path):
    """A copy of the project without its `var/`."""
    for part in ("circe", "tenants", "customers", "appointments", "analytics"):
        shutil.copytree(settings.BASE_DIR / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.mark.parametrize("mode", ["DEMO", "DEBUG"])
def test_a_demo_makes_secrets_of_its_own(mode, house):
    show = "from circe import settings; print(settings.SECRET_KEY, settings.JWT_SIGNING_KEY)"
    first, second = (run("-c", show, directory=house, **{mode: "1"}) for _ in range(2))
    assert first == second
    assert first[0] == 0, first
    secret, signing = first[1].split()
    assert secret != signing
    assert min(len(secret), len(signing)) >= 50
    for file in (house / "var" / "secret_key.key", house / "var" / "jwt_signing_key.key"):
        assert file.stat().st_mode & 0o777 == 0o600
    assert {file.name for file in (house / "var").iterdir()} == {"secret_key.key", "jwt_signing_key.key"}


def test_a_secret_given_is_taken_in_a_demo_too():
    assert value_of("settings.SECRET_KEY", DEMO="1", SECRET_KEY="given") == "('given',)"


def test_processes_that_start_at_once_agree_on_the_secret(house):
    """Each waits for the same moment before it reads the settings."""
    start = (
        "import pathlib, time\n"
        "from django.core.management.utils import get_random_secret_key\n"
        "from circe import embedded_postgres\n"
        "gate = pathlib.Path('gate'); pathlib.Path('ready-' + str(__import__('os').getpid())).touch()\n"
        "while not gate.exists(): time.sleep(0.001)\n"
        "from circe import settings; print(settings.SECRET_KEY, settings.JWT_SIGNING_KEY)"
    )
    kept = {"PATH": os.environ["PATH"], "DEMO": "1"}
    processes = [
        subprocess.Popen([sys.executable, "-c", start], cwd=house, env=kept, stdout=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    while len(list(Path(house).glob("ready-*"))) < len(processes):
        assert all(process.poll() is None for process in processes)
    (house / "gate").touch()
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert len(set(outputs)) == 1
    assert len(outputs[0].split()) == 2
