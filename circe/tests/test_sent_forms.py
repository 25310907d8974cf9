"""Save, clicked twice, stores once: every form of the admin that adds something, and the forms of its other pages."""

import io
import threading

import pytest
from django.contrib import admin
from django.db import connection, connections

from appointments.models import Appointment, MessageText, TimeOff
from appointments.tests.factories import AppointmentFactory
from circe.backoffice.site import FORM_TOKEN_FIELD
from customers.models import Customer
from customers.models.imports import CustomerImport
from customers.tests.factories import CustomerFactory
from customers.tests.pages import shown_messages
from tenants.models import IdempotencyRecord, Outlet, Service, Staff, Tenant
from tenants.scope import ALL_TENANTS, tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory
from tenants.tests.forms import opened, sent_by

from .test_admin import url

# By model: what is typed into its form. A business and its people are added by a super_admin.
TYPED = {
    Tenant: lambda tenant: {
        "name": "Nordlys",
        "slug": "nordlys",
        "time_zone": "Europe/Oslo",
        "currency": "NOK",
        "phone_region": "NO",
    },
    Staff: lambda tenant: {
        "email": "new@example.com",
        "first_name": "Dewi",
        "role": "staff",
    },
    Outlet: lambda tenant: {"name": "Kemang"},
    Service: lambda tenant: {"name": "Haircut", "duration_minutes": "60", "price": "350000"},
    # Without the token the second form would have an error: another customer has the phone.
    Customer: lambda tenant: {"first_name": "Jane", "phone": "0812 3456 789"},
    Appointment: lambda tenant: {
        "customer": CustomerFactory(tenant=tenant).pk,
        "service": ServiceFactory(tenant=tenant).pk,
        "staff": UserFactory(tenant=tenant).pk,
        "outlet": OutletFactory(tenant=tenant).pk,
        "appointment_date": "2025-01-25",
        "start_time": "14:00",
        # It blocks no time. So only the token prevents a second appointment.
        "status": "completed",
    },
    TimeOff: lambda tenant: {"staff": UserFactory(tenant=tenant).pk, "first_day": "2026-07-06"},
    MessageText: lambda tenant: {"kind": "reminder", "language": "en", "subject": "Soon", "body": "Hello {customer}"},
}
ADDABLE = sorted(TYPED, key=str)


def fill(browser, model, tenant):
    """Returns the page with the model's form for a new row, and what the form sends."""
    page = url(model, "add")
    business = {} if browser.user.tenant or model is Tenant else {"tenant": tenant.pk}
    return page, opened(browser, page) | business | TYPED[model](tenant)


def number_of(model):
    with tenant_scope(ALL_TENANTS):
        return model._base_manager.count()


def test_every_form_that_adds_a_row_is_in_this_file():
    # The back office has no form that adds an audit event or a deletion request. The form of a week replaces the hours of
    # the week, so it adds nothing twice.
    registered = {one.__name__ for one in admin.site._registry}
    assert registered - {"AuditEvent", "DeletionRequest", "StaffWithHours"} == {one.__name__ for one in TYPED}


@pytest.mark.slow("fills every form")
@pytest.mark.parametrize("button", ["_save", "_continue", "_addanother", "_popup"])
@pytest.mark.parametrize("model", ADDABLE, ids=lambda model: model.__name__)
def test_a_form_that_is_sent_twice_adds_one_row_and_is_answered_alike(back_office, tenant, model, button):
    browser = back_office("super_admin" if model is Tenant else "tenant_admin")
    page, form = fill(browser, model, tenant)
    before = number_of(model)
    first = browser.post(page, form | {button: "1"})
    again = browser.post(page, form | {button: "1"})
    assert number_of(model) == before + 1
    assert (first.status_code, first.headers.get("Location")) == (again.status_code, again.headers.get("Location"))
    if button == "_popup":
        assert first.context["popup_response_data"] == again.context["popup_response_data"]
    else:
        assert again.status_code == 302
        assert "was added successfully" in str(shown_messages(again))


@pytest.mark.parametrize("role", [None, "staff"])
def test_a_super_admin_adds_an_account_with_and_without_a_business_once(back_office, tenant, role):
    browser = back_office("super_admin")
    page, form = fill(browser, Staff, tenant)
    form |= {"role": role or "super_admin", "tenant": tenant.pk if role else ""}
    assert [browser.post(page, form).status_code for _ in range(2)] == [302, 302]


@pytest.mark.slow("races in two browsers, on committed rows")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("model", ADDABLE, ids=lambda model: model.__name__)
def test_a_form_that_is_sent_twice_at_the_same_time_adds_one_row(back_office, tenant, model):
    browser = back_office("super_admin" if model is Tenant else "tenant_admin")
    page, form = fill(browser, model, tenant)
    before, barrier, answers = number_of(model), threading.Barrier(2), []

    def save():
        try:
            connection.ensure_connection()
            barrier.wait(30)
            answers.append(browser.post(page, form))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=save) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert number_of(model) == before + 1
    assert [answer.status_code for answer in answers] == [302, 302]
    assert answers[0].url == answers[1].url


def test_a_form_with_errors_is_corrected_and_saved(back_office, tenant):
    browser = back_office("staff")
    page, form = fill(browser, Customer, tenant)
    refused = browser.post(page, form | {"phone": "banana"})
    assert refused.status_code == 200
    assert browser.post(page, sent_by(refused) | {"phone": "0812 3456 789"}).status_code == 302
    # The first page, to which somebody goes back, can be sent too.
    browser = back_office("tenant_admin")
    page, form = fill(browser, Outlet, tenant)
    assert browser.post(page, form | {"name": ""}).status_code == 200
    assert browser.post(page, form).status_code == 302


def test_a_form_that_comes_again_with_other_contents_asks_first(back_office, tenant):
    browser = back_office("staff")
    page, form = fill(browser, Appointment, tenant)
    browser.post(page, form)
    with tenant_scope(tenant):
        added = Appointment.objects.get()
    asked = browser.post(page, form | {"notes": "Late"})
    (error,) = asked.context["adminform"].form.non_field_errors()
    assert "This form was saved already" in error
    assert url(Appointment, "change", added.pk) in error
    assert number_of(Appointment) == 1
    # The typed values are kept, and saving again adds another appointment, once.
    for _ in range(2):
        assert browser.post(page, sent_by(asked)).status_code == 302
    assert number_of(Appointment) == 2


def test_a_new_page_adds_the_same_again(back_office, tenant):
    browser = back_office("staff")
    page, form = fill(browser, Appointment, tenant)
    browser.post(page, form)
    browser.post(page, form | {FORM_TOKEN_FIELD: opened(browser, page)[FORM_TOKEN_FIELD]})
    assert number_of(Appointment) == 2


def test_two_users_who_send_the_same_token_both_add_a_row(back_office, tenant):
    page, form = fill(back_office("staff"), Appointment, tenant)
    for browser in (back_office("staff"), back_office("staff")):
        assert browser.post(page, form).status_code == 302
    assert number_of(Appointment) == 2


@pytest.mark.parametrize("token", ["", "banana", "\0", "0" * 1000])
def test_a_form_with_a_malformed_token_is_saved(back_office, tenant, token):
    browser = back_office("staff")
    page, form = fill(browser, Appointment, tenant)
    assert browser.post(page, form | {FORM_TOKEN_FIELD: token}).status_code == 302


def test_a_form_whose_row_was_deleted_since_says_so(back_office, tenant):
    browser = back_office("tenant_admin")
    page, form = fill(browser, Outlet, tenant)
    browser.post(page, form)
    with tenant_scope(tenant):
        Outlet.objects.all().delete()
    again = browser.post(page, form)
    assert again.url == url(Outlet, "changelist")
    assert shown_messages(again)[-1] == "The row that this form added has been deleted since."


def test_the_record_of_a_form_has_no_contents_and_goes_with_the_customer(back_office, tenant):
    browser = back_office("staff")
    browser.post(*fill(browser, Customer, tenant))
    with tenant_scope(tenant):
        (record,) = IdempotencyRecord.objects.all()
        jane = Customer.objects.get()
        assert (record.row_id, record.headers, record.body) == (jane.pk, {}, "")
        jane.purge()
        assert not IdempotencyRecord.objects.exists()


# --- the other pages ------------------------------------------------------------------------------------------------


def confirmation_form(browser, page, action, *rows):
    """Returns what the page that asks before an action sends."""
    asked = browser.post(page, {"action": action, "_selected_action": [row.pk for row in rows]})
    return {FORM_TOKEN_FIELD: asked.context[FORM_TOKEN_FIELD], "action": action, "asked": "1"} | {
        "_selected_action": [row.pk for row in rows]
    }


def test_statuses_that_are_set_twice_show_the_first_message_again(back_office, tenant):
    one, other = (AppointmentFactory(tenant=tenant, status=status) for status in ("in_progress", "pending"))
    browser, page = back_office("outlet_manager"), f"{url(Appointment, 'changelist')}?day=all"
    form = confirmation_form(browser, page, "complete", one, other)
    browser.post(page, form)
    again = browser.post(page, form)
    assert shown_messages(again)[-1] == "Completed: 1. Not changed: 1."
    with tenant_scope(tenant):
        # Set to another status meanwhile: the old page does not complete it again.
        Appointment.objects.filter(pk=one.pk).update(status="in_progress")
    browser.post(page, form)
    one.refresh_from_db()
    assert one.status == "in_progress"


def test_customers_who_are_restored_twice_show_the_first_message_again(back_office, tenant):
    jane = CustomerFactory(tenant=tenant)
    with tenant_scope(tenant):
        jane.soft_delete(by=jane.pk)
    browser, page = back_office("tenant_admin"), f"{url(Customer, 'changelist')}?deleted=all"
    form = confirmation_form(browser, page, "restore", jane)
    assert [shown_messages(browser.post(page, form))[-1] for _ in range(2)] == ["Restored: 1."] * 2


@pytest.mark.slow("starts the process that reads a file")
@pytest.mark.django_db(transaction=True)
def test_a_file_that_is_uploaded_twice_is_stored_once(back_office, tenant):
    browser, page = back_office("tenant_admin"), "/admin/customers/customer/import/"
    token, barrier, answers = browser.get(page).context[FORM_TOKEN_FIELD], threading.Barrier(2), []

    def upload():
        try:
            file = io.BytesIO(b"first_name,phone\nJane,08123456789\n")
            file.name = "people.csv"
            connection.ensure_connection()
            barrier.wait(30)
            answer = browser.post(page, {FORM_TOKEN_FIELD: token, "file": file})
            answers.append((answer.status_code, b"".join(answer) if answer.streaming else answer.url))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=upload) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with tenant_scope(tenant):
        stored = CustomerImport.objects.get()
    # One request gets the streamed page of the check, the other a redirect to its result.
    (status, _), redirect = sorted(answers)
    assert (status, redirect) == (200, (302, f"{page}{stored.pk}/"))


@pytest.mark.parametrize("model", ADDABLE, ids=lambda model: model.__name__)
def test_every_form_has_a_token_of_its_own(back_office, tenant, model):
    browser = back_office("super_admin")
    tokens = {opened(browser, url(model, "add"))[FORM_TOKEN_FIELD][0] for _ in range(2)}
    assert len(tokens) == 2
