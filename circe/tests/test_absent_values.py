"""An absent optional value is null in every answer of the API, and never an empty string."""

import pytest

from appointments.tests.factories import AppointmentFactory, TimeOffFactory
from circe.tests.test_differential import QUERIES, find_references
from conftest import client_of
from customers.models import Customer
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from customers.tests.pages import ADD
from customers.tests.pages import JANE as FORM
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory

CUSTOMERS = "/api/v1/customers"
ME = "/api/v1/auth/me"
EMPTY = {
    "last_name": "", "email": "", "gender": "", "address": "",
    "preferences": {"notes": "", "accessibility_needs": ""},
}  # fmt: skip


def empty_strings(value, path=""):
    """Returns the paths of the empty strings in a JSON value."""
    if isinstance(value, dict):
        return [found for key, one in value.items() for found in empty_strings(one, f"{path}.{key}")]
    if isinstance(value, list):
        return [found for one in value for found in empty_strings(one, f"{path}[]")]
    return [path] if value == "" else []


@pytest.fixture
def nameless(tenant):
    """A user without a name."""
    return UserFactory(tenant=tenant, role="tenant_admin", first_name="", last_name="")


@pytest.fixture
def people(tenant, nameless, back_office):
    """Customers with as few values as possible, created and changed in every way, with appointments."""
    client = client_of(nameless)
    first = client.post(CUSTOMERS, {"first_name": "Jane", "phone": "08123456789", "source": "", **EMPTY})
    second = CustomerFactory(tenant=tenant, address="Somewhere 1", notes="A note", gender="female", source="phone")
    changed = client.put(f"{CUSTOMERS}/{second.pk}", EMPTY)
    assert (first.status_code, changed.status_code) == (201, 200), (first.json(), changed.json())
    optional = ("last_name", "address", "notes", "accessibility_needs", "gender", "source", "email", "tags")
    form = FORM | dict.fromkeys(optional, "") | {"first_name": "Joan", "phone": "+628999999999"}
    assert back_office("staff").post(ADD, form).status_code == 302
    for pk in (first.json()["id"], second.pk):
        AppointmentFactory(
            tenant=tenant,
            customer_id=pk,
            customer=None,
            outlet=OutletFactory(tenant=tenant, address=""),
            service=ServiceFactory(tenant=tenant, category=""),
            staff_id=nameless.pk,
            notes=None,
        )
    TimeOffFactory(tenant=tenant, staff_id=nameless.pk, reason="")
    deleted = DeletedCustomerFactory(tenant=tenant)
    assert client.post(f"{CUSTOMERS}/{deleted.pk}/restore").status_code == 200
    return [first.json()["id"], second.pk, deleted.pk]


@pytest.mark.slow("reads every operation")
def test_no_answer_has_an_empty_string(nameless, people, portal_client, in_scope):
    client, references = client_of(nameless), find_references(nameless.tenant, people[0])
    answers = [
        client.get(f"{path}?{query}".format(customer_id=pk, **references))
        for path, queries in QUERIES.items()
        if "/portal/" not in path
        for query in queries
        for pk in (people if "{customer_id}" in path else people[:1])
    ]
    # The third one has an e-mail address, without which nobody signs in.
    own = portal_client(Customer.objects.get(pk=people[2]))
    answers += [own.get(f"{own.url}{page}") for page in ("", "/preferences", "/consents", "/export", "/appointments")]
    url = f"{CUSTOMERS}/{people[0]}"
    answers += [
        client.post(CUSTOMERS, {"first_name": "Jo", "phone": "08123000000", **EMPTY}),
        client.put(url, EMPTY),
        client.patch(url, EMPTY),
        client.put(f"{url}/preferences", EMPTY["preferences"]),
    ]
    for answer in answers:
        assert answer.status_code in (200, 201), answer.content
        assert empty_strings(answer.json()) == [], answer.content


def test_a_person_without_a_name_has_the_name_null(nameless, people):
    client = client_of(nameless)
    assert (client.get(ME).json()["first_name"], client.get(ME).json()["last_name"]) == (None, None)
    (event, *_) = client.get(f"{CUSTOMERS}/{people[0]}/history").json()["items"][-1:]
    assert event["actor"] == {"id": nameless.pk, "email": nameless.email, "name": None}
    (appointment,) = client.get(f"{CUSTOMERS}/{people[0]}/appointments").json()["appointments"]
    assert (appointment["staff"], appointment["service"]["category"]) == ({"id": nameless.pk, "name": None}, None)
