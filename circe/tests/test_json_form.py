"""JSON is written one way, and so is each instant in it."""

import re

import msgspec
import orjson
import pytest
from drf_spectacular.generators import SchemaGenerator

from circe.tests.test_differential import QUERIES, create_customers, find_references
from customers.models import Customer
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
# A text that looks like an instant, in any notation, such as that of PostgreSQL's JSON.
LIKE_AN_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
COMPONENT = "#/components/schemas/"


@pytest.fixture(scope="module")
def document():
    return SchemaGenerator().get_schema(public=True)


@pytest.fixture
def people(tenant):
    """Customers with everything that an answer shows, and texts that look like JSON."""
    people = create_customers(
        tenant,
        outlets=[OutletFactory(tenant=tenant)],
        services=[ServiceFactory(tenant=tenant)],
        staff=[UserFactory(tenant=tenant)],
    )
    with tenant_scope(tenant):
        Customer.objects.filter(pk=people[0].pk).update(
            address='a" : "b", \\" : {, "c" : 1}', notes="one,  two : three"
        )
    return people


@pytest.fixture
def answers(admin, people, portal_client):
    """Each operation with its answers."""
    references = find_references(people[0].tenant, people[0].pk)
    own = portal_client(people[0])
    assert own.post(f"{own.url}/deletion-request").status_code == 201
    return [
        (
            path,
            (own if "/portal/" in path else admin).get(
                f"{path}?{query}".format(customer_id=people[0].pk, **references)
            ),
        )
        for path, queries in QUERIES.items()
        for query in queries
    ]


def test_every_answer_is_compact(answers):
    """PostgreSQL writes `{"a" : 1}`, and its lists of rows on several lines."""
    for path, answer in answers:
        assert answer.status_code == 200, (path, answer.content)
        assert answer.content == orjson.dumps(orjson.loads(answer.content)), path


def test_texts_stay_as_they_are(admin, people):
    shown = admin.get(f"/api/v1/customers/{people[0].pk}").json()
    assert shown["address"] == 'a" : "b", \\" : {, "c" : 1}'
    assert shown["preferences"]["notes"] == "one,  two : three"


def with_schemas(schema, value, document, path=""):
    """Yields each value within an answer with its schema."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].removeprefix(COMPONENT)]
    yield path, schema, value
    for option in schema.get("anyOf", ()):
        yield from with_schemas(option, value, document, path)
    if isinstance(value, dict):
        for key, inner in value.items():
            # `additionalProperties` is False in an alternative that is not meant.
            of_key = schema.get("properties", {}).get(key, schema.get("additionalProperties")) or {}
            yield from with_schemas(of_key, inner, document, f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from with_schemas(schema.get("items", {}), inner, document, f"{path}[]")


def test_every_instant_of_every_answer_is_written_in_one_way(answers, document):
    seen = set()
    for path, answer in answers:
        [content] = document["paths"][path]["get"]["responses"]["200"]["content"].values()
        for place, schema, value in with_schemas(content["schema"], answer.json(), document, path):
            if isinstance(value, str) and (schema.get("format") == "date-time" or LIKE_AN_INSTANT.match(value)):
                assert INSTANT.fullmatch(value), (place, value)
                seen.add(place)
    assert len(seen) > 20
    assert "/api/v1/customers/{customer_id}/history.items[].changes[].after" in seen


def test_the_document_says_how_an_instant_is_written(document):
    """Schemathesis checks each answer by it."""
    for name, schema in document["components"]["schemas"].items():
        for key, value in schema.get("properties", {}).items():
            if value.get("format") == "date-time" and not name.endswith("Request"):
                assert re.search(value["pattern"], "2025-01-15T10:30:00Z"), (name, key)
                assert not re.search(value["pattern"], "2025-01-15T10:30:00.5Z"), (name, key)
                assert not re.search(value["pattern"], "2025-01-15T10:30:00+00:00"), (name, key)


def test_errors_are_compact(staff):
    answer = staff.get("/api/v1/customers?page=0")
    assert answer.content == msgspec.json.format(answer.content, indent=-1)
