"""Requests for mails: how many are accepted, for how long they are kept, and who can read them."""

import datetime as dt

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from circe.db.roles import as_owner
from customers.models import MailedLink
from customers.portal import links
from customers.portal.tests.conftest import JANE, PASSWORD, token_in
from tenants.tests.factories import TenantFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_scope")]


@pytest.fixture
def clock():
    with time_machine.travel(timezone.now(), tick=False) as clock:
        yield clock


def forget(ask, email="jane@example.com", address="203.0.113.1", **extra):
    return ask("password/forgot", {"email": email}, REMOTE_ADDR=address, **extra)


def test_the_next_mail_is_accepted_when_the_first_is_an_hour_old(ask, clock):
    for _ in range(5):
        assert forget(ask).status_code == 202
        clock.shift(60)
    refused = forget(ask)
    assert (refused.status_code, refused["Retry-After"]) == (429, "3300")
    clock.shift(3299)
    assert forget(ask)["Retry-After"] == "1"
    clock.shift(1)
    assert forget(ask).status_code == 202
    assert forget(ask).status_code == 429


def test_one_address_gets_at_most_20_mails_an_hour_of_all_businesses_together(ask, tenant, clock):
    portals = [f"/api/v1/portal/{TenantFactory(slug=f'salon-{n}').slug}" for n in range(5)]
    for portal in portals[:4]:
        for n in range(5):
            assert forget(ask, address=f"203.0.113.{n}", portal=portal).status_code == 202
    refused = forget(ask, portal=portals[4])
    assert (refused.status_code, refused["Retry-After"]) == (429, "3600")
    assert forget(ask, "other@example.com", portal=portals[4]).status_code == 202
    clock.shift(3600)
    assert forget(ask, portal=portals[4]).status_code == 202


def test_a_client_that_asks_for_very_many_addresses_is_refused_in_every_portal_and_others_are_not(
    ask, tenant, other_tenant, clock
):
    MailedLink.objects.bulk_create(
        MailedLink(kind="reset", email=f"n{n}@x.test", email_key=f"n{n}@x.test", client_address="203.0.113.1")
        for n in range(links.MAILS_PER_CLIENT - 1)
    )
    assert forget(ask).status_code == 202
    for portal in ("lotus", "nordlys"):
        refused = forget(ask, "other@example.com", portal=f"/api/v1/portal/{portal}")
        assert (refused.status_code, refused["Retry-After"]) == (429, "3600")
    assert forget(ask, "other@example.com", address="203.0.113.2").status_code == 202
    clock.shift(3600)
    assert forget(ask, "third@example.com").status_code == 202


def test_requests_are_deleted_after_a_week(ask, clock):
    forget(ask)
    clock.shift(dt.timedelta(days=7, seconds=-1))
    forget(ask, "other@example.com")
    assert MailedLink.objects.count() == 2
    clock.shift(1)
    forget(ask, "third@example.com")
    assert set(MailedLink.objects.values_list("email", flat=True)) == {"other@example.com", "third@example.com"}


# --- where a token is not ---------------------------------------------------------------------------------------------


def test_a_token_is_in_no_table_and_in_no_log(ask, send, registered, caplog):
    caplog.set_level("DEBUG")
    registered()
    tokens = []
    for endpoint, body in (
        ("register", JANE | {"email": "new@example.com"}),
        ("password/forgot", {"email": JANE["email"]}),
    ):
        ask(endpoint, body)
        (message,) = send()
        tokens.append(token_in(message))
    ask("verify", {"token": tokens[0], "password": PASSWORD})
    ask("password/reset", {"token": tokens[1], "password": PASSWORD})
    ask("password/reset", {"token": tokens[1], "password": PASSWORD})
    stored = every_text_of_the_database()
    assert JANE["email"] in stored
    for token in tokens:
        assert token not in stored
        assert token not in caplog.text
    assert PASSWORD not in stored
    assert PASSWORD not in caplog.text


def every_text_of_the_database():
    """All rows of all tables as one text."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [table for (table,) in cursor.fetchall()]
        texts = []
        for table in tables:
            cursor.execute(f"SELECT row_to_json(one)::text FROM {table} AS one")
            texts += [text for (text,) in cursor.fetchall()]
    return "\n".join(texts)


def test_no_page_of_the_back_office_and_no_list_shows_a_link(ask, send, back_office, registered, admin):
    customer = registered()
    ask("password/forgot", {"email": JANE["email"]})
    (message,) = send()
    link = MailedLink.objects.get()
    browser = back_office("tenant_admin")
    pages = [
        browser.get(f"/admin/customers/customer/{customer.pk}/change/"),
        browser.get(f"/admin/customers/customer/{customer.pk}/history/"),
        browser.get("/admin/tenants/auditevent/"),
        browser.get("/admin/customers/"),
        browser.get("/admin/customers/mailedlink/"),
        admin.get(f"/api/v1/customers/{customer.pk}"),
        admin.get(f"/api/v1/customers/{customer.pk}/history"),
    ]
    assert [page.status_code for page in pages] == [200, 200, 200, 200, 404, 200, 200]
    for page in pages:
        for secret in (token_in(message), link.token_hash, link.bound_to):
            assert secret not in page.content.decode()
