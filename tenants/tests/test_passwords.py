"""A password is the same in every Unicode form, wherever it is set and wherever it is typed."""

import io
import re
import unicodedata

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher, check_password
from django.core import mail
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from circe.db.roles import as_owner
from customers.models import Customer
from customers.tests.factories import CustomerFactory
from customers.tests.sending import send_due
from tenants.accounts.hashers import Argon2idPasswordHasher, FastArgon2idPasswordHasher
from tenants.models import User
from tenants.scope import ALL_TENANTS, tenant_scope
from tenants.tests.factories import PASSWORD, UserFactory

LOGIN = "/api/v1/auth/login"
# French, German in wide letters, Korean, Vietnamese, Thai; and a ligature, a digit in a circle and a letter with a ring.
PASSWORDS = [
    "Crème brûlée 7",
    "Ｐａｓｓｗｏｒｔ　１２３!",
    "비밀번호를모른다",
    "mật khẩu dài",
    "น้ำชาร้อนร้อน",
    "ﬁne ②nd Åse",
]
FORMS = ["NFC", "NFD", "NFKC", "NFKD"]


def forms_of(password):
    return sorted({password, *(unicodedata.normalize(form, password) for form in FORMS)})


def api_log_in(email, password):
    answer = APIClient(raise_request_exception=False).post(LOGIN, {"email": email, "password": password})
    return {200: True, 401: False}[answer.status_code]


def admin_log_in(email, password):
    answer = Client().post("/admin/login/", {"username": email, "password": password})
    return {302: True, 200: False}[answer.status_code]


def by_the_model(user, password, browser):
    user.set_password(password)
    with tenant_scope(ALL_TENANTS):
        user.save()


def by_the_password_change_page(user, password, browser):
    body = {"old_password": PASSWORD, "new_password1": password, "new_password2": password}
    mine = Client()
    mine.post("/admin/login/", {"username": user.email, "password": PASSWORD})
    assert mine.post("/admin/password_change/", body).status_code == 302


def by_the_mailed_link(user, password, browser):
    browser.post(f"/admin/tenants/staff/{user.pk}/invite/")
    mail.outbox.clear()
    send_due()
    (token,) = re.findall(r"token=([\w-]+)", mail.outbox[0].body)
    answer = Client().post(f"/portal/lotus/staff?token={token}", {"password": password})
    assert answer.status_code == 200, answer.content


@pytest.mark.parametrize("set_password", [by_the_model, by_the_password_change_page, by_the_mailed_link])
def test_a_password_that_was_set_in_one_form_is_right_in_every_other(set_password, back_office, tenant):
    browser = back_office("tenant_admin")
    for password in PASSWORDS[:2]:
        user = UserFactory(tenant=tenant)
        set_password(user, unicodedata.normalize("NFD", password), browser)
        assert all(api_log_in(user.email, typed) for typed in forms_of(password))
        assert admin_log_in(user.email, password)
        assert not api_log_in(user.email, password[:-1])


def test_ones_old_password_is_right_in_every_form(tenant):
    user = UserFactory(tenant=tenant, password=PASSWORDS[0])
    for typed in forms_of(PASSWORDS[0]):
        mine = Client()
        assert mine.post("/admin/login/", {"username": user.email, "password": typed}).status_code == 302
        body = {"old_password": typed, "new_password1": PASSWORDS[0], "new_password2": PASSWORDS[0]}
        assert mine.post("/admin/password_change/", body).status_code == 302


def test_createsuperuser_takes_the_password_in_any_form(db, monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", unicodedata.normalize("NFD", PASSWORDS[0]))
    call_command("createsuperuser", email="root@circe.test", interactive=False, stdout=io.StringIO())
    assert all(api_log_in("root@circe.test", typed) for typed in forms_of(PASSWORDS[0]))


@pytest.mark.parametrize("password", PASSWORDS)
def test_the_password_of_a_customer_is_the_same_in_every_form(staff, manager, in_scope, password):
    customer = CustomerFactory(tenant=in_scope, email="jane@example.com")
    for number, written in enumerate(forms_of(password)):
        body = {"first_name": "Joe", "email": f"joe{number}@example.com", "password": written}
        created = staff.post("/api/v1/customers", body)
        changed = manager.patch(f"/api/v1/customers/{customer.pk}", {"password": written})
        assert (created.status_code, changed.status_code) == (201, 200), (created.content, changed.content)
        for pk in (created.json()["id"], customer.pk):
            encoded = Customer.objects.get(pk=pk).password
            assert all(check_password(typed, encoded) for typed in forms_of(password))


# --- hashes that were made before --------------------------------------------------------------------------------------


class RawHasher(FastArgon2idPasswordHasher):
    """Hashes the password as typed, as Circe did before."""

    def encode(self, password, salt):
        return super(Argon2idPasswordHasher, self).encode(password, salt)


HASHERS = {
    "as Circe did before": lambda password: RawHasher().encode(password, "saltsaltsalt"),
    "PBKDF2": lambda password: PBKDF2PasswordHasher().encode(password, "saltsaltsalt", iterations=1000),
}


def store_hash(user, encoded):
    with as_owner():
        User.objects.filter(pk=user.pk).update(password=encoded)


@pytest.mark.slow("makes hashes of an older, slower kind")
@pytest.mark.parametrize("make_hash", HASHERS.values(), ids=HASHERS)
@pytest.mark.parametrize("log_in", [api_log_in, admin_log_in])
def test_a_log_in_renews_an_older_hash_so_that_every_form_is_right(make_hash, log_in, tenant):
    written = unicodedata.normalize("NFD", PASSWORDS[0])
    user = UserFactory(tenant=tenant)
    store_hash(user, make_hash(written))
    assert not log_in(user.email, written + "x")
    assert log_in(user.email, written)
    renewed = User.objects.get(pk=user.pk).password
    assert all(log_in(user.email, typed) for typed in forms_of(written))
    assert User.objects.get(pk=user.pk).password == renewed


class CountedHasher(FastArgon2idPasswordHasher):
    """Counts the hashes that it makes. A check makes a second one if the typed password is not in NFKC."""

    hash_count = 0

    def encode(self, password, salt):
        CountedHasher.hash_count += 1
        return super().encode(password, salt)

    def verify(self, password, encoded):
        CountedHasher.hash_count += 1 + (password != unicodedata.normalize("NFKC", password))
        return super().verify(password, encoded)


def test_the_number_of_hashes_tells_nothing_about_the_account(settings, tenant):
    settings.PASSWORD_HASHERS = [f"{__name__}.CountedHasher"]
    UserFactory(tenant=tenant, email="known@lotus.test")
    UserFactory(tenant=tenant, email="invited@lotus.test", password=None)
    UserFactory(tenant=tenant, email="inactive@lotus.test", is_active=False)
    for typed, expected in ((PASSWORDS[0], 1), (unicodedata.normalize("NFD", PASSWORDS[0]), 2)):
        for name in ("known", "invited", "inactive", "unknown"):
            CountedHasher.hash_count = 0
            assert not api_log_in(f"{name}@lotus.test", typed)
            assert (name, CountedHasher.hash_count) == (name, expected)


# --- what a new password must be ----------------------------------------------------------------------------------------

# In NFKC each ﷺ becomes 18 characters, a letter and its accent become one, and wide letters become ASCII.
WEAK = {
    "max_length": ["a" * 129, "ﷺ" * 8],
    "password_too_short": ["éà7"],
    "password_too_common": ["ｐａｓｓｗｏｒｄ１２３"],
}
WEAK["password_too_short"].append(unicodedata.normalize("NFD", "éàèùéàè"))


@pytest.mark.parametrize(("code", "password"), [(code, password) for code in WEAK for password in WEAK[code]])
def test_a_new_password_is_measured_in_the_form_in_which_it_is_compared(code, password, staff, back_office, tenant):
    body = {"first_name": "Joe", "email": "joe@example.com", "password": password}
    [error] = staff.post("/api/v1/customers", body).json()["errors"]
    assert (error["field"], error["code"]) == ("password", code)

    browser = back_office("tenant_admin")
    of_ones_own = {"new_password1": password, "new_password2": password, "old_password": PASSWORD}
    answer = browser.post("/admin/password_change/", of_ones_own)
    assert answer.context["form"].has_error("new_password2", code)


def test_the_longest_password_opens_in_every_form(tenant):
    longest = "é" * 128
    user = UserFactory(tenant=tenant, password=longest)
    for typed in forms_of(longest):
        assert api_log_in(user.email, typed)
        assert admin_log_in(user.email, typed)
    too_long = APIClient().post(LOGIN, {"email": user.email, "password": longest + "x"})
    assert (too_long.status_code, too_long.json()["errors"][0]["code"]) == (400, "max_length")
