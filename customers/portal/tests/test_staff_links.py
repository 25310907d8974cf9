"""People are invited by a mailed link, by which they choose their password. Nobody else sees it."""

import datetime as dt
import logging
import smtplib

import pytest
import time_machine
from django.contrib.messages import get_messages
from django.core.mail.backends.base import BaseEmailBackend
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from appointments.tests.factories import WorkingHoursFactory
from circe.tests.cases import in_one_test
from customers.models import MailedLink
from customers.portal.tests.conftest import NEW_PASSWORD, PASSWORD, signed_in, token_in
from tenants.models import AuditEvent, ServiceStaff, Tenant, User
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, TenantFactory, UserFactory
from tenants.tests.forms import opened

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_scope")]
STAFF = "/admin/tenants/staff/"
DEWI = {"first_name": "Dewi", "last_name": "Lestari", "email": "Dewi@Example.com", "role": "outlet_manager"}


def page_of(user):
    return f"{STAFF}{user.pk}/change/"


def shown_messages(answer):
    return [str(message) for message in get_messages(answer.wsgi_request)]


def open_link(token, password=None, *, slug="lotus"):
    """Opens the page of the link as a browser without a session, or sends it with the password."""
    url = f"/portal/{slug}/staff?token={token}"
    return Client().post(url, {"password": password}) if password else Client().get(url)


def log_in(email, password):
    return Client().post("/admin/login/", {"username": email, "password": password}).status_code == 302


@pytest.fixture
def hire(back_office, send):
    """Returns a function that adds Dewi, and returns the account and the mail."""

    def hire(role="tenant_admin", **values):
        browser = back_office(role)
        answer = browser.post(f"{STAFF}add/", DEWI | values)
        assert answer.status_code == 302, answer.context["adminform"].form.errors
        (mail,) = send()
        return User.objects.get(email="dewi@example.com"), mail, answer

    return hire


@pytest.fixture
def ana(tenant):
    return UserFactory(tenant=tenant, first_name="Ana", last_name="", email="ana@example.com", password=PASSWORD)


def test_a_person_is_hired_by_a_mail_and_chooses_the_password(hire, tenant):
    dewi, mail, answer = hire()
    assert (dewi.tenant, dewi.role, dewi.full_name) == (tenant, "outlet_manager", "Dewi Lestari")
    assert (mail.to, mail.subject) == (["dewi@example.com"], "Akun Anda")
    token = token_in(mail)
    assert shown_messages(answer)[0] == "A link by which Dewi Lestari chooses a password is sent to dewi@example.com."
    page = open_link(token)
    assert (page.status_code, page["Referrer-Policy"], page["Cache-Control"]) == (200, "no-referrer", "no-store")
    assert not log_in("dewi@example.com", NEW_PASSWORD)
    done = open_link(token, NEW_PASSWORD)
    assert done.status_code == 200
    assert '<a href="/admin/login/">Masuk</a>' in done.content.decode()
    assert not done.cookies
    assert log_in("dewi@example.com", NEW_PASSWORD)


def test_the_mail_and_the_page_are_in_the_language_of_the_business(hire, tenant):
    Tenant.objects.filter(pk=tenant.pk).update(language="nb")
    _, mail, _ = hire()
    assert mail.subject == "Kontoen din"
    assert "har opprettet en konto for deg" in mail.body
    assert "Lagre passordet" in open_link(token_in(mail)).content.decode()


def test_a_new_person_offers_what_is_ticked_and_is_led_to_their_hours_at_the_outlet(hire, back_office, tenant):
    kemang, _ = OutletFactory(tenant=tenant, name="Kemang"), OutletFactory(tenant=tenant, name="Senopati")
    facial, cut = ServiceFactory(tenant=tenant, name="Facial"), ServiceFactory(tenant=tenant, name="Cut")
    ServiceStaff.objects.create(tenant=tenant, service=facial, staff_id=UserFactory(tenant=tenant).pk)
    form = back_office("tenant_admin").get(f"{STAFF}add/").context["adminform"].form
    # Ticking what everybody offers would take it from everybody else.
    assert [*form.fields["services"].queryset] == [facial]
    dewi, _, answer = hire(outlet=kemang.pk, services=[facial.pk])
    assert ServiceStaff.objects.filter(staff=dewi.pk).values_list("service", flat=True).get() == facial.pk
    assert not ServiceStaff.objects.filter(service=cut).exists()
    hours = f"/admin/appointments/staffwithhours/{dewi.pk}/change/?outlet={kemang.pk}"
    assert f'<a href="{hours}">Enter the working hours of Dewi Lestari at Kemang</a>' in shown_messages(answer)[1]
    rows = opened(back_office("tenant_admin"), hours)
    assert {value[0] for name, value in rows.items() if name.endswith("-outlet")} == {kemang.pk}


def test_working_hours_of_another_outlet_are_kept_where_the_page_names_one(back_office, tenant):
    kemang, senopati = OutletFactory(tenant=tenant), OutletFactory(tenant=tenant)
    hours = WorkingHoursFactory(tenant=tenant, outlet=senopati)
    page = f"/admin/appointments/staffwithhours/{hours.staff_id}/change/?outlet={kemang.pk}"
    rows = opened(back_office("tenant_admin"), page)
    outlets = [value[0] for name, value in rows.items() if name.endswith("-outlet")]
    assert (outlets.count(senopati.pk), set(outlets)) == (1, {senopati.pk, kemang.pk})


def test_somebodys_password_is_not_typed_by_another(back_office, ana):
    browser = back_office("tenant_admin")
    assert "password" not in browser.get(f"{STAFF}add/").context["adminform"].form.fields
    assert "password" not in opened(browser, page_of(ana))
    assert browser.get(f"{STAFF}{ana.pk}/password/").status_code == 302
    browser.post(f"{STAFF}{ana.pk}/password/", {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})
    assert log_in(ana.email, PASSWORD)


def test_a_forgotten_password_is_chosen_anew_by_the_same_way(back_office, ana, send):
    browser = back_office("tenant_admin")
    assert "Send a link to choose a new password" in browser.get(page_of(ana)).content.decode()
    answer = browser.post(f"{STAFF}{ana.pk}/invite/")
    assert (answer.status_code, answer["Location"]) == (302, page_of(ana))
    (mail,) = send()
    assert mail.subject == "Pilih kata sandi baru"
    mine = Client()
    mine.post("/admin/login/", {"username": ana.email, "password": PASSWORD})
    pair = APIClient().post("/api/v1/auth/login", {"email": ana.email, "password": PASSWORD}).json()
    assert open_link(token_in(mail), NEW_PASSWORD).status_code == 200
    assert (log_in(ana.email, PASSWORD), log_in(ana.email, NEW_PASSWORD)) == (False, True)
    # The sessions of the former password have ended.
    assert mine.get("/admin/")["Location"].startswith("/admin/login/")
    assert signed_in(pair).get("/api/v1/auth/me").status_code == 401


def test_a_weak_password_spends_nothing(hire):
    _, mail, _ = hire()
    assert open_link(token_in(mail), "short").status_code == 400
    assert open_link(token_in(mail), NEW_PASSWORD).status_code == 200


def send_again(browser, dewi, send):
    browser.post(f"{STAFF}{dewi.pk}/invite/")
    assert len(send()) == 1


def withdraw(browser, dewi, send):
    assert "Withdraw the link" in browser.get(page_of(dewi)).content.decode()
    answer = browser.post(f"{STAFF}{dewi.pk}/withdraw/")
    assert shown_messages(answer)[-1] == "The link that was sent to dewi@example.com is withdrawn."
    assert "Withdraw the link" not in browser.get(page_of(dewi)).content.decode()


def use(browser, dewi, send):
    dewi.set_password(PASSWORD)
    dewi.save()


def deactivate(browser, dewi, send):
    User.objects.filter(pk=dewi.pk).update(is_active=False)


def change_address(browser, dewi, send):
    User.objects.filter(pk=dewi.pk).update(email="other@example.com")


def suspend(browser, dewi, send):
    Tenant.objects.filter(pk=dewi.tenant_id).update(is_active=False)


@pytest.mark.slow("ends a link in each way")
@in_one_test("ends", [send_again, withdraw, use, deactivate, change_address, suspend])
def test_what_ends_a_link(hire, back_office, send, ends):
    dewi, mail, _ = hire()
    browser = back_office("tenant_admin")
    before = dewi.password
    ends(browser, dewi, send)
    password = User.objects.get(pk=dewi.pk).password
    for answer in (open_link(token_in(mail)), open_link(token_in(mail), NEW_PASSWORD)):
        assert answer.status_code in (400, 404)
    assert User.objects.get(pk=dewi.pk).password == password
    assert (password == before) == (ends is not use)


def test_a_link_works_once_within_three_days_and_at_its_own_business(hire):
    TenantFactory(slug="other")
    dewi, mail, _ = hire()
    token = token_in(mail)
    assert open_link(token, NEW_PASSWORD, slug="other").status_code == 400
    with time_machine.travel(timezone.now() + dt.timedelta(hours=73)):
        assert open_link(token, NEW_PASSWORD).status_code == 400
    assert open_link(token, NEW_PASSWORD).status_code == 200
    assert open_link(token, PASSWORD).status_code == 400
    assert log_in(dewi.email, NEW_PASSWORD)


def test_a_link_of_a_person_opens_nothing_of_the_portal_and_the_other_way_round(hire, ask, token_for):
    _, mail, _ = hire()
    for endpoint in ("verify", "password/reset"):
        answer = ask(endpoint, {"token": token_in(mail), "password": NEW_PASSWORD})
        assert (answer.status_code, answer.json()["code"]) == (400, "link_invalid")
    assert open_link(token_for(), NEW_PASSWORD).status_code == 400


def test_who_waits_to_be_sent_and_is_withdrawn_gets_no_mail(back_office, tenant, send):
    browser = back_office("tenant_admin")
    browser.post(f"{STAFF}add/", DEWI)
    dewi = User.objects.get(email="dewi@example.com")
    browser.post(f"{STAFF}{dewi.pk}/withdraw/")
    assert send() == []
    assert MailedLink.objects.values_list("state", "reasons").get() == ("skipped", ["withdrawn"])


class BusyMailServer(BaseEmailBackend):
    """Refuses each mail for now, and calls `meanwhile` before."""

    meanwhile = None

    def send_messages(self, mails):
        type(self).meanwhile()
        raise smtplib.SMTPDataError(451, b"try later")


def nothing(browser, dewi):
    pass


def withdraw_link(browser, dewi):
    answer = browser.post(f"{STAFF}{dewi.pk}/withdraw/")
    assert shown_messages(answer)[-1] == "The link that was sent to dewi@example.com is withdrawn."


@pytest.mark.parametrize(
    ("during_the_attempt", "afterwards", "days"), [(withdraw_link, nothing, 0), (nothing, withdraw_link, 4)]
)
def test_a_link_that_is_withdrawn_after_its_mail_was_refused_for_now_is_not_sent_again(
    back_office, tenant, send, settings, during_the_attempt, afterwards, days
):
    browser, backend = back_office("tenant_admin"), settings.EMAIL_BACKEND
    browser.post(f"{STAFF}add/", DEWI)
    dewi = User.objects.get(email="dewi@example.com")
    settings.EMAIL_BACKEND = f"{__name__}.{BusyMailServer.__name__}"
    BusyMailServer.meanwhile = lambda: during_the_attempt(browser, dewi)
    send()
    settings.EMAIL_BACKEND = backend
    # After four days the first token is no longer valid. A sender that was off until then makes a new token.
    with time_machine.travel(timezone.now() + dt.timedelta(days=days, minutes=2)):
        afterwards(back_office("tenant_admin"), dewi)
        assert send() == []
    assert MailedLink.objects.values_list("state", "reasons").get() == ("skipped", ["withdrawn"])


def test_the_sixth_mail_in_an_hour_is_not_sent(hire, back_office, send):
    dewi, _, _ = hire()
    browser = back_office("tenant_admin")
    for _ in range(4):
        browser.post(f"{STAFF}{dewi.pk}/invite/")
    answer = browser.post(f"{STAFF}{dewi.pk}/invite/")
    assert (
        shown_messages(answer)[-1] == "dewi@example.com has been sent too many mails in the last hour. Try again later."
    )
    # Only the latest link works.
    assert len(send()) == 1


def test_who_may_invite_whom(back_office, other_tenant, tenant, ana, send):
    for role in ("staff", "outlet_manager"):
        browser = back_office(role)
        assert browser.post(f"{STAFF}add/", DEWI).status_code == 403
        for verb in ("invite", "withdraw"):
            assert browser.post(f"{STAFF}{ana.pk}/{verb}/").status_code == 403
    browser = back_office("tenant_admin")
    boss = UserFactory(role="super_admin", tenant=None)
    for pk in (UserFactory(tenant=other_tenant).pk, boss.pk, "0" * 24, "x"):
        assert browser.post(f"{STAFF}{pk}/invite/").status_code == 404, pk
    assert "role" in browser.post(f"{STAFF}add/", DEWI | {"role": "super_admin"}).context["adminform"].form.errors
    assert browser.get(f"{STAFF}{ana.pk}/invite/").status_code == 405
    User.objects.filter(pk=ana.pk).update(is_active=False)
    answer = browser.post(f"{STAFF}{ana.pk}/invite/")
    assert shown_messages(answer) == ["Ana is deactivated. Activate the account first."]
    assert send() == []


def test_a_super_admin_invites_to_a_business_and_is_told_how_a_super_admin_gets_a_password(back_office, tenant, send):
    browser = back_office("super_admin")
    assert browser.post(f"{STAFF}add/", DEWI | {"tenant": tenant.pk}).status_code == 302
    assert [mail.to for mail in send()] == [["dewi@example.com"]]
    boss = DEWI | {"email": "boss@example.com", "role": "super_admin", "tenant": ""}
    answer = browser.post(f"{STAFF}add/", boss)
    assert answer.status_code == 302
    assert any("manage.py changepassword boss@example.com" in words for words in shown_messages(answer))
    assert send() == []


def test_the_link_is_in_no_page_log_or_audit_event(hire, back_office, caplog):
    caplog.set_level(logging.DEBUG)
    dewi, mail, answer = hire()
    token = token_in(mail)
    browser = back_office("tenant_admin")
    open_link(token)
    open_link(token, NEW_PASSWORD)
    pages = [browser.get(url).content.decode() for url in (page_of(dewi), f"{STAFF}{dewi.pk}/history/", STAFF)]
    with tenant_scope(dewi.tenant):
        events = str([*AuditEvent.objects.values()])
        stored = str([*MailedLink.objects.values()])
    for text in (*pages, *shown_messages(answer), caplog.text, events, stored):
        assert token not in text
        assert NEW_PASSWORD not in text
