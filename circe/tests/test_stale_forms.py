"""If two people have the same admin form open, one does not undo the other's changes without a warning."""

import datetime as dt
import threading

import pytest
from django.db import connections

from appointments.models import Appointment, TimeOff
from customers.models import Customer
from customers.tests.factories import CustomerFactory
from tenants.models import Outlet, Service, Staff, Tenant
from tenants.scope import ALL_TENANTS, tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory
from tenants.tests.forms import opened, sent_by

from .test_admin import MAKE, url


def assert_saved(response):
    """Asserts that the form was saved. Otherwise the test fails with the form's errors."""
    assert response.status_code == 302, response.context["adminform"].form.errors


# By model: two fields that two people change, each with the typed and the stored value.
CHANGES = {
    Tenant: (("name", "Lotus & Co", "Lotus & Co"), ("new_within_days", "45", 45)),
    Staff: (("role", "staff", "staff"), ("last_name", "Lee", "Lee")),
    Outlet: (("name", "Kemang", "Kemang"), ("address", "Jl. Kemang 1", "Jl. Kemang 1")),
    Service: (("price", "99.00", 99), ("duration_minutes", "45", 45)),
    Customer: (("tags", "vip, new", ["vip", "new"]), ("notes", "Tea\r\nno sugar", "Tea\nno sugar")),
    TimeOff: (("first_day", "2025-01-24", dt.date(2025, 1, 24)), ("reason", "Moving", "Moving")),
    Appointment: (("status", "in_progress", "in_progress"), ("notes", "Late", "Late")),
}


@pytest.fixture(params=CHANGES, ids=lambda model: model.__name__)
def model(request):
    return request.param


@pytest.fixture
def row(tenant, model):
    row = MAKE[model](tenant)
    if model is Customer:
        # The API stores line ends and trailing blanks unchanged.
        with tenant_scope(tenant):
            row.change({"notes": "Likes\nthe window ", "address": "Jl. Sudirman 1\nJakarta"})
    return row


def read_value(row, name):
    with tenant_scope(ALL_TENANTS):
        value = getattr(type(row).objects.get(pk=row.pk), name)
    return value.replace("\r\n", "\n") if isinstance(value, str) else value


@pytest.mark.slow("fills every form twice")
def test_changes_of_different_fields_are_both_saved(back_office, model, row):
    (own_field, typed, value), (their_field, their_typed, their_value) = CHANGES[model]
    me, other, page = back_office("super_admin"), back_office("super_admin"), url(model, "change", row.pk)
    form, their_form = opened(me, page), opened(other, page)
    assert_saved(other.post(page, their_form | {their_field: their_typed}))
    assert_saved(me.post(page, form | {own_field: typed}))
    assert (read_value(row, own_field), read_value(row, their_field)) == (value, their_value)


@pytest.mark.slow("fills every form twice")
def test_a_change_of_the_same_field_warns_and_is_replaced_by_saving_again(back_office, model, row):
    _, (name, typed, value) = CHANGES[model]
    me, other, page = back_office("super_admin"), back_office("super_admin"), url(model, "change", row.pk)
    form = opened(me, page)
    assert_saved(other.post(page, opened(other, page) | {name: "7"}))
    response = me.post(page, form | {name: typed})
    assert response.status_code == 200
    message = "Meanwhile somebody changed this, to “7”. Save again to have yours instead."
    assert response.context["adminform"].form.errors == {name: [message]}
    assert str(read_value(row, name)) == "7"
    # The form keeps the typed value, and saving it again replaces the other one.
    assert_saved(me.post(page, sent_by(response)))
    assert read_value(row, name) == value


@pytest.mark.slow("fills every form twice")
def test_the_same_change_by_two_people_gives_no_warning(back_office, model, row):
    _, (name, typed, value) = CHANGES[model]
    me, page = back_office("super_admin"), url(model, "change", row.pk)
    form = opened(me, page)
    for _ in range(2):
        assert_saved(me.post(page, form | {name: typed}))
    assert read_value(row, name) == value


@pytest.mark.slow("fills every form twice")
def test_a_form_without_initial_values_is_saved_as_it_is(back_office, model, row):
    _, (name, typed, value) = CHANGES[model]
    me, page = back_office("super_admin"), url(model, "change", row.pk)
    form = {key: text for key, text in opened(me, page).items() if not key.startswith("initial-")}
    assert_saved(me.post(page, form | {name: typed}))
    assert read_value(row, name) == value


@pytest.mark.slow("fills a long form twice")
def test_changes_of_different_lists_are_both_saved(back_office, tenant):
    with tenant_scope(tenant):
        jane, cut, ana = CustomerFactory(tenant=tenant), ServiceFactory(tenant=tenant), UserFactory(tenant=tenant)
    me, other, page = back_office("staff"), back_office("staff"), url(Customer, "change", jane.pk)
    form = opened(me, page)
    assert_saved(other.post(page, opened(other, page) | {"preferred_services": [cut.pk]}))
    assert_saved(me.post(page, form | {"preferred_staff_ids": [ana.pk]}))
    now = opened(me, page)
    assert (now["preferred_services"], now["preferred_staff_ids"]) == ([cut.pk], [ana.pk])
    # Both changed the empty list differently, so there is a warning.
    response = me.post(page, form | {"preferred_services": [ServiceFactory(tenant=tenant).pk]})
    assert "Meanwhile somebody changed this." in response.context["adminform"].form.errors["preferred_services"][0]


def test_a_reference_that_was_changed_meanwhile_is_not_undone(back_office, tenant):
    visit, elsewhere = MAKE[Appointment](tenant), OutletFactory(tenant=tenant)
    me, other, page = back_office("staff"), back_office("staff"), url(Appointment, "change", visit.pk)
    form = opened(me, page)
    assert_saved(other.post(page, opened(other, page) | {"outlet": elsewhere.pk, "start_time": "09:15"}))
    assert_saved(me.post(page, form | {"notes": "Late"}))
    assert read_value(visit, "outlet_id") == elsewhere.pk
    assert read_value(visit, "start_time") == dt.time(9, 15)


@pytest.mark.slow("races in two browsers, on committed rows")
@pytest.mark.django_db(transaction=True)
def test_forms_that_are_sent_at_the_same_time_are_all_saved(back_office, tenant):
    outlet = OutletFactory(tenant=tenant)
    browsers = [back_office("tenant_admin") for _ in range(2)]
    page, barrier, statuses = url(Outlet, "change", outlet.pk), threading.Barrier(2), []

    def save(browser, form):
        barrier.wait()
        statuses.append(browser.post(page, form).status_code)
        connections.close_all()

    for _ in range(10):
        with tenant_scope(tenant):
            Outlet.objects.update(name="-", address="-")
        forms = [opened(browser, page) for browser in browsers]
        forms[0]["name"], forms[1]["address"] = "A", "B"
        threads = [threading.Thread(target=save, args=pair) for pair in zip(browsers, forms, strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (read_value(outlet, "name"), read_value(outlet, "address")) == ("A", "B")
    assert statuses == [302] * 20
