"""A change of what a customer expects of an appointment is mailed to those who expected it, and to nobody else."""

import datetime as dt
import re

import pytest
from django.db import connection

from appointments.messages.tests.conftest import MONDAY, change, states
from appointments.models import Appointment, Message
from appointments.tests.factories import works_always
from circe.tests.cases import in_one_test
from customers.models import Customer
from customers.tests.factories import CustomerFactory
from tenants.models import Service, User
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory
from tenants.tests.forms import opened

pytestmark = [pytest.mark.django_db, pytest.mark.slow("is a table of bookings that are changed and mailed")]
PAGE = "/admin/appointments/appointment/"


class Desk:
    """Reception, with all the ways to change an appointment. Jane's is on Monday at 9, a cut with Ana in Kemang."""

    def __init__(self, salon, staff, back_office):
        self.salon, self.staff = salon, staff
        self.browser, self.manager, self.super = (
            back_office(role) for role in ("staff", "outlet_manager", "super_admin")
        )
        self.bo = CustomerFactory(tenant=salon.tenant, first_name="Bo", last_name="", email="bo@example.com")
        self.vina = UserFactory(tenant=salon.tenant, first_name="Vina", last_name="")
        self.senopati = OutletFactory(tenant=salon.tenant, name="Senopati")
        self.color = ServiceFactory(tenant=salon.tenant, name="Color", duration_minutes=60, buffer_minutes=0)
        for person in (salon.ana, self.vina):
            for outlet in (salon.outlet, self.senopati):
                works_always(salon.tenant, person.pk, outlet.pk)
        self.pk = None

    def form(self, **changes):
        page = f"{PAGE}{self.pk}/change/"
        answer = self.browser.post(page, opened(self.browser, page) | changes)
        assert answer.status_code == 302, answer.context["adminform"].form.errors

    def patch(self, **changes):
        assert self.staff.patch(f"/api/v1/appointments/{self.pk}", changes).status_code == 200

    def move(self, **changes):
        times = {"appointment_date": MONDAY, "start_time": "09:00"} | changes
        assert self.staff.post(f"/api/v1/appointments/{self.pk}/reschedule", times).status_code == 200

    def step(self, seen, status):
        body = {"appointment": self.pk, "seen": seen, "status": status}
        assert self.browser.post(f"{PAGE}day/?day={MONDAY}", body).status_code == 302

    def bulk(self, action):
        self.manager.post(f"{PAGE}?day=all", {"action": action, "_selected_action": [self.pk], "asked": 1})

    def raw(self, changes):
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE appointments_appointment SET {changes} WHERE id = %s", [self.pk])

    def purge(self):
        Customer.objects.get(pk=self.salon.jane.pk).purge()

    def close(self, row):
        change(row, is_active=False)


@pytest.fixture
def desk(salon, staff, back_office):
    return Desk(salon, staff, back_office)


NINE, TEN = "09:00", "10:00"
JANE_GOES = ("jane@example.com", "CANCEL", 0, NINE)
JANE_AGAIN = ("jane@example.com", "REQUEST", 1, NINE)
BO_COMES = ("bo@example.com", "REQUEST", 1, NINE)
WAYS = {
    "another customer, by the form": ("confirmed", lambda desk: desk.form(customer=desk.bo.pk), [JANE_GOES, BO_COMES]),
    "another customer and time, by the form": (
        "confirmed",
        lambda desk: desk.form(customer=desk.bo.pk, start_time="10:00", end_time="11:00"),
        [JANE_GOES, ("bo@example.com", "REQUEST", 1, TEN)],
    ),
    "another customer, cancelled at once": (
        "confirmed",
        lambda desk: desk.form(customer=desk.bo.pk, status="cancelled"),
        [JANE_GOES],
    ),
    "another customer of a pending one": ("pending", lambda desk: desk.form(customer=desk.bo.pk), [JANE_GOES]),
    "another customer, by raw SQL": (
        "confirmed",
        lambda desk: desk.raw(f"customer_id = '{desk.bo.pk}'"),
        [JANE_GOES, BO_COMES],
    ),
    "a walk-in that gets a name, by the form": (
        "walk-in",
        lambda desk: desk.form(customer=desk.bo.pk),
        [("bo@example.com", "REQUEST", 0, NINE)],
    ),
    "a walk-in that gets a name, by the API": (
        "walk-in",
        lambda desk: desk.patch(customer_id=desk.bo.pk),
        [("bo@example.com", "REQUEST", 0, NINE)],
    ),
    "another outlet, by the form": ("confirmed", lambda desk: desk.form(outlet=desk.senopati.pk), [JANE_AGAIN]),
    "another outlet, by the API": ("confirmed", lambda desk: desk.move(outlet_id=desk.senopati.pk), [JANE_AGAIN]),
    "another person, by the form": ("confirmed", lambda desk: desk.form(staff=desk.vina.pk), [JANE_AGAIN]),
    "another person, by the API": ("confirmed", lambda desk: desk.move(staff_id=desk.vina.pk), [JANE_AGAIN]),
    "another service, by the form": ("confirmed", lambda desk: desk.form(service=desk.color.pk), [JANE_AGAIN]),
    "another time, by raw SQL": (
        "confirmed",
        lambda desk: desk.raw("start_time = '10:00', end_time = '11:00'"),
        [("jane@example.com", "REQUEST", 1, TEN)],
    ),
    "another person, by raw SQL": ("confirmed", lambda desk: desk.raw(f"staff_id = '{desk.vina.pk}'"), [JANE_AGAIN]),
    "another time of a pending one": ("pending", lambda desk: desk.move(start_time="10:00"), []),
    "another price and note": ("confirmed", lambda desk: desk.form(total_price="1", notes="Tea"), []),
    "paid": ("confirmed", lambda desk: desk.patch(payment={"status": "paid"}), []),
    "confirmed, by the day sheet": (
        "pending",
        lambda desk: desk.step("pending", "confirmed"),
        [("jane@example.com", "REQUEST", 0, NINE)],
    ),
    "cancelled, by the day sheet": ("confirmed", lambda desk: desk.step("confirmed", "cancelled"), [JANE_GOES]),
    "confirmed, several at once": (
        "pending",
        lambda desk: desk.bulk("confirm"),
        [("jane@example.com", "REQUEST", 0, NINE)],
    ),
    "cancelled, several at once": ("confirmed", lambda desk: desk.bulk("cancel"), [JANE_GOES]),
    "cancelled, by raw SQL": ("confirmed", lambda desk: desk.raw("status = 'cancelled'"), [JANE_GOES]),
    "takes place after all, by the day sheet": (
        "cancelled",
        lambda desk: desk.step("cancelled", "confirmed"),
        [JANE_AGAIN],
    ),
    "takes place after all, by raw SQL": ("cancelled", lambda desk: desk.raw("status = 'confirmed'"), [JANE_AGAIN]),
    "the customer is purged": ("confirmed", lambda desk: desk.purge(), []),
    # Their bookings still hold, until somebody hands them on.
    "the person leaves": ("confirmed", lambda desk: desk.close(User.objects.get(pk=desk.salon.ana.pk)), []),
    "the outlet closes": ("confirmed", lambda desk: desk.close(desk.salon.outlet), []),
    "the service ends": ("confirmed", lambda desk: desk.close(Service.objects.get(pk=desk.salon.cut.pk)), []),
}


@in_one_test("way", WAYS)
def test_who_expects_something_else_is_told_and_nobody_else(desk, book, sent, way):
    status, act, expected = WAYS[way]
    walk_in = {"customer_id": None, "walk_in": True} if status == "walk-in" else {}
    desk.pk = book(**walk_in, **({"status": "pending"} if status == "pending" else {}))
    with tenant_scope(desk.salon.tenant):
        if status == "cancelled":
            desk.step("confirmed", "cancelled")
        sent()
        act(desk)
        mails = sent()
    assert sorted((mail.to, *mail.told[:2], f"{mail.told[2] + dt.timedelta(hours=7):%H:%M}") for mail in mails) == (
        sorted(expected)
    )
    assert sent() == []


def test_who_lost_an_appointment_is_told_of_the_one_they_knew(desk, book, sent):
    desk.pk = book()
    sent()
    desk.form(
        customer=desk.bo.pk,
        start_time="11:00",
        end_time="12:00",
        staff=desk.vina.pk,
        outlet=desk.senopati.pk,
        service=desk.color.pk,
        total_price="1",
    )
    (gone,) = [mail for mail in sent() if mail.to == "jane@example.com"]
    assert "is cancelled" in gone.subject
    for part in (gone.text, gone.html):
        for words in ("Jane", "09:00", "Cut", "Ana Lee", "Kemang"):
            assert words in part
        for words in ("Bo", "11:00", "Color", "Vina", "Senopati"):
            # As whole words, since the token of the link has any letters.
            assert not re.search(rf"\b{words}\b", part)


def test_a_mistake_that_is_put_right_at_once_reaches_nobody_who_never_knew(desk, book, sent):
    desk.pk = book()
    sent()
    desk.form(customer=desk.bo.pk)
    desk.form(customer=desk.salon.jane.pk)
    assert [(mail.to, *mail.told[:2]) for mail in sent()] == [("jane@example.com", "REQUEST", 2)]
    assert sorted(row for row in states() if row[2] == "skipped") == [
        ("cancellation", 0, "skipped", "superseded"),
        ("cancellation", 1, "skipped", "superseded"),
        ("confirmation", 1, "skipped", "superseded"),
    ]


def test_who_got_an_appointment_is_told_of_its_cancellation_too(desk, book, act, sent):
    desk.pk = book()
    sent()
    desk.form(customer=desk.bo.pk)
    sent()
    act(desk.pk, status="cancelled")
    assert [(mail.to, *mail.told[:2]) for mail in sent()] == [("bo@example.com", "CANCEL", 1)]


def test_an_appointment_that_somebody_expects_is_not_deleted_but_cancelled(desk, book, act, sent):
    desk.pk = book()
    page = f"{PAGE}{desk.pk}/delete/"

    def delete():
        shown = desk.super.get(page).content.decode()
        desk.super.post(page, {"post": "yes"})
        return shown, Appointment.objects.filter(pk=desk.pk).exists()

    with tenant_scope(desk.salon.tenant):
        shown, is_kept = delete()
        assert ("Cancel it instead: the customer is told" in shown, is_kept) == (True, True)
        act(desk.pk, status="cancelled")
        # The mail would be deleted with it.
        shown, is_kept = delete()
        assert ("2 mails that wait to be sent" in shown, is_kept) == (True, True)
        sent()
        assert delete()[1] is False
        assert not Message.objects.exists()
