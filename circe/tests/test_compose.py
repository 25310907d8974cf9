"""The parts of compose.yaml agree with each other, with the settings, the image and nginx's configuration."""

import re

import pytest
import yaml
from django.conf import settings

from circe.tests.nginx import DEPLOY, VARIABLE

ROOT = settings.BASE_DIR
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
PROXY = SERVICES["proxy"]
# `${NAME}`, `${NAME:-default}`, `${NAME:?message}`, `${NAME:+other}`
INTERPOLATION = re.compile(r"\$\{(\w+)(?:(:[-+?])([^}]*))?\}")


def resolve(text, **environment):
    """Replaces the variables of a value as `docker compose` does."""

    def value(match):
        name, operator, word = match.groups()
        given = environment.get(name, "")
        if operator == ":+":
            return word if given else ""
        return given or (word if operator == ":-" else "")

    return INTERPOLATION.sub(value, str(text))


def listening_port(text):
    return int(resolve(text).rpartition(":")[2])


def test_circe_gets_only_variables_that_it_reads():
    read = "".join((ROOT / "circe" / name).read_text() for name in ("settings.py", "gunicorn.py", "startup.py"))
    for name in SERVICES["web"]["environment"]:
        assert f'"{name}"' in read, name


def test_every_variable_that_compose_asks_for_is_documented():
    documents = (ROOT / "README.md").read_text() + (ROOT / "docs" / "operating.md").read_text()
    lines = [line for line in (ROOT / "compose.yaml").read_text().splitlines() if not line.lstrip().startswith("#")]
    names = {match[1] for line in lines for match in INTERPOLATION.finditer(line)}
    assert names
    assert {name for name in names if f"`{name}`" not in documents} == set()


def test_only_the_proxy_is_reached_from_outside():
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    assert SERVICES["web"]["environment"]["NUM_PROXIES"] == 1


def test_the_proxy_finds_circe_and_is_found():
    name, port = PROXY["environment"]["PROXY_UPSTREAM"].split(":")
    assert int(port) in SERVICES[name]["expose"]
    assert f"PORT={port}" in (ROOT / "Dockerfile").read_text()
    inside = [listening_port(port) for port in PROXY["ports"]]
    assert inside == [PROXY["environment"][variable] for variable in ("PROXY_HTTP", "PROXY_HTTPS")]
    assert f"127.0.0.1:{inside[0]}/healthz" in PROXY["healthcheck"]["test"][-1]


def test_the_proxy_gets_every_variable_and_file_of_its_configuration():
    templates = [*DEPLOY.glob("*.conf")]
    needed = {name for template in templates for name in VARIABLE.findall(template.read_text())}
    assert needed == {name for name in PROXY["environment"] if name.startswith("PROXY_")}
    assert all(re.match(PROXY["environment"]["NGINX_ENVSUBST_FILTER"], name) for name in needed)
    mounted = {volume.split(":")[0]: volume.split(":")[1:] for volume in PROXY["volumes"] if ".conf:" in volume}
    assert mounted == {
        f"./deploy/{template.name}": [f"/etc/nginx/templates/{template.name}.template", "ro"] for template in templates
    }
    # The entry point writes where nginx reads.
    assert PROXY["command"][4] == f"{PROXY['environment']['NGINX_ENVSUBST_OUTPUT_DIR']}/nginx.conf"
    assert PROXY["environment"]["NGINX_ENVSUBST_OUTPUT_DIR"] in PROXY["tmpfs"]
    assert PROXY["command"][2] in PROXY["volumes"]


@pytest.mark.parametrize(
    ("environment", "scheme"),
    [({}, "http"), ({"TLS_CERTIFICATE": "fullchain.pem", "TLS_KEY": "privkey.pem"}, "https")],
)
def test_a_certificate_switches_tls_on(environment, scheme):
    given = {name: resolve(value, **environment) for name, value in PROXY["environment"].items()}
    assert (DEPLOY / f"listen-{given['PROXY_SCHEME']}.conf").exists()
    assert given["PROXY_SCHEME"] == scheme
    if environment:
        assert given["PROXY_CERTIFICATE"] == "/tls/fullchain.pem"
        assert given["PROXY_CERTIFICATE_KEY"] == "/tls/privkey.pem"


def test_whoever_stops_a_service_waits_until_its_requests_are_done():
    """Seconds: what gunicorn needs at most, then the container; what nginx needs at most, then the container."""
    gunicorn = (ROOT / "circe" / "gunicorn.py").read_text()
    nginx = (DEPLOY / "nginx.conf").read_text()
    graceful = int(re.search(r"^graceful_timeout = (\d+)", gunicorn, re.M)[1])
    shutdown = int(re.search(r"worker_shutdown_timeout (\d+)s;", nginx)[1])
    assert graceful < int(SERVICES["web"]["stop_grace_period"].rstrip("s"))
    assert shutdown < int(PROXY["stop_grace_period"].rstrip("s"))


def test_nginx_waits_longer_than_circe_needs_to_give_up():
    from circe.concurrency import SLOT_WAIT_SECONDS

    gunicorn = (ROOT / "circe" / "gunicorn.py").read_text()
    statement = int(re.search(r"statement_timeout=(\d+)s", gunicorn)[1])
    assert int(PROXY["environment"]["PROXY_READ_TIMEOUT"].rstrip("s")) > SLOT_WAIT_SECONDS + statement
