"""The statements of `make bench` give the answers of the API, and its comparison finds every difference."""

import datetime as dt
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import repeat

import pytest
from django.db import connection

from bench import floor, load
from bench.compare import find_differences
from bench.one_pass import ONE_PASS, parameters, summary
from bench.samples import CUSTOMERS, PAGE_SIZE, SEGMENTS, samples
from bench.yardstick.search import condition
from circe.db.roles import as_owner
from circe.tests.demo_data import loaded_demo_data
from conftest import client_of
from tenants.models import User

# All tests run in one process, so that the customers are made once.
pytestmark = [pytest.mark.slow("makes the benchmark's customers"), pytest.mark.xdist_group("bench")]


@pytest.fixture(scope="module")
def customers(django_db_setup, django_db_blocker):
    """Loads a hundred customers, once for all tests."""
    with django_db_blocker.unblock(), loaded_demo_data(tenants=3, customers=100, appointments=500):
        yield


@pytest.fixture
def api(customers, db):
    """The client of lotus's administrator."""
    return client_of(User.objects.get(email="admin@lotus.test"))


@pytest.fixture
def sample(api):
    with as_owner():
        return samples(connection.connection)


def execute(sql, **values):
    """Returns the only value of a statement of `bench.floor`."""
    with as_owner():
        return connection.connection.execute(floor.to_psycopg(sql), values).fetchone()[0]


def list_differences(answer, found):
    """Returns the differences between the API's answer and what a statement found, for the keys of the latter."""
    return [*find_differences({name: answer.json()[name] for name in found}, found)]


def test_the_statement_of_the_list_finds_what_the_api_answers(api, sample):
    path = f"{CUSTOMERS}?page=2&size={PAGE_SIZE}"
    assert not list_differences(
        api.get(path), execute(floor.LIST, tenant=sample.business.id, size=PAGE_SIZE, skip=PAGE_SIZE)
    )


def test_the_samples_of_costly_lists_find_customers(api, sample):
    for segment in SEGMENTS:
        assert api.get(sample.paths[f"segment {segment}"][0]).json()["items"], segment
    for path in sample.paths["misspelled name"][:20]:
        assert api.get(path).json()["approximate"], path


@pytest.mark.parametrize("kind", ["rare word", "two words", "phone", "nobody", "common word", "two letters"])
def test_the_statement_of_a_search_finds_what_the_api_answers(api, sample, kind):
    for path, text in zip(sample.paths[kind][:5], sample.words[kind][:5], strict=True):
        sql, begins, words = condition(text, sample.region)
        found = execute(floor.search(sql, begins), tenant=sample.business.id, size=PAGE_SIZE, skip=0, **words)
        assert not list_differences(api.get(path), found)
        assert found["total"] > 0 or kind in {"nobody", "two letters"}


def test_the_statements_of_detail_and_history_find_what_the_api_answers(api, sample):
    now = dt.datetime.now(dt.UTC).astimezone(dt.timezone(dt.timedelta(hours=7)))
    for detail, history, pk in zip(sample.paths["detail"], sample.paths["history"], sample.ids, strict=True):
        person = {"tenant": sample.business.id, "id": pk}
        assert not [*find_differences(api.get(detail).json(), execute(floor.DETAIL, **person))]
        moment = {"today": now.date(), "clock": now.time(), "size": PAGE_SIZE, "skip": 0}
        assert not list_differences(api.get(history), execute(floor.HISTORY, **person, **moment))


@pytest.mark.parametrize("days", [(None, None), (400, 36), (60, 31), (None, 100), (100, None)])
def test_one_pass_of_sql_finds_the_statistics_that_the_api_answers(api, sample, days):
    today = dt.datetime.now(dt.UTC).date()
    first, last = (ago and today - dt.timedelta(days=ago) for ago in days)
    query = {name: day for name, day in (("from_date", first), ("to_date", last)) if day}
    found = execute(ONE_PASS, **parameters(sample.business, first, last))
    answer = api.get(f"{CUSTOMERS}/statistics/summary", query).json()
    assert not [*find_differences(answer, summary(found, sample.business, first, last))]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {"a": 1.0}),
        ({"a": 1}, {"a": True}),
        ({"a": None}, {}),
        ({}, {"a": None}),
        ([1, 2], [2, 1]),
        ([1], [1, 1]),
        ({"a": [{"b": "x"}]}, {"a": [{"b": "y"}]}),
    ],
)
def test_the_comparison_finds_every_difference(ours, theirs):
    assert [*find_differences(ours, theirs)]
    assert not [*find_differences(ours, ours)]


@pytest.fixture
def server():
    """A server that lists the paths in `served`. It answers `/` and `/long` with 200, and any other path with 500."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            served.append(self.path)
            body = b"long" * load.BUFFER_BYTES if self.path == "/long" else b"x" * 100000
            self.send_response(200 if self.path in {"/", "/long"} else 500)
            self.send_header("Content-Length", str(len(body)))
            # As gunicorn does before it restarts a worker.
            if len(served) % 7 == 0:
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    served = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.served = served
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield http
        http.shutdown()


def test_the_load_generator_counts_every_answer(server):
    ran = load.run(server.server_port, repeat(load.request("/")), clients=5, seconds=0.1, min_requests=50)
    assert len(ran.latencies) == len(server.served) >= 50
    assert ran.latencies == sorted(ran.latencies)


def test_the_load_generator_reads_answers_of_any_length_on_one_connection(server):
    connection = load.Connection(server.server_port)
    bodies = [connection.get(load.request(path)) for path in ("/", "/long", "/")]
    assert bodies == [b"x" * 100000, b"long" * load.BUFFER_BYTES, b"x" * 100000]


def test_the_load_generator_stops_at_an_error_status(server):
    with pytest.raises(load.RequestFailed, match="500"):
        load.run(server.server_port, repeat(load.request("/no")), clients=2, seconds=5)
