"""A client that sends its body slowly blocks nobody: no transaction begins before the body has arrived completely.

The server reads the body from a stream that stops halfway, so that the test knows when the server waits for the rest.
"""

import io
import threading
from wsgiref.util import setup_testing_defaults

import psycopg
import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.urls import URLPattern
from rest_framework.utils import json

from circe.tests.cases import in_one_test
from circe.wsgi import application
from customers.tests.factories import CustomerFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow("sends each write of the document slowly")]

BODY = json.dumps({"first_name": "Jane", "notes": "Prefers morning appointments"}).encode()


class SlowBody(io.BytesIO):
    """A body whose second half arrives when `rest` is set. `awaited` is set when the server waits for it."""

    def __init__(self, content):
        super().__init__(content)
        self.half = len(content) // 2
        self.awaited, self.rest = threading.Event(), threading.Event()

    def read(self, size=-1):
        if size < 0 or self.tell() + size > self.half:
            self.awaited.set()
            assert self.rest.wait(60)
        return super().read(size)


class SlowRequest(threading.Thread):
    """A request with half a body until the block ends. Afterwards it has a `status`."""

    def __init__(self, method, path, content, **environ):
        super().__init__()
        self.body, self.status = SlowBody(content), None
        self.environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "HTTP_HOST": "localhost",
            "CONTENT_LENGTH": str(len(content)),
            "wsgi.input": self.body,
        } | environ
        setup_testing_defaults(self.environ)

    def run(self):
        response = application(self.environ, self.start_response)
        list(response)
        response.close()

    def start_response(self, status, headers, exc_info=None):
        self.status = int(status[:3])

    def __enter__(self):
        self.start()
        assert self.body.awaited.wait(20), "the body was not read"
        return self

    def __exit__(self, *exc_info):
        self.body.rest.set()
        self.join()


@pytest.fixture
def transactions():
    """Returns a function: `transactions()` lists the last queries of other sessions that are in a transaction."""
    parameters = connection.get_connection_params() | {"options": ""}
    # The login role may see the queries of other sessions.
    with psycopg.connect(**parameters, autocommit=True) as observer:
        yield lambda: observer.execute(
            "SELECT query FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND backend_type = 'client backend' AND xact_start IS NOT NULL"
        ).fetchall()


@pytest.fixture
def short_lock_timeout(db):
    """Makes a wait for a lock in this thread fail after two seconds."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '2s'")
        yield
        cursor.execute("RESET lock_timeout")


@pytest.fixture
def jane(tenant):
    return CustomerFactory(tenant=tenant)


def list_writes():
    """Returns each operation of the API document that may write."""
    paths = Client().get("/openapi.json").json()["paths"]
    return [
        (method.upper(), path)
        for path, operations in paths.items()
        for method in operations
        if method in {"post", "put", "patch", "delete"}
    ]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"HTTP_IDEMPOTENCY_KEY": "slow"},
        {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True},
    ],
    ids=["without a key", "with a key", "in chunks"],
)
@in_one_test(("method", "path"), list_writes)
def test_a_write_of_the_api_begins_when_its_body_has_arrived(
    method, path, headers, tenant, as_role, transactions, short_lock_timeout
):
    # Each case changes something else: one deletes the customer, another logs out.
    admin, jane = as_role("tenant_admin"), CustomerFactory(tenant=tenant)
    url = path.replace("{customer_id}", jane.pk)
    authorization = admin._credentials["HTTP_AUTHORIZATION"]
    with SlowRequest(
        method, url, BODY, CONTENT_TYPE="application/json", HTTP_AUTHORIZATION=authorization, **headers
    ) as slow:
        assert transactions() == []
        answer = admin.patch(f"/api/v1/customers/{jane.pk}", {"last_name": "Doe"})
        assert answer.status_code == 200, answer.content
    assert 200 <= slow.status < 500


@pytest.mark.parametrize("length", [str(1024 * 1024 + 1), "9" * 30])
def test_a_body_whose_announced_length_is_too_large_is_not_read(length, admin, jane):
    slow = SlowRequest(
        "PUT",
        f"/api/v1/customers/{jane.pk}/preferences",
        BODY,
        CONTENT_TYPE="application/json",
        HTTP_AUTHORIZATION=admin._credentials["HTTP_AUTHORIZATION"],
        CONTENT_LENGTH=length,
    )
    slow.start()
    slow.join()
    assert (slow.status, slow.body.awaited.is_set()) == (413, False)


def admin_urls(jane):
    """Returns the URL of every page of the admin, with Jane's id if it needs one."""
    urls, _, _ = admin.site.urls
    pages = [(prefix, pattern) for prefix, pattern in flatten("/admin/", urls)]
    paths = [prefix + str(pattern.pattern) for prefix, pattern in pages]
    paths = [path.removesuffix("\\Z").removesuffix("$").replace("(?P<url>.*)", "nothing") for path in paths]
    pieces = (path.split("<") for path in paths)
    paths = [first + "".join(jane.pk + piece.split(">", 1)[1] for piece in rest) for first, *rest in pieces]
    # The log-out is the last one, since it ends the session.
    return sorted(paths, key="/admin/logout/".__eq__)


def flatten(prefix, patterns):
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            yield prefix, pattern
        else:
            yield from flatten(prefix + str(pattern.pattern), pattern.url_patterns)


@pytest.mark.parametrize("size", [1000, 1_500_000], ids=["a form", "a file that is longer than a body of the API"])
def test_a_form_of_the_admin_begins_when_its_body_has_arrived(
    size, back_office, jane, transactions, short_lock_timeout
):
    browser = back_office("tenant_admin")
    browser.get("/admin/password_change/")
    cookies = {name: morsel.value for name, morsel in browser.cookies.items()}
    form = {"csrfmiddlewaretoken": cookies["csrftoken"], "file": io.BytesIO(b"x" * size)}
    content = encode_multipart(BOUNDARY, form)
    cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
    statuses, urls = [], admin_urls(jane)
    for url in urls:
        with SlowRequest("POST", url, content, CONTENT_TYPE=MULTIPART_CONTENT, HTTP_COOKIE=cookie) as slow:
            assert transactions() == [], url
            with connection.cursor() as cursor:
                cursor.execute("UPDATE customers_customer SET last_name = 'Doe' WHERE id = %s", [jane.pk])
        statuses.append(slow.status)
    assert max(statuses) < 500, [*zip(urls, statuses, strict=True)]
    # The forms passed the CSRF check: their pages answered.
    assert {200, 302} <= {*statuses}
