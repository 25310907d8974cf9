"""Deletions and changes of status in the admin offer Undo, which does the reverse with its own checks."""

import datetime as dt

import pytest
from django.utils import timezone

from appointments.models import Appointment, Status
from appointments.tests.factories import AppointmentFactory
from customers.models import Customer
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from customers.tests.pages import PAGE, act, shown_messages
from tenants.models import AuditEvent
from tenants.tests.forms import Form

APPOINTMENTS = "/admin/appointments/appointment/"


def press_undo(browser, response):
    """Sends the form of the Undo button in the messages of a response, as a browser does."""
    [message] = [one for one in shown_messages(response) if 'class="undo"' in one]
    url = message.split('action="')[1].split('"')[0].replace("&amp;", "&")
    fields = Form(message.replace('class="undo"', 'id="undo_form"')).values
    assert fields.pop("csrfmiddlewaretoken")
    return browser.post(url, fields)


def test_a_deletion_of_several_customers_is_undone(back_office, tenant, in_scope):
    people, browser = [CustomerFactory(tenant=tenant) for _ in range(3)], back_office("tenant_admin")
    done = act(browser, "soft_delete", *people, asked=1)
    assert not Customer.objects.undeleted().exists()
    undone = press_undo(browser, done)
    assert shown_messages(undone)[-1] == "Restored: 3."
    assert Customer.objects.undeleted().count() == 3
    assert AuditEvent.objects.filter(action="restored").count() == 3


def test_a_customer_deleted_on_their_page_is_restored(back_office, tenant, in_scope):
    jane, browser = CustomerFactory(tenant=tenant, first_name="Jane", last_name="Doe"), back_office("tenant_admin")
    done = browser.post(f"{PAGE}{jane.pk}/delete/", {"post": "yes"})
    assert shown_messages(done)[0].startswith("Jane Doe was deleted.")
    press_undo(browser, done)
    assert Customer.objects.undeleted().get() == jane


def test_an_undo_says_whose_contact_is_taken_by_now(back_office, tenant, in_scope):
    jane, browser = CustomerFactory(tenant=tenant, email="j@example.com", phone=None), back_office("tenant_admin")
    done = act(browser, "soft_delete", jane, asked=1)
    CustomerFactory(tenant=tenant, email="j@example.com", phone=None)
    message = shown_messages(press_undo(browser, done))[-1]
    assert "was not restored" in message
    assert Customer.objects.get(pk=jane.pk).is_deleted


@pytest.mark.parametrize(
    ("action", "before", "can_be_undone"),
    [
        ("cancel", "confirmed", True),
        ("cancel", "pending", True),
        ("no_show", "confirmed", True),
        ("complete", "in_progress", True),
        # The day sheet has no step from confirmed to pending, nor from no-show.
        ("confirm", "pending", False),
        ("no_show", "pending", False),
    ],
)
def test_a_change_of_status_is_undone_where_a_step_leads_back(
    back_office, tenant, in_scope, action, before, can_be_undone
):
    day = timezone.localdate(timezone=tenant.zone) - dt.timedelta(days=3)
    rows = [
        AppointmentFactory(tenant=tenant, status=before, appointment_date=day + dt.timedelta(days=n)) for n in (0, 1)
    ]
    browser = back_office("outlet_manager")
    body = {"action": action, "_selected_action": [row.pk for row in rows], "asked": 1}
    done = browser.post(f"{APPOINTMENTS}?day=all", body)
    assert set(Appointment.objects.values_list("status", flat=True)) != {before}
    if not can_be_undone:
        assert "undo" not in " ".join(shown_messages(done))
        return
    undone = press_undo(browser, done)
    assert shown_messages(undone)[-1] == "Undone: 2."
    assert undone.url == f"{APPOINTMENTS}?day=all"
    assert set(Appointment.objects.values_list("status", flat=True)) == {before}


def test_an_undone_change_of_one_appointment_names_it(back_office, tenant, in_scope):
    day = timezone.localdate(timezone=tenant.zone) - dt.timedelta(days=3)
    row = AppointmentFactory(tenant=tenant, status="in_progress", appointment_date=day)
    browser = back_office("staff")
    done = browser.post(f"{APPOINTMENTS}day/", {"appointment": row.pk, "seen": "in_progress", "status": "completed"})
    assert shown_messages(press_undo(browser, done))[-1] == f"Undone. {row}: in progress."


def test_an_undone_cancellation_gives_back_a_time_outside_working_hours_if_it_is_free(back_office, tenant, in_scope):
    """It was booked before its person's hours were changed, so that nothing of it says that it is outside them."""
    day = timezone.localdate(timezone=tenant.zone) + dt.timedelta(days=3)
    one = AppointmentFactory(tenant=tenant, status="confirmed", appointment_date=day)
    browser, sheet = back_office("staff"), f"{APPOINTMENTS}day/?day={day}"
    body = {"appointment": one.pk, "seen": "confirmed", "status": "cancelled"}
    press_undo(browser, browser.post(sheet, body))
    one.refresh_from_db()
    assert (one.status, one.overrides) == ("confirmed", ["hours"])
    browser = back_office("staff")
    done = browser.post(sheet, body)
    other = AppointmentFactory(tenant=tenant, status="confirmed", appointment_date=day, staff_id=one.staff_id)
    assert "is booked on" in shown_messages(press_undo(browser, done))[-1]
    assert Appointment.objects.get(pk=one.pk).status == "cancelled"
    assert Appointment.objects.get(pk=other.pk).status == "confirmed"


def test_a_status_that_somebody_changed_meanwhile_is_not_undone(back_office, tenant, in_scope):
    row = AppointmentFactory(
        tenant=tenant, status="confirmed", appointment_date=timezone.localdate(timezone=tenant.zone)
    )
    browser = back_office("staff")
    sheet = f"{APPOINTMENTS}day/?day={row.appointment_date}"
    done = browser.post(sheet, {"appointment": row.pk, "seen": "confirmed", "status": "in_progress", "asked": "1"})
    Appointment.objects.filter(pk=row.pk).update(status="completed")
    message = shown_messages(press_undo(browser, done))[-1]
    assert "not undone, since somebody changed it meanwhile. It is completed now." in message
    assert Appointment.objects.get().status == Status.COMPLETED


def test_a_step_of_the_day_sheet_is_undone_by_staff(back_office, tenant, in_scope):
    row = AppointmentFactory(
        tenant=tenant, status="confirmed", appointment_date=timezone.localdate(timezone=tenant.zone)
    )
    browser = back_office("staff")
    sheet = f"{APPOINTMENTS}day/?day={row.appointment_date}"
    done = browser.post(sheet, {"appointment": row.pk, "seen": "confirmed", "status": "in_progress", "asked": "1"})
    undone = press_undo(browser, done)
    assert undone.url.startswith(f"{APPOINTMENTS}day/")
    assert Appointment.objects.get().status == Status.CONFIRMED


def test_undo_is_only_for_those_who_may_do_the_step(back_office, tenant, other_tenant, in_scope):
    rows = [AppointmentFactory(tenant=tenant, status="cancelled") for _ in range(2)]
    steps = [f"{row.pk}:cancelled:confirmed" for row in rows]
    url = f"{APPOINTMENTS}undo/"
    assert back_office("staff").post(url, {"step": steps}).status_code == 403
    for step in ("", "x", f"{rows[0].pk}:cancelled:completed", f"{rows[0].pk}:cancelled", "x:cancelled:confirmed"):
        assert back_office("outlet_manager").post(url, {"step": step}).status_code == 400
    response = back_office("outlet_manager", tenant=other_tenant).post(url, {"step": steps})
    assert shown_messages(response) == ["One of the appointments is not there any more."] * 2
    assert response.url == APPOINTMENTS
    outside = back_office("outlet_manager").post(url, {"step": steps[:1], "next": "https://example.com/"})
    assert outside.url == APPOINTMENTS
    assert back_office("outlet_manager").get(url).status_code == 405


@pytest.mark.parametrize("role", ["staff", "outlet_manager", "tenant_admin", "super_admin"])
def test_a_search_tells_of_deleted_customers_those_who_may_restore_them(back_office, tenant, other_tenant, role):
    CustomerFactory(tenant=tenant, first_name="Wira")
    DeletedCustomerFactory(tenant=tenant, first_name="Wirawan")
    DeletedCustomerFactory(tenant=other_tenant, first_name="Nordwira")
    content = back_office(role).get(f"{PAGE}?q=wira").content.decode()
    text = (
        "1 customer who was deleted matches too."
        if role == "tenant_admin"
        else "2 customers who were deleted match too."
    )
    assert (text in content) == (role in ("tenant_admin", "super_admin"))
    assert ("deleted match" in content) == (role in ("tenant_admin", "super_admin")) or "matches too" in content
    if role == "tenant_admin":
        assert 'href="?q=wira&amp;deleted=yes"' in content
        shown = back_office(role).get(f"{PAGE}?q=wira&deleted=yes")
        assert [one.first_name for one in shown.context["cl"].result_list] == ["Wirawan"]
        assert "matches too" not in shown.content.decode()
