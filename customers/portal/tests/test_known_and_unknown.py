"""Nobody learns from the portal who is a customer: all addresses get the same bytes, by the same statements."""

import random
import statistics
from time import perf_counter

import pytest

from customers.models import DeliveryState, MailedLink
from customers.portal.tests.conftest import PASSWORD, signed_in, statements_of
from customers.tests.factories import CustomerFactory
from tenants.tests.factories import TenantFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_scope")]

ADDRESSES = 200
KNOWN = [f"known{n:03}@example.com" for n in range(ADDRESSES)]
UNKNOWN = [f"other{n:03}@example.com" for n in range(ADDRESSES)]
# Who has the known addresses, one after the other.
STATES = [
    {"password": "!", "email_verified": True},
    {"password": None},
    {"password": "!"},
    {"password": "!", "is_active": False},
    {"password": "!", "is_active": False, "is_deleted": True},
]
PHONE = "+6281200000001"


@pytest.fixture
def people(tenant):
    for n, email in enumerate(KNOWN):
        CustomerFactory(tenant=tenant, email=email, phone=None, **STATES[n % len(STATES)])
    CustomerFactory(tenant=tenant, phone=PHONE)


def register(ask, email):
    return ask("register", {"email": email, "first_name": "Jane", "phone": PHONE})


def forget(ask, email):
    return ask("password/forgot", {"email": email})


def change_email(ask, email):
    return ask("email/change", {"email": email}, client=ask.client)


ENDPOINTS = [register, forget, change_email]


@pytest.fixture
def request_for(ask, people, registered):
    """Returns a function that asks for a mail, as a customer who is signed in where that is needed."""
    registered(email="asks@example.com")
    ask.client = signed_in(ask("login", {"email": "asks@example.com", "password": PASSWORD}).json())
    return lambda endpoint, email: endpoint(ask, email)


@pytest.mark.slow("asks for 1,200 mails")
@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.__name__)
def test_bodies_headers_and_statements_are_the_same_for_200_known_and_200_unknown_addresses(endpoint, request_for):
    answers = []
    statements = {
        tuple(statements_of(lambda email=email: answers.append(request_for(endpoint, email))))
        for email in KNOWN + UNKNOWN
    }
    assert len(statements) == 1
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    for answer in answers:
        assert answer.headers.pop("X-Request-ID")
    assert len({tuple(answer.headers.items()) for answer in answers}) == 1
    assert not any(answer.cookies for answer in answers)


@pytest.mark.slow("asks for 800 mails and compares the times")
@pytest.mark.parametrize("endpoint", [register, forget], ids=lambda endpoint: endpoint.__name__)
def test_the_medians_of_time_differ_by_less_than_the_spread_of_one_group(endpoint, request_for):
    """The medians of 200 differ by chance by about a tenth of the spread, so a slow machine fails no test."""
    times = dict.fromkeys(KNOWN + UNKNOWN, 0.0)
    for email in random.Random(1).sample(list(times), len(times)):
        begin = perf_counter()
        request_for(endpoint, email)
        times[email] = perf_counter() - begin
    known, unknown = ([times[email] for email in group] for group in (KNOWN, UNKNOWN))
    first, _, third = statistics.quantiles(unknown)
    difference = abs(statistics.median(known) - statistics.median(unknown))
    assert difference < third - first


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.__name__)
def test_the_sixth_mail_for_an_address_in_an_hour_is_a_429_whoever_has_it(endpoint, request_for):
    refusals = set()
    for email in (*KNOWN[:5], UNKNOWN[0]):
        assert [request_for(endpoint, email.upper()).status_code for _ in range(5)] == [202] * 5
        refused = request_for(endpoint, email)
        assert refused.status_code == 429
        assert 3590 <= int(refused["Retry-After"]) <= 3600
        refusals.add((refused.json()["code"], refused.json()["title"]))
        assert MailedLink.objects.filter(email_key=email).count() == 5
    assert refusals == {("throttled", "Too Many Requests")}
    assert request_for(endpoint, UNKNOWN[1]).status_code == 202


def test_all_requests_for_an_address_count_together_and_another_businesss_do_not(ask, request_for):
    for endpoint in (register, forget, change_email, register, forget):
        assert request_for(endpoint, KNOWN[0]).status_code == 202
    for endpoint in ENDPOINTS:
        assert request_for(endpoint, KNOWN[0]).status_code == 429
    TenantFactory(slug="other")
    assert ask("register", {"email": KNOWN[0], "first_name": "J"}, portal="/api/v1/portal/other").status_code == 202


def test_what_the_sender_does_shows_in_no_answer(request_for, send):
    answers = []
    for email in (KNOWN[0], UNKNOWN[0]):
        for _ in range(3):
            answers.append(request_for(forget, email).content)
            send()
    assert len(set(answers)) == 1
    assert set(MailedLink.objects.values_list("email_key", "state")) == {
        (KNOWN[0], DeliveryState.SENT),
        (UNKNOWN[0], DeliveryState.SKIPPED),
    }
