"""Every check of a password is counted alike, wherever a password is asked for."""

import ast
import datetime as dt

import pytest
import time_machine
from django.conf import settings
from django.contrib.auth import hashers
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from rest_framework.test import APIClient

from circe.db.ids import new_id
from circe.tests.sources import find_files
from customers.tests.factories import CustomerFactory
from tenants.accounts import throttling
from tenants.models import LoginFailure
from tenants.tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)

NEW = "another good password"


class Person:
    """An account, and a browser in which it is signed in to the admin."""

    def __init__(self, user):
        self.user, self.browser = user, Client(raise_request_exception=False)
        assert self.browser.post(
            "/admin/login/", {"username": user.email, "password": PASSWORD}, REMOTE_ADDR="192.0.2.1"
        ).status_code == 302  # fmt: skip


def by_the_api(person, password, address):
    body = {"email": person.user.email, "password": password}
    return APIClient(raise_request_exception=False).post("/api/v1/auth/login", body, REMOTE_ADDR=address)


def by_the_admin(person, password, address):
    body = {"username": person.user.email, "password": password}
    return Client().post("/admin/login/", body, REMOTE_ADDR=address)


def by_a_change_of_ones_own(person, password, address):
    body = {"old_password": password, "new_password1": NEW, "new_password2": NEW}
    return person.browser.post("/admin/password_change/", body, REMOTE_ADDR=address)


# How a password is asked for: what sends one, and the answers to a wrong and to a right one.
WAYS = {by_the_api: (401, 200), by_the_admin: (200, 302), by_a_change_of_ones_own: (200, 302)}
SENTENCE = "Too many failed attempts. Try again in 15 min."


@pytest.fixture
def person(tenant):
    return Person(UserFactory(tenant=tenant))


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(timezone.now(), tick=False) as clock:
        yield clock


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_ten_wrong_ones_shut_every_way_to_the_account_for_the_right_one_too(person, clock, way):
    for number in range(10):
        assert way(person, "guess", f"198.51.100.{number}").status_code == WAYS[way][0]
    for other in WAYS:
        refused = other(person, PASSWORD, "203.0.113.1")
        assert (other.__name__, refused.status_code, refused["Retry-After"]) == (other.__name__, 429, "900")
        if other is not by_the_api:
            assert SENTENCE in refused.content.decode()
    assert person.user.check_password(PASSWORD)
    # Nobody is shut out of a session that they hold.
    assert person.browser.get("/admin/").status_code == 200
    clock.shift(dt.timedelta(minutes=15, seconds=1))
    assert way(person, PASSWORD, "203.0.113.1").status_code == WAYS[way][1]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_hundred_wrong_ones_shut_every_way_from_the_address(person, tenant, way):
    LoginFailure.objects.bulk_create(
        LoginFailure(account=f"n{n}@example.com", address="203.0.113.1", failed_at=timezone.now()) for n in range(99)
    )
    assert way(person, "guess", "203.0.113.1").status_code == WAYS[way][0]
    other = Person(UserFactory(tenant=tenant))
    for again in WAYS:
        assert (again.__name__, again(other, PASSWORD, "203.0.113.1").status_code) == (again.__name__, 429)
        assert (again.__name__, again(other, "guess", "203.0.113.2").status_code) == (again.__name__, WAYS[again][0])


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_right_one_is_not_counted(person, way):
    assert way(person, PASSWORD, "203.0.113.1").status_code == WAYS[way][1]
    assert LoginFailure.objects.count() == 0


def test_a_wrong_one_is_counted_though_the_new_one_is_no_good(person):
    body = {"old_password": "guess", "new_password1": NEW, "new_password2": "typo"}
    assert person.browser.post("/admin/password_change/", body).status_code == 200
    assert LoginFailure.objects.filter(account=person.user.email).count() == 1


def test_an_overlong_one_is_refused_without_hashing_it(person, checks):
    assert by_a_change_of_ones_own(person, "a" * 129, "203.0.113.1").context["form"].has_error("old_password")
    assert checks == []


# --- nothing else asks for a password ---------------------------------------------------------------------------------


@pytest.fixture
def checks(monkeypatch):
    """For each check of a password whether it was one that is counted."""
    seen, is_counted = [], []
    verify, original = hashers.verify_password, throttling.check_password_with_limits

    def spied(*args, **kwargs):
        seen.append(bool(is_counted))
        return verify(*args, **kwargs)

    def counting(check, **who):
        def counted():
            is_counted.append(True)
            try:
                return check()
            finally:
                is_counted.pop()

        return original(counted, **who)

    monkeypatch.setattr(hashers, "verify_password", spied)
    modules = [f"tenants.accounts.{module}" for module in ("views", "authentication", "forms")]
    for module in (*modules, "customers.portal.accounts.credentials"):
        monkeypatch.setattr(f"{module}.check_password_with_limits", counting)
    return seen


def urls(patterns, prefix=""):
    """Every URL of the project, with ids of nothing, and the portal of the business of the tests."""
    for pattern in patterns:
        path = prefix + str(pattern.pattern).lstrip("^")
        if isinstance(pattern, URLResolver):
            yield from urls(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern) and "(" not in path and "$" not in path:
            path = path.replace("<str:tenant_slug>", "lotus")
            yield "/" + "".join(part if i % 2 == 0 else new_id() for i, part in enumerate(_parts(path)))


def _parts(path):
    """Yields the fixed parts of the URL pattern and its placeholders, one after the other."""
    return path.replace("<", "\0").replace(">", "\0").split("\0")


@pytest.mark.slow("sends passwords to every URL")
def test_no_url_checks_a_password_without_counting_it(back_office, checks, tenant):
    """Each URL is sent a wrong password under every name that a field for one might have."""
    browser = back_office("super_admin")
    checks.clear()
    account = UserFactory(tenant=tenant)
    CustomerFactory(tenant=tenant, email=account.email, email_verified=True, password=account.password)
    names = ("password", "old_password", "current_password", "password1", "password2", "new_password1")
    body = {"email": account.email, "username": account.email, **dict.fromkeys(names, "a wrong one")}
    token = by_the_api(Person(account), PASSWORD, "192.0.2.1").json()["access"]
    checks.clear()
    LoginFailure.objects.all().delete()
    everything = sorted(url for url in set(urls(get_resolver().url_patterns)) if "logout" not in url)
    asking = {"/admin/login/", "/admin/password_change/", "/api/v1/auth/login", "/api/v1/portal/lotus/login"}
    assert asking <= set(everything)
    assert len(everything) > 40
    for number, url in enumerate(everything):
        address = f"198.51.100.{number}"
        if url.startswith("/api/"):
            headers = {"Authorization": f"Bearer {token}"}
            APIClient(raise_request_exception=False).post(url, body, headers=headers, REMOTE_ADDR=address)
        else:
            browser.post(url, body, REMOTE_ADDR=address)
    # The log-ins of the API, of the admin and of the portal, and the change of one's own password in the admin.
    assert checks == [True, True, True, True]
    # The pages that confirm and reset, and that of a person's link, check no password, and count a wrong token.
    counted = LoginFailure.objects.values_list("kind", flat=True)
    assert sorted(counted) == ["customer", "link", "link", "link", "staff", "staff", "staff"]


# Who may ask whether a password is right, and why it is counted.
CALLERS = {
    "tenants/models/user.py": "the model's own method, which the next two call",
    "tenants/accounts/managers.py": "`find_by_credentials`, called within `check_password_with_limits` only",
    "tenants/accounts/forms.py": "within `check_password_with_limits`",
    "customers/models/querysets.py": "`find_by_credentials`, called within `check_password_with_limits` only",
}


def test_no_other_file_checks_a_password():
    asking = {"check_password", "acheck_password", "verify_password", "authenticate", "aauthenticate"}
    callers = set()
    for file in find_files("*.py"):
        name = file.relative_to(settings.BASE_DIR)
        if "tests" in name.parts:
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call):
                called = getattr(node.func, "attr", getattr(node.func, "id", ""))
                if called in asking:
                    callers.add(str(name))
    assert callers == set(CALLERS)
