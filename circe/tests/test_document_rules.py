"""Rules for every schema, property, parameter, answer and sample of the OpenAPI document."""

import ast
import json
import re
import subprocess

import jsonschema
import pytest
from django.urls import get_resolver
from rest_framework.test import APIClient

from circe.document.enums import ENUMS
from circe.document.error_codes import FIELD_ERROR_CODES, PROBLEM_CODES
from circe.tests.test_architecture import SOURCES

COMPONENT = "#/components/schemas/"


@pytest.fixture(scope="module")
def document():
    return APIClient().get("/openapi.json").json()


@pytest.fixture
def properties(document):
    """Every property of a component, by the name of the schema and its own."""
    return {
        (name, key): value
        for name, schema in document["components"]["schemas"].items()
        for key, value in schema.get("properties", {}).items()
    }


@pytest.fixture
def parameters(document):
    return {
        (operation["operationId"], parameter["name"]): parameter
        for methods in document["paths"].values()
        for operation in methods.values()
        for parameter in operation.get("parameters", [])
    }


@pytest.fixture
def operations(document):
    return {operation["operationId"]: operation for path in document["paths"].values() for operation in path.values()}


def nodes(value, path=""):
    """Yields every object within a value of the document, with the path to it."""
    if isinstance(value, dict):
        yield path, value
        for key, inner in value.items():
            yield from nodes(inner, f"{path}/{key}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from nodes(inner, f"{path}/{number}")


def referred(schema):
    """The names of the components to which a schema refers itself, or for its items."""
    items = schema.get("items", {})
    options = [schema, *schema.get("anyOf", []), items, *items.get("anyOf", [])]
    return [option["$ref"].removeprefix(COMPONENT) for option in options if "$ref" in option]


def test_every_schema_and_every_property_has_a_description(document, properties):
    for name, schema in document["components"]["schemas"].items():
        assert schema["description"].strip(), name
    for name, schema in properties.items():
        assert schema["description"].strip(), name


def test_every_property_has_an_example_that_is_valid(document, properties):
    for name, schema in properties.items():
        examples = schema.get("examples", [schema["example"]] if "example" in schema else [])
        assert examples or referred(schema) or "const" in schema, name
        whole = schema | {"components": document["components"]}
        validator = jsonschema.Draft202012Validator(whole, format_checker=jsonschema.FormatChecker())
        for example in examples:
            validator.validate(example)


def test_every_parameter_has_a_description_and_an_example(parameters):
    for name, parameter in parameters.items():
        assert parameter["description"].strip(), name
        schema = parameter["schema"]
        assert "examples" in schema or referred(schema) or schema["type"] == "boolean", name


def test_every_instant_day_email_and_number_has_its_format(properties):
    for (name, key), schema in properties.items():
        kinds = schema.get("type", ())
        is_text = "string" in kinds
        if is_text and (key.endswith("_at") or key in {"at", "allowed_from", "changeable_until"}):
            assert schema["format"] == "date-time", (name, key)
        elif is_text and (key.endswith("_date") or key in {"from", "to", "due_day", "date_of_birth"}):
            assert schema["format"] == "date", (name, key)
        elif is_text and key == "email":
            assert schema["format"] == "email", (name, key)
        elif "integer" in kinds:
            assert schema["format"] == "int64", (name, key)


def test_words_are_named_schemas(document):
    schemas = document["components"]["schemas"]
    inline = [path for path, node in nodes(document) if isinstance(node.get("enum"), list)]
    assert sorted(inline) == sorted(f"/components/schemas/{name}" for name in ENUMS)
    used = {node["$ref"].removeprefix(COMPONENT) for _, node in nodes(document) if "$ref" in node}
    assert used >= ENUMS.keys()
    for name in ENUMS:
        assert schemas[name]["type"] == "string", name
        assert len({*schemas[name]["enum"]}) == len(schemas[name]["enum"]), name


@pytest.mark.parametrize(
    ("schema", "key", "words"),
    [
        ("Customer", "gender", "Gender"),
        ("NewCustomerRequest", "gender", "Gender"),
        ("Appointment", "status", "AppointmentStatus"),
        ("Payment", "status", "PaymentStatus"),
        ("Payment", "method", "PaymentMethod"),
        ("Problem", "code", "ProblemCode"),
        ("FieldError", "code", "FieldErrorCode"),
        ("Me", "role", "Role"),
        ("Staff", "role", "Role"),
        ("Consent", "source", "ConsentSource"),
        ("Appointment", "overrides", "BookingRule"),
    ],
)
def test_a_set_of_words_has_one_name_everywhere(properties, schema, key, words):
    assert referred(properties[schema, key]) == [words]


def test_alternatives_are_any_of(document):
    """A value may satisfy both, such as an empty text and a text."""
    assert [path for path, node in nodes(document) if {"oneOf", "allOf"} & node.keys()] == []


def test_there_is_one_schema_of_a_customer_in_answers(document, operations):
    named = [name for name in document["components"]["schemas"] if re.fullmatch(r"(Patched|Created)?Customer\w*", name)]
    assert sorted(named) == [
        "Customer",
        "CustomerChangesRequest",
        "CustomerMessage",
        "CustomerMessagePage",
        "CustomerOrdering",
        "CustomerPage",
    ]
    for name in ("getCustomer", "updateCustomer", "patchCustomer", "updateCustomerPreferences", "restoreCustomer"):
        [content] = operations[name]["responses"]["200"]["content"].values()
        assert content["schema"] == {"$ref": "#/components/schemas/Customer"}, name
    [content] = operations["createCustomer"]["responses"]["201"]["content"].values()
    assert content["schema"] == {"$ref": "#/components/schemas/Customer"}


def undocumented(schema, value, schemas, path):
    """Yields the path of each key of a value that no alternative of its schema has."""
    options = [schema, *schema.get("anyOf", [])]
    options = [schemas[one["$ref"].removeprefix(COMPONENT)] if "$ref" in one else one for one in options]
    if isinstance(value, dict):
        known = {key: inner for one in options for key, inner in one.get("properties", {}).items()}
        others = [one["additionalProperties"] for one in options if isinstance(one.get("additionalProperties"), dict)]
        for key, inner in value.items():
            if key in known:
                yield from undocumented(known[key], inner, schemas, f"{path}.{key}")
            elif not others:
                yield f"{path}.{key}"
    elif isinstance(value, list):
        for item in value:
            for one in options:
                yield from undocumented(one["items"], item, schemas, f"{path}[]") if "items" in one else ()


def test_every_key_of_every_example_is_documented(document):
    schemas = document["components"]["schemas"]
    found = {
        key
        for path, node in nodes(document)
        if "schema" in node and "examples" in node
        for example in node["examples"].values()
        for key in undocumented(node["schema"], example["value"], schemas, path)
    }
    # The answer repeats the keys of `preferences` at its top, as its description says.
    [answer] = {key.rpartition(".")[0] for key in found}
    assert "/preferences/put/responses/200/" in answer
    assert {key.rpartition(".")[2] for key in found} == {*schemas["Preferences"]["properties"]}


def test_what_is_answered_is_described_as_an_answer(document, operations):
    """A description that begins with "In a body" is left out of answers."""
    about_bodies = re.compile(r"\b(body|bodies|absent|stays as it is)\b", re.IGNORECASE)
    for name, schema in document["components"]["schemas"].items():
        if not name.endswith("Request"):
            for path, node in nodes(schema, name):
                description = node.get("description", "")
                assert not (isinstance(description, str) and about_bodies.search(description)), path
    for name, operation in operations.items():
        for status, response in operation["responses"].items():
            if status < "400":
                assert response["description"].endswith("."), (name, status)
                assert not about_bodies.search(response["description"]), (name, status)


def test_a_body_says_what_it_may_hold(properties):
    assert properties["CustomerChangesRequest", "tenant_id"]["description"].endswith("In a body: one's own, or none.")
    assert properties["Customer", "tenant_id"]["description"] == "The business."


def test_a_list_is_repeated_as_generated_clients_repeat_it(parameters):
    """A parameter with another schema takes one value."""
    lists = {name for name, parameter in parameters.items() if parameter["schema"].get("type") == "array"}
    assert lists == {
        ("listCustomers", "tags"),
        ("listCustomerAppointments", "status"),
        ("listAppointments", "status"),
        ("listMessages", "state"),
        ("listMessages", "kind"),
        ("listOwnAppointments", "status"),
    }
    for name, parameter in parameters.items():
        told = (parameter.get("style"), parameter.get("explode"))
        assert told == (("form", True) if name in lists else (None, None)), name


def test_every_operation_has_samples_in_three_languages(operations):
    for name, operation in operations.items():
        assert [sample["label"] for sample in operation["x-codeSamples"]] == ["curl", "Python", "JavaScript"], name
        assert "x-sample-query" not in operation
        for sample in operation["x-codeSamples"]:
            assert "http://testserver/api/v1/" in sample["source"], name
            assert "{" not in re.search(r"http://testserver[^'\"?]*", sample["source"])[0], name
            assert ("<access token>" in sample["source"]) == ("security" in operation), name


def test_samples_call_the_server_that_was_asked():
    text = APIClient().get("/openapi.json", headers={"host": "localhost:8123"}).content.decode()
    assert "http://localhost:8123/api/v1/customers" in text
    assert "circe.example" not in text
    assert "testserver" not in text


def test_the_sample_of_the_documented_list_is_the_documented_request(operations):
    assert operations["listCustomers"]["x-codeSamples"][0]["source"].replace(
        "http://testserver", "http://localhost:8000"
    ) == (
        "curl -X 'GET' \\\n"
        "  'http://localhost:8000/api/v1/customers?search=John&tags=vip%2Cregular&has_password=true&email_verified=true"
        "&created_from=2025-01-01&created_to=2025-12-31&page=1&size=20' \\\n"
        "  -H 'accept: application/json' \\\n"
        "  -H 'Authorization: Bearer <access token>'\n"
    )


def test_samples_in_python_are_python(operations):
    for name, operation in operations.items():
        call = ast.parse(operation["x-codeSamples"][1]["source"]).body[-3].value
        assert call.func.attr in {"get", "post", "put", "patch", "delete"}, name


def test_samples_in_curl_are_understood_by_a_shell(operations):
    """A shell passes the body of each example to curl unchanged. Here curl is a function that prints its last argument."""
    sources = [
        (operation["x-codeSamples"][0]["source"], content["examples"])
        for operation in operations.values()
        for content in operation.get("requestBody", {"content": {}})["content"].values()
    ]
    script = 'curl() { for last; do :; done; printf "%s\\0" "$last"; }\nuuidgen() { echo 1; }\n'
    done = subprocess.run(
        ["sh", "-c", script + "\n".join(source for source, _ in sources)], capture_output=True, check=True
    )
    bodies = [json.loads(body) for body in done.stdout.split(b"\0")[:-1]]
    assert bodies == [next(iter(examples.values()))["value"] for _, examples in sources]


def codes_of(field):
    """Yields the codes of the errors of a field and of the fields within it."""
    yield from getattr(field, "error_messages", {})
    yield from (validator.code for validator in getattr(field, "validators", []) if getattr(validator, "code", None))
    if child := getattr(field, "child", None):
        yield from codes_of(child)
    for inner in getattr(field, "fields", {}).values():
        if not inner.read_only:
            yield from codes_of(inner)


def test_every_code_of_an_error_of_a_field_is_documented():
    declared = [
        operation
        for pattern in get_resolver().url_patterns
        for operation in getattr(getattr(pattern.callback, "cls", None), "operations", {}).values()
    ]
    bodies = {operation.body for operation in declared if operation.body}
    filters = {operation.filters for operation in declared if operation.filters}
    assert len(bodies) > 20
    assert len(filters) > 5
    codes = {code for body in bodies for code in codes_of(body())}
    codes |= {code for one in filters for rule in one.base_filters.values() for code in rule.field.error_messages}
    assert codes - {*FIELD_ERROR_CODES} == set()


def test_every_code_that_the_source_names_is_documented():
    """The codes that only the back office uses are not part of the API."""
    backoffice = {"admin", "backoffice", "demo", "dashboard", "transfer", "hand_on.py"}
    others = {"tests", "bench", "mutants", "migrations"}
    files = [file for file in SOURCES if not (backoffice | others) & {*file.parts}]
    named = {code for file in files for code in re.findall(r'\bcode ?= ?"([a-z_]+)"', file.read_text())}
    assert named - {*FIELD_ERROR_CODES, *PROBLEM_CODES} == set()
