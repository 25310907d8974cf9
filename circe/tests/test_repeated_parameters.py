"""Every query parameter of every operation, repeated: a list is taken, anything else is refused.

The cases are made from the OpenAPI document.
"""

import functools

import pytest
from drf_spectacular.generators import SchemaGenerator

from circe.tests.cases import in_one_test
from circe.tests.test_differential import create_customers, find_references
from conftest import client_of
from customers.tests.bodies import faults
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory

pytestmark = pytest.mark.slow("calls every operation with each of its parameters")

PORTAL = "/portal/{tenant_slug}/me"


@functools.cache
def document():
    return SchemaGenerator().get_schema(public=True)


def query_parameters():
    """Yields method, path, name and two values of each query parameter, and whether it is a list."""
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "query":
                    schema = parameter["schema"]
                    is_list = schema.get("type") == "array"
                    yield method, path, parameter["name"], values(schema.get("items", schema), schema), is_list


def values(schema, parameter):
    """Two values that the schema allows."""
    if "$ref" in schema:
        schema = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if schema.get("type") == "boolean":
        return "true", "false"
    examples = parameter.get("examples", [[*schema.get("enum", ())]])[0]
    first, second, *_ = [*examples, *examples] if isinstance(examples, list) else [examples] * 2
    return str(first), str(second)


def lists():
    return [case for *case, is_list in query_parameters() if is_list]


def single_values():
    return [case for *case, is_list in query_parameters() if not is_list]


@pytest.fixture
def client_for(tenant, portal_client):
    """Returns a function: a client who may call an operation, and its path with ids that exist."""
    people = create_customers(
        tenant,
        outlets=[OutletFactory(tenant=tenant)],
        services=[ServiceFactory(tenant=tenant)],
        staff=[UserFactory(tenant=tenant)],
    )
    ids = {"customer_id": people[0].pk} | find_references(tenant, people[0].pk)
    own, admin = portal_client(people[0]), client_of(UserFactory(tenant=tenant, role="tenant_admin"))
    return lambda path: (own if PORTAL in path else admin, path.format(**ids))


def test_the_table_has_the_lists_and_more_than_a_hundred_others():
    assert {f"{path}?{name}" for _, path, name, _ in lists()} == {
        "/api/v1/customers?tags",
        "/api/v1/customers/{customer_id}/appointments?status",
        "/api/v1/appointments?status",
        "/api/v1/messages?state",
        "/api/v1/messages?kind",
        "/api/v1/portal/{tenant_slug}/me/appointments?status",
    }
    assert len(single_values()) > 100


@in_one_test(("method", "path", "name", "two"), lists)
def test_a_list_is_the_same_with_commas_and_repeated(client_for, method, path, name, two):
    client, url = client_for(path)
    # The tests of the filters assert which rows the values find.
    answers = [
        client.get(f"{url}?{query}") for query in (f"{name}={two[0]},{two[1]}", f"{name}={two[0]}&{name}={two[1]}")
    ]
    assert [answer.status_code for answer in answers] == [200, 200], answers[1].content
    assert answers[0].content == answers[1].content


@in_one_test(("method", "path", "name", "two"), single_values)
def test_any_other_parameter_is_refused_when_it_is_repeated(client_for, method, path, name, two):
    client, url = client_for(path)
    required = [
        f"{other}={examples[0]}"
        for case_method, case_path, other, examples, _ in query_parameters()
        if (case_method, case_path) == (method, path) and other != name and is_required(method, path, other)
    ]
    body = None if method == "get" else {"first_name": "Jane", "phone": "+1234567890"}
    query = "&".join([*required, f"{name}={two[0]}", f"{name}={two[1]}"])
    answer = getattr(client, method)(f"{url}?{query}", body)
    assert answer.status_code == 400, (url, query, answer.content)
    assert name in faults(answer), (url, query, answer.content)
    assert (name, "Give this parameter once.") in {(e["field"], e["detail"]) for e in answer.json()["errors"]}, (
        answer.json()
    )


def is_required(method, path, name):
    parameters = document()["paths"][path][method]["parameters"]
    return any(one["name"] == name and one.get("required") for one in parameters)
