"""The admin's form for an appointment: its initial values, its errors for an overlap, and its redirects."""

import datetime as dt
import threading

import pytest
import time_machine
from django.contrib.messages import get_messages
from django.db import connection, connections, transaction

from appointments.models import Appointment, Status
from appointments.tests.factories import AppointmentFactory, works_always
from circe.db.ids import new_id
from customers.tests.factories import CustomerFactory
from tenants.scope import ALL_TENANTS, tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory
from tenants.tests.locks import until_blocked

PAGE = "/admin/appointments/appointment/"
ADD = f"{PAGE}add/"
SHEET = f"{PAGE}day/"


@pytest.fixture
def booking(tenant):
    """The values that the form for a new appointment sends: Jane Doe with Ana Lee, on a Saturday from 14:00 to 15:00."""
    ana, outlet = UserFactory(tenant=tenant, first_name="Ana", last_name="Lee"), OutletFactory(tenant=tenant)
    works_always(tenant, ana.pk, outlet.pk)
    return {
        "customer": CustomerFactory(tenant=tenant, first_name="Jane", last_name="Doe").pk,
        "service": ServiceFactory(tenant=tenant, name="Haircut").pk,
        "staff": ana.pk,
        "outlet": outlet.pk,
        "appointment_date": "2025-01-25",
        "start_time": "14:00",
        "end_time": "15:00",
        "status": "pending",
        "total_price": "",
        "payment_status": "unpaid",
        "payment_method": "",
        "paid_amount": "0",
        "notes": "",
    }


def errors(response):
    assert response.status_code == 200, response
    return dict(response.context["adminform"].form.errors)


def overlap_error(by, when="on 25 January 2025 from 14:00 to 15:00"):
    """Returns the expected error of the start time, with a link to Jane's appointment."""
    link = f'<a href="{PAGE}{by.pk}/change/" target="_blank">Show it</a>'
    return {"start_time": [f"Ana Lee is booked {when}, for Jane Doe (Haircut). {link}"]}


def get_only_appointment():
    with tenant_scope(ALL_TENANTS):
        return Appointment.objects.get()


# --- no double booking ----------------------------------------------------------------------------------------------


@pytest.mark.slow("is a table of fifteen overlaps")
@pytest.mark.parametrize("status", ["pending", "confirmed", "in_progress"])
@pytest.mark.parametrize(
    ("start", "end"), [("14:30", "14:45"), ("13:00", "14:01"), ("14:59", "18:00"), ("13:00", "02:00"), ("14:59", "")]
)
def test_the_error_for_an_overlap_names_the_other_appointment(back_office, booking, status, start, end):
    browser = back_office("staff")
    browser.post(ADD, booking | {"status": status})
    # 780 minutes are unlikely, which was asked and answered.
    late = booking | {"start_time": start, "end_time": end, "confirmed": "length-780"}
    assert errors(browser.post(ADD, late)) == overlap_error(by=get_only_appointment())


def test_the_error_is_on_the_page_and_names_are_escaped(back_office, tenant, booking):
    browser, jo = back_office("staff"), CustomerFactory(tenant=tenant, first_name="<Jo>", last_name=None)
    browser.post(ADD, booking | {"customer": jo.pk})
    content = browser.post(ADD, booking).content.decode()
    assert "from 14:00 to 15:00, for &lt;Jo&gt; (Haircut). <a href=" in content
    assert "This member of staff has another appointment" not in content


def test_an_overlap_after_midnight_is_refused(back_office, booking):
    browser = back_office("staff")
    browser.post(ADD, booking | {"start_time": "23:00", "end_time": "01:00"})
    next_day = booking | {"appointment_date": "2025-01-26", "start_time": "00:30", "end_time": "01:30"}
    night = overlap_error(by=get_only_appointment(), when="on 25 January 2025 from 23:00 to 01:00")
    assert errors(browser.post(ADD, next_day)) == night
    assert browser.post(ADD, next_day | {"start_time": "01:00"}).status_code == 302


def test_the_error_names_the_first_of_several_overlaps(back_office, booking):
    browser = back_office("staff")
    for hours in (("16:00", "17:00"), ("14:00", "15:00")):
        browser.post(ADD, booking | dict(zip(("start_time", "end_time"), hours, strict=True)))
    assert "from 14:00 to 15:00" in str(errors(browser.post(ADD, booking | {"end_time": "18:00"})))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {"start_time": "15:00", "end_time": "16:00"}),
        ({}, {"appointment_date": "2025-01-26"}),
        ({"status": "cancelled"}, {}),
        ({}, {"status": "no_show"}),
    ],
)
def test_appointments_that_do_not_overlap_are_booked(back_office, booking, first, second):
    browser = back_office("staff")
    assert browser.post(ADD, booking | first).status_code == 302
    assert browser.post(ADD, booking | second).status_code == 302


def test_two_members_of_staff_can_be_booked_at_the_same_time(back_office, tenant, booking):
    browser = back_office("staff")
    assert browser.post(ADD, booking).status_code == 302
    assert browser.post(ADD, booking | {"staff": UserFactory(tenant=tenant).pk}).status_code == 302


def test_an_appointment_does_not_overlap_with_itself(back_office, in_scope, booking):
    browser = back_office("staff")
    browser.post(ADD, booking | {"start_time": "16:00", "end_time": "17:00"})
    later = get_only_appointment()
    browser.post(ADD, booking)
    made = Appointment.objects.exclude(pk=later.pk).get()
    change = f"{PAGE}{made.pk}/change/"
    assert browser.post(change, booking | {"start_time": "14:10"}).status_code == 302
    assert errors(browser.post(change, booking | {"end_time": "16:30"})) == overlap_error(
        by=later, when="on 25 January 2025 from 16:00 to 17:00"
    )


def test_a_super_admin_sees_overlaps_within_the_business_only(back_office, in_scope, other_tenant, booking):
    browser = back_office("super_admin")
    body = booking | {"tenant": in_scope.pk}
    AppointmentFactory(tenant=other_tenant, status=Status.CONFIRMED, start_time=dt.time(14))
    assert browser.post(ADD, body).status_code == 302
    assert errors(browser.post(ADD, body)) == overlap_error(
        by=Appointment.objects.get(), when="on 2025-01-25 from 14:00 to 15:00"
    )


@pytest.mark.parametrize("field", ["staff", "status", "appointment_date", "start_time", "end_time"])
def test_an_overlap_is_not_checked_if_there_is_another_error(back_office, booking, field):
    browser = back_office("staff")
    browser.post(ADD, booking)
    assert set(errors(browser.post(ADD, booking | {field: "banana"}))) == {field}


@pytest.mark.django_db(transaction=True)
def test_a_form_that_loses_a_race_for_a_time_has_the_error(back_office, tenant, booking):
    browser, answers = back_office("staff"), []

    def post():
        answers.append(browser.post(ADD, booking))
        connections.close_all()

    other = threading.Thread(target=post)
    with transaction.atomic():
        same = {f"{name}_id": booking[name] for name in ("staff", "customer", "service", "outlet")}
        at = {"appointment_date": dt.date(2025, 1, 25), "start_time": dt.time(14), "end_time": dt.time(15)}
        with tenant_scope(tenant):
            Appointment.objects.create(tenant=tenant, total_price=0, **same, **at)
        # The form is valid and waits for the lock to save.
        other.start()
        until_blocked()
    other.join()
    assert errors(answers[0]) == overlap_error(by=get_only_appointment())


@pytest.mark.slow("signs in a browser for each who races")
@pytest.mark.django_db(transaction=True)
def test_of_concurrent_forms_for_one_time_one_is_saved(back_office, booking):
    browsers = [back_office("staff") for _ in range(4)]
    barrier, answers = threading.Barrier(len(browsers)), []

    def post(browser):
        try:
            connection.ensure_connection()
            barrier.wait(30)
            answers.append(browser.post(ADD, booking))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=post, args=[browser]) for browser in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 302]
    assert all(
        errors(answer) == overlap_error(by=get_only_appointment()) for answer in answers if answer.status_code == 200
    )


# --- initial values and redirects -----------------------------------------------------------------------------------


def initial(browser, query=""):
    form = browser.get(f"{ADD}{query}").context["adminform"].form
    return {
        name: str(form[name].value())
        for name in ("outlet", "staff", "appointment_date", "start_time")
        if form[name].value()
    }


def test_the_url_gives_the_initial_values(back_office, tenant, booking):
    OutletFactory(tenant=tenant)
    known = {name: booking[name] for name in ("outlet", "staff", "appointment_date", "start_time")}
    browser, query = back_office("staff"), "&".join(f"{name}={value}" for name, value in known.items())
    assert initial(browser, f"?{query}&sheet=all") == known
    content = browser.get(f"{ADD}?{query}").content.decode()
    assert f'<option value="{booking["staff"]}" selected>Ana Lee</option>' in content
    assert initial(browser) == {}


def test_the_only_outlet_is_the_initial_value(back_office, tenant, other_tenant):
    OutletFactory(tenant=other_tenant)
    OutletFactory(tenant=tenant, is_active=False)
    only = OutletFactory(tenant=tenant)
    assert initial(back_office("staff")) == {"outlet": only.pk}


@pytest.mark.parametrize(
    "query", ["staff=zzz", "staff=%00", "staff=", "appointment_date=banana", "start_time=%00", "status=x"]
)
def test_invalid_values_in_the_url_are_ignored(back_office, query):
    assert back_office("staff").get(f"{ADD}?{query}").status_code == 200


def test_a_row_of_another_business_is_no_initial_value(back_office, other_tenant):
    theirs = UserFactory(tenant=other_tenant, first_name="Stranger")
    assert "Stranger" not in back_office("staff").get(f"{ADD}?staff={theirs.pk}").content.decode()


def test_the_form_redirects_to_the_day_sheet(back_office, in_scope, booking):
    browser = back_office("staff")
    for query, outlet_query in (
        ("", ""),
        ("?sheet=all", ""),
        (f"?sheet={booking['outlet']}", f"&outlet={booking['outlet']}"),
    ):
        answer = browser.post(f"{ADD}{query}", booking)
        made = get_only_appointment()
        assert answer.url == f"{SHEET}?day=2025-01-25{outlet_query}#appointment-{made.pk}"
        back = browser.post(f"{PAGE}{made.pk}/change/{query}", booking).url
        assert back == (answer.url if query else PAGE)
        made.delete()
    assert browser.post(ADD, booking | {"_addanother": "1"}).url == ADD


def test_a_super_admin_is_redirected_to_the_day_sheet_of_the_business(back_office, tenant, booking):
    answer = back_office("super_admin").post(f"{ADD}?tenant={tenant.pk}&sheet=all", booking | {"tenant": tenant.pk})
    assert answer.url == f"{SHEET}?tenant_id={tenant.pk}&day=2025-01-25#appointment-{get_only_appointment().pk}"


@pytest.mark.parametrize(
    ("changes", "warned"),
    [
        ({}, True),
        ({"end_time": "16:01"}, False),
        ({"status": "completed"}, False),
        ({"start_time": "23:00", "end_time": "01:00"}, False),
        ({"appointment_date": "2025-01-26"}, False),
    ],
)
def test_a_past_time_is_booked_with_a_warning(back_office, booking, changes, warned):
    # Four in the afternoon in Jakarta.
    with time_machine.travel(dt.datetime(2025, 1, 25, 9, tzinfo=dt.UTC), tick=False):
        answer = back_office("staff").post(ADD, booking | changes)
    assert answer.status_code == 302
    sentence = "This appointment ended on 25 January 2025 at 15:00, which is past. Change the day if that is not meant."
    messages = [str(message) for message in get_messages(answer.wsgi_request) if message.level_tag == "warning"]
    assert messages == [sentence] * warned


@pytest.mark.parametrize("field", ["staff", "outlet"])
def test_an_inactive_row_can_not_be_booked_but_an_appointment_keeps_it(back_office, in_scope, booking, field):
    browser = back_office("staff")
    browser.post(ADD, booking)
    made = Appointment.objects.get()
    getattr(made, field).__class__.objects.filter(pk=booking[field]).update(is_active=False)
    later = booking | {"appointment_date": "2025-01-26"}
    assert errors(browser.post(ADD, later)) == {field: ["This is not on offer: choose another one."]}
    assert browser.post(f"{PAGE}{made.pk}/change/", later).status_code == 302
    assert errors(browser.post(ADD, booking | {field: new_id()})) == {
        field: ["This is not on offer: choose another one."]
    }
