"""The admin's pages of appointments."""

import datetime as dt

import pytest
import time_machine

from appointments.models import Appointment, Status
from appointments.tests.factories import AppointmentFactory
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory
from tenants.tests.forms import messages_without_undo

PAGE = "/admin/appointments/appointment/"
ADD = f"{PAGE}add/"


@pytest.fixture
def booking(tenant):
    """The values that the form for a new appointment sends."""
    return {
        "customer": CustomerFactory(tenant=tenant).pk,
        "service": ServiceFactory(tenant=tenant, duration_minutes=90, price=350000).pk,
        "staff": UserFactory(tenant=tenant).pk,
        "outlet": OutletFactory(tenant=tenant).pk,
        "appointment_date": "2025-01-25",
        "start_time": "14:00",
        "end_time": "15:00",
        "status": "pending",
        "total_price": "300000",
        "payment_status": "unpaid",
        "payment_method": "",
        "paid_amount": "0",
        "notes": "",
    }


def errors(response):
    assert response.status_code == 200, response
    return dict(response.context["adminform"].form.errors)


def shown_messages(response):
    return [text for _, text in messages_without_undo(response)]


def run_action(browser, action, *appointments):
    """Sends the action and its confirmation."""
    body = {"action": action, "_selected_action": [one.pk for one in appointments], "asked": 1}
    return browser.post(f"{PAGE}?day=all", body)


def days(browser, query=""):
    return [str(one.appointment_date) for one in browser.get(PAGE + query).context["cl"].result_list]


def test_staff_book_an_appointment(back_office, in_scope, booking):
    assert back_office("staff").post(ADD, booking).status_code == 302
    made = Appointment.objects.get()
    assert (made.tenant, made.customer_id, made.staff_id) == (in_scope, booking["customer"], booking["staff"])
    assert (made.appointment_date, made.start_time, made.end_time) == (dt.date(2025, 1, 25), dt.time(14), dt.time(15))
    assert (made.status, made.total_price, made.notes) == ("pending", 300000, None)


def test_end_and_price_come_from_the_service_if_left_empty(back_office, in_scope, booking):
    evening = booking | {"start_time": "23:30", "end_time": "", "total_price": ""}
    assert back_office("staff").post(ADD, evening).status_code == 302
    made = Appointment.objects.get()
    assert (made.end_time, made.total_price) == (dt.time(1), 350000)


def test_a_form_without_a_service_is_an_error_of_the_service(back_office, booking):
    empty = booking | {"service": "", "end_time": "", "total_price": ""}
    assert set(errors(back_office("staff").post(ADD, empty))) == {"service"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"customer": ""}, "customer"),
        ({"customer": "zzz"}, "customer"),
        ({"staff": "0" * 24}, "staff"),
        ({"appointment_date": "31/31/2025"}, "appointment_date"),
        ({"start_time": "25:00"}, "start_time"),
        ({"end_time": "banana"}, "end_time"),
        ({"total_price": "-1"}, "total_price"),
        ({"total_price": "9" * 30}, "total_price"),
        ({"status": "banana"}, "status"),
        ({"notes": "a" * 2001}, "notes"),
    ],
)
def test_bad_input_is_an_error_of_its_field(back_office, booking, changes, field):
    assert set(errors(back_office("staff").post(ADD, booking | changes))) == {field}


def test_an_appointment_of_zero_length_is_an_error(back_office, booking):
    response = back_office("staff").post(ADD, booking | {"end_time": "14:00"})
    assert errors(response) == {"__all__": ["An appointment can't end when it starts."]}


@pytest.mark.slow("sends every reference of a form")
@pytest.mark.parametrize("field", ["customer", "service", "staff", "outlet"])
@pytest.mark.parametrize("role", ["staff", "super_admin"])
def test_rows_of_another_tenant_can_not_be_booked(back_office, tenant, other_tenant, booking, field, role):
    make = {"customer": CustomerFactory, "service": ServiceFactory, "staff": UserFactory, "outlet": OutletFactory}
    body = booking | {field: make[field](tenant=other_tenant).pk, "tenant": tenant.pk}
    assert set(errors(back_office(role).post(ADD, body))) == {field}


def test_a_super_admin_books_for_the_chosen_tenant(back_office, in_scope, booking):
    browser = back_office("super_admin")
    assert "tenant" in errors(browser.post(ADD, booking))
    assert browser.post(ADD, booking | {"tenant": in_scope.pk}).status_code == 302
    assert Appointment.objects.get().tenant == in_scope


def test_a_deleted_customer_can_not_be_booked_but_their_appointments_can_be_changed(back_office, in_scope, booking):
    deleted, browser = DeletedCustomerFactory(tenant=in_scope), back_office("staff")
    assert set(errors(browser.post(ADD, booking | {"customer": deleted.pk}))) == {"customer"}
    appointment = AppointmentFactory(tenant=in_scope, customer=deleted)
    body = booking | {"customer": deleted.pk, "notes": "Paid in cash"}
    assert browser.post(f"{PAGE}{appointment.pk}/change/", body).status_code == 302
    appointment.refresh_from_db()
    assert appointment.notes == "Paid in cash"


def test_the_appointment_of_a_purged_customer_can_be_changed(back_office, in_scope, booking):
    appointment = AppointmentFactory(tenant=in_scope, customer=None)
    body = booking | {"customer": "", "total_price": "1"}
    assert back_office("staff").post(f"{PAGE}{appointment.pk}/change/", body).status_code == 302
    appointment.refresh_from_db()
    assert (appointment.customer_id, appointment.total_price) == (None, 1)


# --- bulk actions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "before", "status", "label"),
    [
        ("confirm", "pending", "confirmed", "Confirmed"),
        ("complete", "in_progress", "completed", "Completed"),
        ("cancel", "confirmed", "cancelled", "Cancelled"),
        ("no_show", "pending", "no_show", "No-show"),
    ],
)
def test_an_action_sets_the_status_of_the_selected_appointments(
    back_office, other_tenant, in_scope, action, before, status, label
):
    own = [AppointmentFactory(tenant=in_scope, status=before) for _ in range(2)]
    theirs = AppointmentFactory(tenant=other_tenant, status=before)
    assert shown_messages(run_action(back_office("outlet_manager"), action, *own, theirs)) == [f"{label}: 2."]
    assert {one.status for one in Appointment.objects.all()} == {status}
    with tenant_scope(other_tenant):
        theirs.refresh_from_db()
    assert theirs.status == before


def test_a_double_booking_is_reported_and_the_other_appointments_are_confirmed(back_office, in_scope):
    person = UserFactory(tenant=in_scope, first_name="Sari", last_name="")
    names = {"customer": CustomerFactory(tenant=in_scope, first_name="Jo", last_name=None)}
    names["service"] = ServiceFactory(tenant=in_scope, name="Haircut")
    blocking = AppointmentFactory(tenant=in_scope, staff_id=person.pk, status=Status.CONFIRMED, **names)
    customer = CustomerFactory(tenant=in_scope, first_name="Jane", last_name=None)
    cancelled = AppointmentFactory(tenant=in_scope, staff_id=person.pk, status=Status.CANCELLED, customer=customer)
    free = AppointmentFactory(tenant=in_scope, status=Status.CANCELLED)
    assert shown_messages(run_action(back_office("outlet_manager"), "confirm", cancelled, free)) == [
        "Jane, Sat 25 Jan 2025 14:00 with Sari: not changed. "
        "Sari is booked on 25 January 2025 from 14:00 to 15:30, for Jo (Haircut)."
        f' <a href="{PAGE}{blocking.pk}/change/" target="_blank">Show it</a>',
        "Confirmed: 1.",
    ]
    cancelled.refresh_from_db()
    free.refresh_from_db()
    assert (cancelled.status, free.status) == ("cancelled", "confirmed")


def test_only_a_super_admin_deletes(back_office, in_scope):
    made = AppointmentFactory(tenant=in_scope)
    page = f"{PAGE}{made.pk}/delete/"
    assert back_office("tenant_admin").post(page, {"post": "yes"}).status_code == 403
    assert back_office("super_admin").post(page, {"post": "yes"}).status_code == 302
    assert not Appointment.objects.exists()


# --- the list -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["2025-01-25"]),
        ("?day=tomorrow", ["2025-01-26"]),
        ("?day=week", ["2025-01-25", "2025-01-26", "2025-01-31"]),
        ("?day=past", ["2025-01-18", "2025-01-24"]),
        (
            "?day=all",
            ["2025-01-17", "2025-01-18", "2025-01-24", "2025-01-25", "2025-01-26", "2025-01-31", "2025-02-01"],
        ),
    ],
)
def test_the_list_filters_by_days_of_the_tenants_time_zone(back_office, tenant, query, found):
    for day in (17, 18, 24, 25, 26, 31, 32):
        AppointmentFactory(tenant=tenant, appointment_date=dt.date(2025, 1, 1) + dt.timedelta(days=day - 1))
    # Two in the morning of the 25th in Jakarta.
    with time_machine.travel(dt.datetime(2025, 1, 24, 19, tzinfo=dt.UTC)):
        assert days(back_office("staff"), query) == found


def test_a_search_finds_appointments_of_any_day_by_customer(back_office, tenant, other_tenant):
    for owner in (tenant, other_tenant):
        AppointmentFactory(tenant=owner, customer=CustomerFactory(tenant=owner, first_name="Zoë"))
    AppointmentFactory(tenant=tenant)
    assert len(days(back_office("staff"), "?q=zoe")) == 1
    assert "at most 100 characters" in back_office("staff").get(f"{PAGE}?q={'a' * 101}").content.decode()


def test_filters_select_by_status_outlet_and_staff(back_office, tenant):
    one, _ = AppointmentFactory(tenant=tenant), AppointmentFactory(tenant=tenant, status=Status.CANCELLED)
    browser = back_office("staff")
    for query in ("status__exact=completed", f"outlet__id__exact={one.outlet_id}", f"staff__id__exact={one.staff_id}"):
        assert [found.pk for found in browser.get(f"{PAGE}?day=all&{query}").context["cl"].result_list] == [one.pk]


def test_filters_offer_no_rows_of_another_tenant(back_office, tenant, other_tenant):
    for owner in (tenant, tenant, other_tenant, other_tenant):
        OutletFactory(tenant=owner, name=f"{owner.name} {OutletFactory._meta.next_sequence()}")
    content = back_office("staff").get(PAGE).content.decode()
    assert "Lotus " in content
    assert "Nordlys" not in content
