"""The pages of errors, of the log-out and of the end of a session, and the icon of the pages."""

import pytest
from django.test import Client

from customers.tests.factories import CustomerFactory
from tenants.tests.factories import PASSWORD

PAGE = {"HTTP_ACCEPT": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize(
    ("path", "status", "title"),
    [
        ("/admin/customers/banana/", 404, "There is no such page"),
        ("/admin/tenants/staff/", 403, "You may not do this"),
    ],
)
def test_an_error_in_the_back_office_looks_as_its_other_pages_do(back_office, tenant, path, status, title):
    answer = back_office("staff").get(path)
    text = answer.content.decode()
    assert (answer.status_code, f"<h1>{title}</h1>" in text) == (status, True)
    assert f"{tenant} (" in text
    assert 'role="search"' in text
    assert "Day sheet</a>" in text
    assert "circe/favicon" in text


def test_a_form_whose_token_is_wrong_is_answered_by_such_a_page(back_office, tenant):
    user = back_office("staff").user
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(user)
    answer = browser.post("/admin/customers/customer/add/", {"first_name": "Jane"})
    assert answer.status_code == 403
    assert "This page was open for too long" in answer.content.decode()
    assert "Day sheet</a>" in answer.content.decode()


@pytest.mark.parametrize("path", ["/banana", "/admin/banana/", "/portal/", "/portal/nobody/appointment"])
def test_somebody_who_is_not_signed_in_gets_a_page_for_an_unknown_address(db, path):
    answer = Client().get(path, **PAGE)
    if answer.status_code == 302:
        assert answer.url == f"/admin/login/?next={path}"
    else:
        assert (answer.status_code, answer["Content-Type"]) == (404, "text/html; charset=utf-8")
        assert "There is no such page" in answer.content.decode()


def test_an_unknown_page_of_the_portal_is_in_the_language_of_the_business(tenant):
    answer = Client().get(f"/portal/{tenant.slug}/banana/split", **PAGE)
    text = answer.content.decode()
    assert answer.status_code == 404
    assert tenant.name in text
    assert 'lang="id"' in text
    assert "circe/favicon" in text


@pytest.mark.parametrize("path", ["/banana", "/api/v1/banana"])
def test_programs_get_json_for_an_unknown_address(db, path):
    headers = PAGE if path.startswith("/api/") else {"HTTP_ACCEPT": "application/json"}
    answer = Client().get(path, **headers)
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


def test_a_crash_in_the_portal_is_a_page(tenant, monkeypatch):
    def crash(*args):
        raise RuntimeError("bang")

    monkeypatch.setattr("customers.portal.pages.base.enter_scope", crash)
    answer = Client(raise_request_exception=False).get(f"/portal/{tenant.slug}/appointment", **PAGE)
    assert (answer.status_code, answer["Content-Type"]) == (500, "text/html; charset=utf-8")
    assert "bang" not in answer.content.decode()


def test_the_log_out_names_the_business_and_leads_back(back_office, tenant):
    text = back_office("staff").post("/admin/logout/").content.decode()
    assert f"You are logged out of {tenant}." in text
    assert "Log in again" in text


def test_a_session_that_has_ended_says_so_and_leads_back_to_the_page(back_office, tenant):
    browser, jane = back_office("staff"), CustomerFactory(tenant=tenant)
    browser.logout()
    path = f"/admin/customers/customer/{jane.pk}/change/"
    answer = browser.get(path, follow=True)
    assert "your session has ended" in answer.content.decode()
    body = {"username": browser.user.email, "password": PASSWORD, "next": path}
    assert browser.post(answer.request["PATH_INFO"], body).url == path
    assert "your session has ended" not in browser.get("/admin/login/?next=/admin/").content.decode()


def test_browsers_that_look_for_an_icon_find_one(db):
    answer = Client().get("/favicon.ico")
    assert answer.status_code == 302
    assert answer.url.endswith(".svg")
