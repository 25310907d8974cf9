"""JSON bodies, read strictly: a 4xx for each, and nothing stored."""

import io

import orjson
import pytest
from django.conf import settings

from circe.api.parsing import MAX_JSON_DEPTH
from customers.models import Customer
from tenants.scope import ALL_TENANTS, tenant_scope

LIST = "/api/v1/customers"
GOOD = {"first_name": "Jane", "email": "jane@example.com"}


@pytest.fixture
def post(staff):
    """`post(bytes)`: the answer to a create with this body."""

    def send(body, content_type="application/json", **headers):
        return staff.generic("POST", LIST, body, content_type, **headers)

    return send


def stored():
    with tenant_scope(ALL_TENANTS):
        return Customer.objects.count()


def assert_refused(answer, status, code):
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert set(answer.json()) >= {"type", "title", "status", "detail", "code"}
    assert stored() == 0


def test_a_json_object_is_read(post):
    assert post(orjson.dumps(GOOD)).status_code == 201


def nested(levels):
    return b'{"a":' * levels + b"1" + b"}" * levels


MALFORMED = {
    "nothing but space": b"  \n",
    "half an object": b'{"first_name": "Jane"',
    "an object and more": orjson.dumps(GOOD) + b"x",
    "two objects": orjson.dumps(GOOD) * 2,
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
    "a byte order mark": b"\xef\xbb\xbf" + orjson.dumps(GOOD),
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


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_malformed(name, post):
    assert_refused(post(MALFORMED[name]), 400, "malformed")


INVALID = {
    "nothing": b"",
    "an empty object": b"{}",
    "null": b"null",
    "true": b"true",
    "a number": b"1",
    "a string": b'"first_name"',
    "a list": b"[]",
    "a list of one": b"[" + orjson.dumps(GOOD) + b"]",
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


@pytest.mark.parametrize("name", INVALID)
def test_what_is_json_but_no_customer(name, post):
    answer = post(INVALID[name])
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert stored() == 0


def test_an_overlong_list_is_refused_as_a_whole(post):
    for key in ('"tags"', '"preferences": {"preferred_categories"', '"preferences": {"preferred_services"'):
        body = b'{"first_name": "Jane", "phone": "+1234567890", %s: [%s]%s' % (
            key.encode(), b",".join([b"1"] * 100_000), b"}" * (1 + key.count("{"))
        )  # fmt: skip
        assert [fault["code"] for fault in post(body).json()["errors"]] == ["max_length"]


def test_an_answer_names_a_hundred_faults_at_most(post):
    answer = post(orjson.dumps(GOOD | {"preferences": {f"key{n}": n for n in range(10_000)}}))
    assert (answer.status_code, len(answer.json()["errors"])) == (400, 100)


def test_a_body_that_is_no_object_says_so(post):
    assert post(b"[]").json()["errors"][0]["field"] == "body"


def test_the_largest_body_and_one_byte_more(post):
    padding = settings.MAX_JSON_BYTES - len(orjson.dumps(GOOD))
    assert_refused(post(orjson.dumps(GOOD) + b" " * (padding + 1)), 413, "payload_too_large")
    assert post(orjson.dumps(GOOD) + b" " * padding).status_code == 201


@pytest.mark.parametrize(
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
def test_json_under_its_name(content_type, post):
    assert post(orjson.dumps(GOOD), content_type).status_code == 201


@pytest.mark.parametrize(
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
def test_json_under_another_name(content_type, post):
    assert_refused(post(orjson.dumps(GOOD), content_type), 415, "unsupported_media_type")


def test_emoji_and_every_script_are_text(post):
    answer = post(orjson.dumps(GOOD | {"first_name": "Žofie 🌸 小林", "last_name": "ฟ้า"}))
    assert (answer.json()["first_name"], answer.json()["last_name"]) == ("Žofie 🌸 小林", "ฟ้า")


def test_a_body_in_chunks_is_not_taken_for_an_empty_one(post):
    assert_refused(post(b"", HTTP_TRANSFER_ENCODING="chunked"), 411, "length_required")


def test_a_role_too_low_is_told_before_what_is_wrong_with_the_body(staff, anonymous):
    url = f"{LIST}/507f1f77bcf86cd799439011"
    assert staff.generic("PATCH", url, b"{", "application/json").status_code == 403
    assert staff.generic("PATCH", url, b"{}", "text/plain").status_code == 403
    assert anonymous.generic("PATCH", url, b"{", "application/json").status_code == 401


class Broken(io.BytesIO):
    """A client that leaves in the middle of its body."""

    def read(self, *args):
        raise OSError("Connection reset by peer")


def test_a_body_that_does_not_arrive_whole(post):
    assert_refused(post(orjson.dumps(GOOD), **{"wsgi.input": Broken()}), 400, "malformed")
