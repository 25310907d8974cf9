"""The admin's page of a customer, beside the form."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from appointments.tests.factories import AppointmentFactory
from customers.admin import customers
from customers.models import Customer
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from tenants.tests.factories import UserFactory

from .pages import PAGE, change, change_page

ROLES = ["staff", "outlet_manager", "tenant_admin", "super_admin"]


def page_of(browser, customer):
    response = browser.get(change_page(customer))
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize("role", ROLES)
def test_administrators_see_who_changed_what(back_office, in_scope, role):
    jane = CustomerFactory(tenant=in_scope, last_name="Doe")
    manager = back_office("outlet_manager")
    change(manager, jane, last_name="Roe")
    page = page_of(back_office(role), jane)
    shown_messages = "<b>Last name</b>: Doe → Roe" in page
    # Above the panel, the page names who may change the customer.
    history = page.partition('id="history"')[2]
    assert shown_messages is (str(manager.user) in history) is (role in {"tenant_admin", "super_admin"})
    assert (f"{PAGE}{jane.pk}/history/" in page) is shown_messages


def test_of_a_long_history_the_latest_and_the_way_to_all(back_office, in_scope, monkeypatch):
    monkeypatch.setattr(customers, "MAX_LATEST_ROWS", 2)
    jane = CustomerFactory(tenant=in_scope)
    for name in ("A", "B", "C"):
        jane.change({"last_name": name})
    page = page_of(back_office("tenant_admin"), jane)
    assert "B → C" in page
    assert "A → B" in page
    assert "→ A" not in page
    assert f'<a href="{PAGE}{jane.pk}/history/">All of it</a>' in page


@pytest.mark.parametrize(
    ("role", "live", "deleted"),
    [
        ("staff", set(), None),
        ("outlet_manager", set(), None),
        ("tenant_admin", {"Delete"}, {"Restore"}),
        ("super_admin", {"Delete", "Purge…"}, {"Restore", "Purge…"}),
    ],
)
def test_each_role_has_its_buttons(back_office, in_scope, role, live, deleted):
    browser = back_office(role)
    buttons = {"Restore": "Restore</button>", "Purge…": "Purge…</button>", "Delete": "deletelink"}

    def shown(customer):
        page = page_of(browser, customer)
        return {name for name, mark in buttons.items() if mark in page}

    assert shown(CustomerFactory(tenant=in_scope)) == live
    gone = DeletedCustomerFactory(tenant=in_scope)
    if deleted is None:
        assert browser.get(change_page(gone)).status_code == 302
    else:
        assert shown(gone) == deleted


def test_a_deleted_customers_page_says_so_and_by_whom(back_office, in_scope):
    jane, browser = CustomerFactory(tenant=in_scope, first_name="Jane", last_name=None), back_office("tenant_admin")
    jane.soft_delete(by=browser.user.pk)
    page = page_of(browser, jane)
    assert "<h1>Jane, deleted</h1>" in page
    assert f'<div class="readonly">{browser.user}</div>' in page
    assert "Book" not in page


def test_whoever_deleted_may_be_gone(back_office, in_scope):
    gone = DeletedCustomerFactory(tenant=in_scope, deleted_by="0" * 24)
    assert "0" * 24 in page_of(back_office("tenant_admin"), gone)


def test_a_new_customers_page_has_nothing_beside_the_form(back_office):
    assert b'id="panels"' not in back_office("tenant_admin").get(f"{PAGE}add/").content


def test_the_page_costs_the_same_queries_whatever_there_is_to_show(back_office, in_scope):
    jane, browser = CustomerFactory(tenant=in_scope), back_office("tenant_admin")
    page_of(browser, jane)
    counts = []
    for _ in range(2):
        AppointmentFactory(tenant=in_scope, customer=jane)
        AppointmentFactory(tenant=in_scope, customer=jane)
        jane.change({"notes": UserFactory().pk})
        with CaptureQueriesContext(connection) as queries:
            page_of(browser, Customer.objects.get(pk=jane.pk))
        counts.append(len(queries))
    assert counts[0] == counts[1]
