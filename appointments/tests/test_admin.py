"""The admin's pages of appointments."""

import datetime as dt
import threading

import pytest
import time_machine
from django.contrib.messages import get_messages
from django.db import connection, connections, transaction

from appointments.models import Appointment, Status
from appointments.tests.factories import AppointmentFactory
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from tenants.scope import EVERY_TENANT, tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory

PAGE = "/admin/appointments/appointment/"
ADD = f"{PAGE}add/"
OVERLAP = {"__all__": ["This member of staff has another appointment at that time."]}


@pytest.fixture
def booking(tenant):
    """What the form for a new appointment sends."""
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


def told(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


def act(browser, action, *appointments):
    body = {"action": action, "_selected_action": [one.pk for one in appointments]}
    return browser.post(f"{PAGE}?day=all", body)


def days(browser, query=""):
    return [str(one.appointment_date) for one in browser.get(PAGE + query).context["cl"].result_list]


def test_reception_books(back_office, in_scope, booking):
    assert back_office("staff").post(ADD, booking).status_code == 302
    made = Appointment.objects.get()
    assert (made.tenant, made.customer_id, made.staff_id) == (in_scope, booking["customer"], booking["staff"])
    assert (made.appointment_date, made.start_time, made.end_time) == (dt.date(2025, 1, 25), dt.time(14), dt.time(15))
    assert (made.status, made.total_price, made.notes) == ("pending", 300000, None)


def test_end_and_price_are_the_services_unless_given(back_office, in_scope, booking):
    late = booking | {"start_time": "23:30", "end_time": "", "total_price": ""}
    assert back_office("staff").post(ADD, late).status_code == 302
    made = Appointment.objects.get()
    assert (made.end_time, made.total_price) == (dt.time(1), 350000)


def test_without_a_service_the_form_asks_for_it(back_office, booking):
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


def test_an_appointment_has_a_length(back_office, booking):
    response = back_office("staff").post(ADD, booking | {"end_time": "14:00"})
    assert errors(response) == {"__all__": ["An appointment can't end when it starts."]}


@pytest.mark.parametrize("field", ["customer", "service", "staff", "outlet"])
@pytest.mark.parametrize("role", ["staff", "super_admin"])
def test_nothing_of_another_tenant_can_be_booked(back_office, tenant, stranger, booking, field, role):
    make = {"customer": CustomerFactory, "service": ServiceFactory, "staff": UserFactory, "outlet": OutletFactory}
    body = booking | {field: make[field](tenant=stranger).pk, "tenant": tenant.pk}
    assert set(errors(back_office(role).post(ADD, body))) == {field}


def test_a_super_admin_books_for_the_tenant_they_name(back_office, in_scope, booking):
    browser = back_office("super_admin")
    assert "tenant" in errors(browser.post(ADD, booking))
    assert browser.post(ADD, booking | {"tenant": in_scope.pk}).status_code == 302
    assert Appointment.objects.get().tenant == in_scope


def test_a_deleted_customer_is_not_booked_but_keeps_their_appointments(back_office, in_scope, booking):
    deleted, browser = DeletedCustomerFactory(tenant=in_scope), back_office("staff")
    assert set(errors(browser.post(ADD, booking | {"customer": deleted.pk}))) == {"customer"}
    kept = AppointmentFactory(tenant=in_scope, customer=deleted)
    body = booking | {"customer": deleted.pk, "notes": "Paid in cash"}
    assert browser.post(f"{PAGE}{kept.pk}/change/", body).status_code == 302
    kept.refresh_from_db()
    assert kept.notes == "Paid in cash"


def test_the_appointment_of_someone_removed_for_good_can_be_changed(back_office, in_scope, booking):
    kept = AppointmentFactory(tenant=in_scope, customer=None)
    body = booking | {"customer": "", "total_price": "1"}
    assert back_office("staff").post(f"{PAGE}{kept.pk}/change/", body).status_code == 302
    kept.refresh_from_db()
    assert (kept.customer_id, kept.total_price) == (None, 1)


# --- no double booking ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["pending", "confirmed", "in_progress"])
@pytest.mark.parametrize(
    ("start", "end"), [("14:30", "14:45"), ("13:00", "14:01"), ("14:59", "18:00"), ("13:00", "02:00")]
)
def test_an_overlap_is_refused(back_office, in_scope, booking, status, start, end):
    browser = back_office("staff")
    browser.post(ADD, booking | {"status": status})
    assert errors(browser.post(ADD, booking | {"start_time": start, "end_time": end})) == OVERLAP
    assert Appointment.objects.count() == 1


def test_an_overlap_after_midnight_is_refused(back_office, booking):
    browser = back_office("staff")
    browser.post(ADD, booking | {"start_time": "23:00", "end_time": "01:00"})
    next_day = booking | {"appointment_date": "2025-01-26", "start_time": "00:30", "end_time": "01:30"}
    assert errors(browser.post(ADD, next_day)) == OVERLAP
    assert browser.post(ADD, next_day | {"start_time": "01:00"}).status_code == 302


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {"start_time": "15:00", "end_time": "16:00"}),
        ({}, {"appointment_date": "2025-01-26"}),
        ({"status": "cancelled"}, {}),
        ({}, {"status": "no_show"}),
    ],
)
def test_what_does_not_overlap_is_booked(back_office, booking, first, second):
    browser = back_office("staff")
    assert browser.post(ADD, booking | first).status_code == 302
    assert browser.post(ADD, booking | second).status_code == 302


def test_two_at_once_with_two_members_of_staff(back_office, tenant, booking):
    browser = back_office("staff")
    assert browser.post(ADD, booking).status_code == 302
    assert browser.post(ADD, booking | {"staff": UserFactory(tenant=tenant).pk}).status_code == 302


def test_an_appointment_does_not_overlap_with_itself(back_office, in_scope, booking):
    browser = back_office("staff")
    browser.post(ADD, booking)
    made = Appointment.objects.get()
    assert browser.post(f"{PAGE}{made.pk}/change/", booking | {"start_time": "14:10"}).status_code == 302
    browser.post(ADD, booking | {"start_time": "16:00", "end_time": "17:00"})
    assert errors(browser.post(f"{PAGE}{made.pk}/change/", booking | {"end_time": "16:30"})) == OVERLAP


def until_blocked():
    """Return once some connection waits for another's lock."""
    for _ in range(2000):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        threading.Event().wait(0.01)
    raise AssertionError("Nobody waits.")


@pytest.mark.django_db(transaction=True)
def test_who_loses_a_race_for_a_time_reads_so_in_the_form(back_office, tenant, booking):
    browser, answers = back_office("staff"), []

    def post():
        answers.append(browser.post(ADD, booking))
        connections.close_all()

    other = threading.Thread(target=post)
    with transaction.atomic():
        at = {"appointment_date": dt.date(2025, 1, 25), "start_time": dt.time(14), "end_time": dt.time(15)}
        AppointmentFactory(tenant=tenant, staff_id=booking["staff"], status=Status.PENDING, **at)
        # The form has been found valid and waits for its turn to save.
        other.start()
        until_blocked()
    other.join()
    assert errors(answers[0]) == OVERLAP
    with tenant_scope(EVERY_TENANT):
        assert Appointment.objects.count() == 1


# --- what became of it ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "status", "label"),
    [
        ("confirm", "confirmed", "Confirmed"),
        ("complete", "completed", "Completed"),
        ("cancel", "cancelled", "Cancelled"),
        ("no_show", "no_show", "No-show"),
    ],
)
def test_the_status_of_the_selected_is_set(back_office, stranger, in_scope, action, status, label):
    ours = [AppointmentFactory(tenant=in_scope, status=Status.PENDING) for _ in range(2)]
    theirs = AppointmentFactory(tenant=stranger, status=Status.PENDING)
    assert told(act(back_office("staff"), action, *ours, theirs)) == [f"{label}: 2."]
    assert {one.status for one in Appointment.objects.all()} == {status}
    theirs.refresh_from_db()
    assert theirs.status == "pending"


def test_confirming_over_another_booking_is_reported_and_the_rest_is_done(back_office, in_scope):
    person = UserFactory(tenant=in_scope, first_name="Sari", last_name="")
    AppointmentFactory(tenant=in_scope, staff_id=person.pk, status=Status.CONFIRMED)
    customer = CustomerFactory(tenant=in_scope, first_name="Jane", last_name=None)
    lost = AppointmentFactory(tenant=in_scope, staff_id=person.pk, status=Status.CANCELLED, customer=customer)
    free = AppointmentFactory(tenant=in_scope, status=Status.CANCELLED)
    assert told(act(back_office("staff"), "confirm", lost, free)) == [
        "2025-01-25 14:00, Jane: Sari is booked again at that time.",
        "Confirmed: 1.",
    ]
    lost.refresh_from_db()
    free.refresh_from_db()
    assert (lost.status, free.status) == ("cancelled", "confirmed")


def test_only_a_super_admin_deletes(back_office, in_scope):
    made = AppointmentFactory(tenant=in_scope)
    page = f"{PAGE}{made.pk}/delete/"
    assert back_office("tenant_admin").post(page, {"post": "yes"}).status_code == 403
    assert back_office("super_admin").post(page, {"post": "yes"}).status_code == 302
    assert not Appointment.objects.exists()


# --- finding --------------------------------------------------------------------------------------------------------


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
def test_the_list_is_by_day_of_the_tenants_calendar(back_office, tenant, query, found):
    for day in (17, 18, 24, 25, 26, 31, 32):
        AppointmentFactory(tenant=tenant, appointment_date=dt.date(2025, 1, 1) + dt.timedelta(days=day - 1))
    # Two in the morning of the 25th in Jakarta.
    with time_machine.travel(dt.datetime(2025, 1, 24, 19, tzinfo=dt.UTC)):
        assert days(back_office("staff"), query) == found


def test_searching_finds_the_customers_appointments_of_any_day(back_office, tenant, stranger):
    for owner in (tenant, stranger):
        AppointmentFactory(tenant=owner, customer=CustomerFactory(tenant=owner, first_name="Zoë"))
    AppointmentFactory(tenant=tenant)
    assert len(days(back_office("staff"), "?q=zoe")) == 1
    assert "at most 100 characters" in back_office("staff").get(f"{PAGE}?q={'a' * 101}").content.decode()


def test_filters_narrow_by_status_outlet_and_staff(back_office, tenant):
    one, _ = AppointmentFactory(tenant=tenant), AppointmentFactory(tenant=tenant, status=Status.CANCELLED)
    browser = back_office("staff")
    for query in ("status__exact=completed", f"outlet__id__exact={one.outlet_id}", f"staff__id__exact={one.staff_id}"):
        assert [found.pk for found in browser.get(f"{PAGE}?day=all&{query}").context["cl"].result_list] == [one.pk]


def test_filters_offer_nothing_of_another_tenant(back_office, tenant, stranger):
    for owner in (tenant, tenant, stranger, stranger):
        OutletFactory(tenant=owner, name=f"{owner.name} {OutletFactory._meta.next_sequence()}")
    content = back_office("staff").get(PAGE).content.decode()
    assert "Lotus " in content
    assert "Nordlys" not in content
