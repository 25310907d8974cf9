"""Nobody learns from the portal who is a customer: all addresses get the same bytes, by the same statements."""

import random
import statistics
from time import perf_counter

import pytest

from customers.models import Customer, DeliveryState, MailedLink
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


def assert_equal_medians(known, unknown, request):
    """Makes a request for each, in random order, and asserts that the medians of the times of both groups differ by less
    than the spread of one.

    The medians of 200 differ by chance by about a tenth of the spread, so a slow machine fails no test.
    """
    times = dict.fromkeys(known + unknown, 0.0)
    for one in random.Random(1).sample(list(times), len(times)):
        begin = perf_counter()
        request(one)
        times[one] = perf_counter() - begin
    of_known, of_unknown = ([times[one] for one in group] for group in (known, unknown))
    first, _, third = statistics.quantiles(of_unknown)
    difference = abs(statistics.median(of_known) - statistics.median(of_unknown))
    assert difference < third - first


@pytest.fixture
def people(tenant):
    Customer.objects.bulk_create(
        CustomerFactory.build(tenant=tenant, email=email, email_key=email, phone=None, **STATES[n % len(STATES)])
        for n, email in enumerate(KNOWN)
    )
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
def test_bodies_headers_statements_and_times_are_the_same_for_200_known_and_200_unknown_addresses(
    endpoint, request_for
):
    answers, statements = [], set()

    def ask_for_mail(email):
        statements.add(tuple(statements_of(lambda: answers.append(request_for(endpoint, email)))))

    assert_equal_medians(KNOWN, UNKNOWN, ask_for_mail)
    assert len(statements) == 1
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    for answer in answers:
        assert answer.headers.pop("X-Request-ID")
    assert len({tuple(answer.headers.items()) for answer in answers}) == 1
    assert not any(answer.cookies for answer in answers)


@pytest.mark.slow("requests six mails by each of three ways")
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


# --- phones -----------------------------------------------------------------------------------------------------------

TAKEN, FREE = ([f"+62811{digit}{n:06}" for n in range(ADDRESSES)] for digit in (1, 2))


@pytest.fixture
def change_phone(tenant, ask, registered):
    """Returns a function by which a customer who is signed in changes their phone, of which 200 are somebody's."""
    Customer.objects.bulk_create(
        CustomerFactory.build(tenant=tenant, email=None, phone=phone, is_active=n % 4 > 0)
        for n, phone in enumerate(TAKEN)
    )
    registered(email="asks@example.com")
    client = signed_in(ask("login", {"email": "asks@example.com", "password": PASSWORD}).json())
    return lambda phone: client.patch("/api/v1/portal/lotus/me", {"phone": phone}, format="json")


@pytest.mark.slow("makes 200 customers")
def test_a_phone_that_is_somebodys_is_stored_by_the_statements_of_a_free_one(change_phone):
    answers = []
    # Django writes None of a new value into the text.
    statements = {
        tuple(
            text.replace("= NULL", "= %s")
            for text in statements_of(lambda phone=phone: answers.append(change_phone(phone)))
        )
        for phones in zip(TAKEN[:5], FREE, strict=False)
        for phone in phones
    }
    assert len(statements) == 1
    assert [answer.status_code for answer in answers] == [200] * 10
    assert len({len(answer.content) for answer in answers}) == 1
    stored = Customer.objects.get(email="asks@example.com")
    assert (stored.phone, stored.pending_phone) == (FREE[4], None)


@pytest.mark.slow("makes 200 customers, changes a phone 400 times and compares the times")
def test_the_medians_of_time_for_phones_differ_by_less_than_the_spread_of_one_group(change_phone):
    assert_equal_medians(TAKEN, FREE, change_phone)


def test_a_registration_with_a_phone_that_is_somebodys_takes_the_statements_of_a_free_one(tenant, ask, token_for):
    CustomerFactory(tenant=tenant, phone=TAKEN[0])
    statements = []
    for email, phone in (("a@example.com", TAKEN[0]), ("b@example.com", FREE[0])):
        token = token_for(body={"email": email, "first_name": "Jane", "phone": phone})
        body = {"token": token, "password": PASSWORD}
        statements.append(statements_of(lambda body=body: ask("verify", body)))
    assert statements[0] == statements[1]
    assert Customer.objects.filter(email__in=["a@example.com", "b@example.com"]).count() == 2
