"""JSON bodies are read strictly: a malformed or invalid one is a 4xx, and nothing is stored."""

import io

import orjson
import pytest
from django.conf import settings

from circe.api.chunked import BodyTooLarge, ChunkedBody
from circe.api.parsing import MAX_JSON_DEPTH
from circe.tests.cases import in_one_test
from customers.models import Customer
from tenants.scope import ALL_TENANTS, tenant_scope

LIST = "/api/v1/customers"
VALID = {"first_name": "Jane", "email": "jane@example.com"}


@pytest.fixture
def post(staff):
    """Returns a function: `post(bytes)` sends a create with this body and returns the answer."""

    def send(body, content_type="application/json", **headers):
        return staff.generic("POST", LIST, body, content_type, **headers)

    return send


def count_customers():
    with tenant_scope(ALL_TENANTS):
        return Customer.objects.count()


def assert_refused(answer, status, code):
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert set(answer.json()) >= {"type", "title", "status", "detail", "code"}
    assert count_customers() == 0


def test_a_json_object_is_read(post):
    assert post(orjson.dumps(VALID)).status_code == 201


def nested(levels):
    return b'{"a":' * levels + b"1" + b"}" * levels


MALFORMED = {
    "nothing but space": b"  \n",
    "half an object": b'{"first_name": "Jane"',
    "an object and more": orjson.dumps(VALID) + b"x",
    "two objects": orjson.dumps(VALID) * 2,
    "a trailing comma": b'{"first_name": "Jane",}',
    "single quotes": b"{'first_name': 'Jane'}",
    "a comment": b'{"first_name": "Jane" /* */}',
    "a bare word": b"Jane",
    "a form": b"first_name=Jane&email=jane%40example.com",
    "NaN": b'{"first_name": NaN}',
    "Infinity": b'{"first_name": -Infinity}',
    "an infinite number": b'{"first_name": 1e999}',
    "a leading zero": b'{"first_name": 01}',
    "a tab in a string": b'{"first_name": "Ja\tne"}',
    "a byte order mark": b"\xef\xbb\xbf" + orjson.dumps(VALID),
    "UTF-16": '{"first_name": "Jane", "email": "jane@example.com"}'.encode("utf-16"),
    "UTF-16 without a mark": '{"first_name": "Jane"}'.encode("utf-16-le"),
    "UTF-32": '{"first_name": "Jane"}'.encode("utf-32"),
    "Latin-1": '{"first_name": "Jané"}'.encode("latin-1"),
    "an overlong NUL": b'{"first_name": "Jane\xc0\x80"}',
    "encoded surrogates": b'{"first_name": "\xed\xa0\xbd\xed\xb8\x80"}',
    "a lone surrogate": rb'{"first_name": "\ud83d", "email": "jane@example.com"}',
    "a lone low surrogate": rb'{"first_name": "\ude00", "email": "jane@example.com"}',
    "surrogates in the wrong order": rb'{"first_name": "\ude00\ud83d"}',
    "a lone surrogate in a key": rb'{"\ud83d": "Jane"}',
    "a NUL in a value": rb'{"first_name": "Ja\u0000ne", "email": "jane@example.com"}',
    "a NUL in a key": rb'{"first\u0000name": "Jane"}',
    "a NUL deep inside": rb'{"first_name": "Jane", "preferences": {"preferred_categories": ["\u0000"]}}',
    "a NUL between": b'{"first_name":\0"Jane"}',
    "a key twice": b'{"first_name": "Jane", "email": "a@example.com", "email": "b@example.com"}',
    "a key twice, once escaped": rb'{"first_name": "Jane", "email": "a@example.com", "\u0065mail": "b@example.com"}',
    "a key twice, deep inside": b'{"first_name": "Jane", "preferences": {"language": "en", "language": "id"}}',
    "a key twice in a list": b'{"tags": [{"a": 1, "a": 1}]}',
    "too deep": nested(MAX_JSON_DEPTH + 1),
    "too deep in lists": b"[" * (MAX_JSON_DEPTH + 1) + b"]" * (MAX_JSON_DEPTH + 1),
    "100,000 levels of lists": b"[" * 100_000 + b"]" * 100_000,
    "100,000 levels of objects": nested(100_000),
    "100,000 levels left open": b"[" * 100_000,
}


@in_one_test("name", MALFORMED)
def test_a_malformed_body_is_a_400(name, post):
    assert_refused(post(MALFORMED[name]), 400, "malformed")


INVALID = {
    "nothing": b"",
    "an empty object": b"{}",
    "null": b"null",
    "true": b"true",
    "a number": b"1",
    "a string": b'"first_name"',
    "a list": b"[]",
    "a list of one": b"[" + orjson.dumps(VALID) + b"]",
    "as deep as may be": nested(MAX_JSON_DEPTH),
    "a huge number": b'{"first_name": ' + b"9" * 5000 + b"}",
    "a huge number elsewhere": b'{"date_of_birth": ' + b"9" * 300 + b"}",
    "a huge number of tags": b'{"tags": [' + b"1," * 50_000 + b"1]}",
    "a long fraction": b'{"first_name": 0.' + b"3" * 5000 + b"}",
    "a number for a name": b'{"first_name": 1, "email": "jane@example.com"}',
    "true for a name": b'{"first_name": true, "email": "jane@example.com"}',
    "a list for a name": b'{"first_name": ["Jane"], "email": "jane@example.com"}',
    "an object for a name": b'{"first_name": {"$ne": null}, "email": "jane@example.com"}',
    "a list for an e-mail": b'{"first_name": "Jane", "email": ["jane@example.com"]}',
    "a list for preferences": b'{"first_name": "Jane", "email": "jane@example.com", "preferences": []}',
    "a string for tags": b'{"first_name": "Jane", "email": "jane@example.com", "tags": "vip"}',
}


@in_one_test("name", INVALID)
def test_json_that_is_no_customer_is_a_400(name, post):
    answer = post(INVALID[name])
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert count_customers() == 0


def test_a_list_that_is_too_long_is_one_error(post):
    for key in ('"tags"', '"preferences": {"preferred_categories"', '"preferences": {"preferred_services"'):
        body = b'{"first_name": "Jane", "phone": "+1234567890", %s: [%s]%s' % (
            key.encode(), b",".join([b"1"] * 100_000), b"}" * (1 + key.count("{"))
        )  # fmt: skip
        assert [fault["code"] for fault in post(body).json()["errors"]] == ["max_length"]


def test_an_answer_has_at_most_a_hundred_errors(post):
    answer = post(orjson.dumps(VALID | {"preferences": {f"key{n}": n for n in range(10_000)}}))
    assert (answer.status_code, len(answer.json()["errors"])) == (400, 100)


def test_the_error_of_a_body_that_is_no_object_names_the_body(post):
    assert post(b"[]").json()["errors"][0]["field"] == "body"


def test_the_largest_body_is_accepted_and_one_byte_more_is_refused(post):
    padding = settings.MAX_JSON_BYTES - len(orjson.dumps(VALID))
    assert_refused(post(orjson.dumps(VALID) + b" " * (padding + 1)), 413, "payload_too_large")
    assert post(orjson.dumps(VALID) + b" " * padding).status_code == 201


@in_one_test(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "APPLICATION/JSON",
        'application/json; charset="utf-8"; x=y',
        "application/json ; charset=utf-16",
        "application/json; charset=nonsense",
        "application/json;",
    ],
)
def test_json_is_accepted_with_its_content_type(content_type, post):
    assert post(orjson.dumps(VALID), content_type).status_code == 201


@in_one_test(
    "content_type",
    [
        "",
        "text/plain",
        "text/json",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "multipart/form-data",
        "application/json-patch+json",
        "application/merge-patch+json",
        "application/jsonp",
        "application/problem+json",
        "*/*",
        "json",
        ";",
        "application/json, text/plain",
        "é",
        "x" * 10_000,
    ],
)
def test_json_is_refused_with_another_content_type(content_type, post):
    assert_refused(post(orjson.dumps(VALID), content_type), 415, "unsupported_media_type")


def test_emoji_and_every_script_are_accepted(post):
    answer = post(orjson.dumps(VALID | {"first_name": "Žofie 🌸 小林", "last_name": "ฟ้า"}))
    assert (answer.json()["first_name"], answer.json()["last_name"]) == ("Žofie 🌸 小林", "ฟ้า")


def test_a_body_in_chunks_is_refused(post):
    assert_refused(post(b"", HTTP_TRANSFER_ENCODING="chunked"), 411, "length_required")


def test_a_role_is_refused_before_the_body_is_read(staff, anonymous):
    url = f"{LIST}/507f1f77bcf86cd799439011"
    assert staff.generic("PATCH", url, b"{", "application/json").status_code == 403
    assert staff.generic("PATCH", url, b"{}", "text/plain").status_code == 403
    assert anonymous.generic("PATCH", url, b"{", "application/json").status_code == 401


class BrokenBody(io.BytesIO):
    """A body whose client disconnects before its end."""

    def read(self, *args):
        raise OSError("Connection reset by peer")


def test_an_incomplete_body_is_a_400(post):
    assert_refused(post(orjson.dumps(VALID), **{"wsgi.input": BrokenBody()}), 400, "malformed")


@pytest.mark.parametrize("ahead", [0, 2, 3, 9])
@pytest.mark.parametrize("size", [-1, 1, 5])
def test_a_body_in_chunks_is_read_whole_after_a_part_was_read_ahead(ahead, size):
    body = ChunkedBody(io.BytesIO(b"abcd"))
    body.read_ahead(ahead)
    assert b"".join(iter(lambda: body.read(size), b"")) == b"abcd"


def test_a_body_in_chunks_that_is_read_at_once_has_a_largest_size_too():
    with pytest.raises(BodyTooLarge):
        ChunkedBody(io.BytesIO(bytes(settings.MAX_BODY_BYTES + 1))).read()
