"""A cancelled appointment that takes its time again obeys the rules of a new booking: by the API, on the day sheet, in the
form and by an action on several.
"""

import datetime as dt

import pytest
from django.contrib.messages import get_messages

from appointments.models import Appointment, Status, WorkingHours
from appointments.tests.factories import AppointmentFactory, TimeOffFactory, WorkingHoursFactory
from circe.tests.cases import in_one_test
from customers.models import Customer
from tenants.models import AuditEvent, Service, User
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceStaffFactory, UserFactory
from tenants.tests.forms import opened

PAGE = "/admin/appointments/appointment/"
MONDAY = dt.date(2030, 6, 3)


@pytest.fixture
def cancelled(tenant):
    """An appointment on a Monday from 14:00 to 15:30, which Ana Lee works until 17:00."""
    outlet, ana = OutletFactory(tenant=tenant), UserFactory(tenant=tenant, first_name="Ana", last_name="Lee")
    WorkingHoursFactory(tenant=tenant, outlet=outlet, staff_id=ana.pk)
    return AppointmentFactory(
        tenant=tenant, outlet=outlet, staff_id=ana.pk, appointment_date=MONDAY, status=Status.CANCELLED
    )


def shorten_hours(one):
    WorkingHours.objects.update(end_time=dt.time(15))


def enter_time_off(one):
    TimeOffFactory(
        tenant=one.tenant,
        staff_id=one.staff_id,
        local_start=dt.datetime(2030, 6, 3),
        local_end=dt.datetime(2030, 6, 4),
    )


def let_only_others_offer_it(one):
    ServiceStaffFactory(tenant=one.tenant, service=one.service)


def withdraw_service(one):
    Service.objects.filter(pk=one.service_id).update(is_active=False)


def dismiss(one):
    User.objects.filter(pk=one.staff_id).update(is_active=False)


def deactivate_customer(one):
    Customer.objects.filter(pk=one.customer_id).update(is_active=False)


def stored(one):
    with tenant_scope(one.tenant):
        return Appointment.objects.get(pk=one.pk)


def set_by_api(staff, one, **body):
    return staff.post(f"/api/v1/appointments/{one.pk}/status", {"status": "confirmed"} | body)


def click(browser, one):
    """Presses the day sheet's button, and returns its message."""
    body = {"appointment": one.pk, "seen": one.status, "status": "confirmed"}
    answer = browser.post(f"{PAGE}day/?day={one.appointment_date}", body)
    [message] = get_messages(answer.wsgi_request)
    return message.level_tag, str(message)


def save(browser, one, **values):
    page = f"{PAGE}{one.pk}/change/"
    return browser.post(page, opened(browser, page) | {"status": "confirmed"} | values)


@pytest.mark.slow("reinstates in each place against each rule")
@in_one_test(
    ("break_rule", "code", "field", "sentence"),
    [
        (shorten_hours, "outside_hours", "start_time", "Ana Lee works on Monday, 3 June 2030 at "),
        (enter_time_off, "time_off", "start_time", "Ana Lee is away until the end of 3 June 2030."),
        (let_only_others_offer_it, "service_not_offered", "staff", "Ana Lee does not offer "),
        (withdraw_service, "service_not_offered", "service", " is not on offer any more."),
        (deactivate_customer, "customer_inactive", "customer", "The customer is inactive."),
    ],
)
def test_a_rule_that_forbids_it_is_told_everywhere(
    staff, back_office, cancelled, tenant, break_rule, code, field, sentence
):
    with tenant_scope(tenant):
        break_rule(cancelled)
    refused = set_by_api(staff, cancelled)
    assert (refused.status_code, refused.json()["code"]) == (409, code)
    level, told = click(back_office("staff"), cancelled)
    assert (level, sentence in told) == ("error", True)
    assert (f'<a href="{PAGE}{cancelled.pk}/change/">set the status in the form</a>' in told) == (
        code != "customer_inactive"
    )
    form = save(back_office("staff"), cancelled).context["adminform"].form
    assert sentence in " ".join(form.errors[field])
    body = {"action": "confirm", "_selected_action": [cancelled.pk], "asked": 1}
    answer = back_office("outlet_manager").post(f"{PAGE}?day=all", body)
    assert [sentence in str(message) for message in get_messages(answer.wsgi_request)] == [True]
    assert stored(cancelled).status == "cancelled"


@pytest.mark.slow("breaks each rule, in the API and in the form")
@in_one_test(
    ("break_rule", "override"),
    [
        (shorten_hours, "hours"),
        (enter_time_off, "hours"),
        (let_only_others_offer_it, "service"),
        (withdraw_service, "service"),
    ],
)
def test_staff_lift_the_rule_by_the_api_and_in_the_form(staff, back_office, cancelled, tenant, break_rule, override):
    with tenant_scope(tenant):
        break_rule(cancelled)
    assert set_by_api(staff, cancelled, override=[override]).json()["overrides"] == [override]
    with tenant_scope(tenant):
        events = AuditEvent.objects.filter(row_id=cancelled.pk)
        assert {"status": "confirmed", "sequence": 1, "overrides": [override]} in events.values_list("after", flat=True)
        Appointment.objects.update(status=Status.CANCELLED, overrides=[])
    assert save(back_office("staff"), cancelled, override=override).status_code == 302
    assert (stored(cancelled).status, stored(cancelled).overrides) == ("confirmed", [override])


def test_who_left_is_booked_again_by_both_overrides(staff, cancelled, tenant):
    with tenant_scope(tenant):
        dismiss(cancelled)
    assert set_by_api(staff, cancelled, override=["service"]).json()["code"] == "outside_hours"
    assert set_by_api(staff, cancelled, override=["hours", "service"]).json()["overrides"] == ["hours", "service"]


def test_what_was_booked_against_a_rule_comes_back_against_it(staff, back_office, cancelled, tenant):
    with tenant_scope(tenant):
        shorten_hours(cancelled)
        Appointment.objects.update(overrides=["hours"])
    assert click(back_office("staff"), cancelled)[0] == "success"
    with tenant_scope(tenant):
        Appointment.objects.update(status=Status.NO_SHOW)
    assert set_by_api(staff, cancelled).json()["overrides"] == ["hours"]


def test_of_what_has_started_the_status_is_set_whatever_the_rules(staff, back_office, tenant):
    for number, change in enumerate((set_by_api, click, save)):
        one = AppointmentFactory(tenant=tenant, status=Status.CANCELLED, appointment_date=dt.date(2025, 1, 25 + number))
        with tenant_scope(tenant):
            deactivate_customer(one)
        change(staff if change is set_by_api else back_office("staff"), one)
        assert stored(one).status == "confirmed"


def test_steps_between_statuses_that_keep_the_time_ask_no_rule(staff, cancelled, tenant):
    with tenant_scope(tenant):
        Appointment.objects.update(status=Status.PENDING)
        shorten_hours(cancelled)
        deactivate_customer(cancelled)
    assert set_by_api(staff, cancelled).json()["status"] == "confirmed"
    assert set_by_api(staff, cancelled, status="cancelled").json()["status"] == "cancelled"
