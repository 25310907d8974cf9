"""Bookings of a person who leaves, an outlet that closes or a service that ends are handed on in one step."""

import datetime as dt
import re

import pytest
from django.contrib.messages import get_messages
from django.core import mail

from appointments.models import Appointment, Message, WorkingHours
from appointments.tests.factories import AppointmentFactory, works_daily
from circe.tests.cases import in_one_test
from customers.tests.factories import CustomerFactory
from customers.tests.sending import send_due
from tenants.models import AuditEvent, Outlet, Service, ServiceStaff, User
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory
from tenants.tests.forms import opened, sent_by

pytestmark = pytest.mark.django_db
LIST = "/admin/appointments/appointment/"
HAND_ON = f"{LIST}hand-on/"
MONDAY = dt.date(2030, 6, 3)


class Salon:
    """Ana and Vina work from 9 to 17 in Kemang and Senopati, where a cut and a trim take an hour. Ana has three bookings."""

    def __init__(self, tenant):
        self.tenant = tenant
        self.kemang, self.senopati = (OutletFactory(tenant=tenant, name=name) for name in ("Kemang", "Senopati"))
        self.cut, self.trim = (
            ServiceFactory(tenant=tenant, name=name, duration_minutes=minutes, buffer_minutes=0, price=price)
            for name, minutes, price in (("Cut", 60, 350000), ("Trim", 30, 100000))
        )
        self.ana, self.vina, self.cleo = (
            UserFactory(tenant=tenant, first_name=name, last_name="") for name in ("Ana", "Vina", "Cleo")
        )
        for person in (self.ana, self.vina):
            for outlet in (self.kemang, self.senopati):
                works_daily(tenant, person.pk, outlet.pk, (dt.time(9), dt.time(17)))
        self.nine, self.ten, self.eleven = (self.book(hour) for hour in (9, 10, 11))
        # Past and cancelled bookings, and those of other people, are not counted.
        self.book(9, appointment_date=dt.date(2025, 6, 2))
        self.book(12, status="cancelled")

    def book(self, hour, **values):
        return AppointmentFactory(
            **{
                "tenant": self.tenant,
                "outlet": self.kemang,
                "service": self.cut,
                "staff_id": self.ana.pk,
                "customer": CustomerFactory(tenant=self.tenant, first_name=f"Guest{hour}", last_name=""),
                "appointment_date": MONDAY,
                "start_time": dt.time(hour),
                "end_time": dt.time(hour + 1),
                "status": "confirmed",
                "total_price": 350000,
            }
            | values
        )


@pytest.fixture
def salon(in_scope):
    return Salon(in_scope)


def open_page(browser, **query):
    return browser.get(HAND_ON, query)


def send(browser, page, **choices):
    """Sends the page as a browser does, with these choices. Returns the messages that it leads to."""
    hidden = dict.fromkeys(("action", "asked"), None)
    content = page.content.decode()
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', content)
    values = {name: value for name, value in fields if name in hidden or name == "form_token"}
    ids = [value for name, value in fields if name == "_selected_action"]
    (url,) = re.findall(r'<form method="post" id="ask" action="([^"]+)"', content)
    answer = browser.post(url.replace("&amp;", "&"), values | {"_selected_action": ids} | choices)
    if answer.status_code == 200:
        return [*answer.context["form"].non_field_errors()]
    return [str(message) for message in get_messages(answer.wsgi_request)]


def places(*rows):
    return [
        (
            one.staff.first_name,
            one.outlet.name,
            one.service.name,
            f"{one.end_time:%H:%M}",
            one.total_price,
            one.sequence,
        )
        for one in (Appointment.objects.with_related().get(pk=row.pk) for row in rows)
    ]


def stays(*rows):
    return places(*rows) == [("Ana", "Kemang", "Cut", f"{row.end_time:%H:%M}", 350000, 0) for row in rows]


def test_the_bookings_of_a_person_who_leaves_are_handed_on_in_one_step(back_office, salon):
    browser = back_office("outlet_manager")
    page = open_page(browser, staff=salon.ana.pk)
    content = page.content.decode()
    assert [content.count(f", Mon 3 Jun 2030 {hour}:00 with Ana</a>") for hour in ("09", "10", "11", "12")] == [
        1,
        1,
        1,
        0,
    ]
    assert send(browser, page, staff=salon.vina.pk) == ["Handed on: 3."]
    assert places(salon.nine, salon.ten, salon.eleven) == [
        ("Vina", "Kemang", "Cut", end, 350000, 1) for end in ("10:00", "11:00", "12:00")
    ]
    event = AuditEvent.objects.filter(table="appointment", row_id=salon.nine.pk).first()
    assert (event.action, event.actor_id) == ("updated", browser.user.pk)
    assert event.after["staff_id"] == salon.vina.pk


def test_it_is_the_same_after_the_person_has_left(back_office, salon):
    browser = back_office("tenant_admin")
    User.objects.filter(pk=salon.ana.pk).update(is_active=False)
    assert send(browser, open_page(browser, staff=salon.ana.pk), staff="anybody") == ["Handed on: 3."]
    assert {place[0] for place in places(salon.nine, salon.ten, salon.eleven)} == {"Vina"}


def test_what_cannot_be_handed_on_stays_as_it_is_with_the_reason(back_office, salon):
    browser = back_office("outlet_manager")
    salon.book(10, staff_id=salon.vina.pk)
    (overlap, done) = send(browser, open_page(browser, staff=salon.ana.pk), staff=salon.vina.pk)
    assert done == "Handed on: 2."
    assert overlap.startswith("Guest10, Mon 3 Jun 2030 10:00 with Ana: not handed on. ")
    assert "Vina is booked on 3 June 2030 from 10:00 to 11:00" in overlap
    assert stays(salon.ten)


@in_one_test(
    "prepare, choices, reason",
    [
        (lambda salon: None, lambda salon: {"staff": salon.cleo.pk}, "Cleo does not work"),
        (
            lambda salon: ServiceStaff.objects.create(tenant=salon.tenant, service=salon.cut, staff_id=salon.ana.pk),
            lambda salon: {"staff": salon.vina.pk},
            "does not offer Cut",
        ),
        (
            lambda salon: salon.book(9, staff_id=salon.vina.pk, end_time=dt.time(12)),
            lambda salon: {"staff": "anybody"},
            "Nobody else who offers Cut is free at Kemang then.",
        ),
        (
            lambda salon: WorkingHours.objects.filter(outlet=salon.senopati).delete(),
            lambda salon: {"outlet": salon.senopati.pk},
            "Ana works on Monday, 3 June 2030 at Kemang 09:00–17:00.",
        ),
    ],
)
def test_the_rules_of_booking_hold_and_each_refusal_has_its_reason(back_office, salon, prepare, choices, reason):
    browser = back_office("outlet_manager")
    prepare(salon)
    refused = send(browser, open_page(browser, staff=salon.ana.pk), **choices(salon))
    assert len(refused) == 3, refused
    assert all(reason in sentence for sentence in refused), refused
    assert stays(salon.nine, salon.ten, salon.eleven)


def test_an_outlet_that_closes_and_a_service_that_ends(back_office, salon):
    browser = back_office("tenant_admin")
    Outlet.objects.filter(pk=salon.kemang.pk).update(is_active=False)
    assert send(browser, open_page(browser, outlet=salon.kemang.pk), outlet=salon.senopati.pk) == ["Handed on: 3."]
    Service.objects.filter(pk=salon.cut.pk).update(is_active=False)
    assert send(browser, open_page(browser, service=salon.cut.pk), service=salon.trim.pk) == ["Handed on: 3."]
    # It takes as long as the other service, and keeps the agreed price.
    assert places(salon.nine, salon.ten) == [("Ana", "Senopati", "Trim", end, 350000, 2) for end in ("09:30", "10:30")]


def test_each_booking_may_go_another_way(back_office, salon):
    browser = back_office("outlet_manager")
    works_daily(salon.tenant, salon.cleo.pk, salon.kemang.pk, (dt.time(9), dt.time(17)))
    page = open_page(browser, staff=salon.ana.pk)
    each = {f"staff-{salon.nine.pk}": salon.cleo.pk, f"staff-{salon.eleven.pk}": "stays"}
    assert send(browser, page, staff=salon.vina.pk, **each) == ["Handed on: 2."]
    assert [place[0] for place in places(salon.nine, salon.ten, salon.eleven)] == ["Cleo", "Vina", "Ana"]


def test_without_a_choice_nothing_happens(back_office, salon):
    browser = back_office("outlet_manager")
    answer = send(browser, open_page(browser, staff=salon.ana.pk))
    assert answer == ["Choose to whom, to which outlet or to which service they go."]
    assert stays(salon.nine, salon.ten, salon.eleven)


def test_who_is_booked_is_told_once(back_office, salon):
    salon.tenant.sends_changes = True
    salon.tenant.save()
    browser = back_office("outlet_manager")
    send(browser, open_page(browser, staff=salon.ana.pk), staff=salon.vina.pk, **{f"staff-{salon.ten.pk}": "stays"})
    mail.outbox.clear()
    send_due()
    assert sorted(Message.objects.values_list("appointment", "kind", "sequence")) == sorted(
        (row.pk, "change", 1) for row in (salon.nine, salon.eleven)
    )
    assert len(mail.outbox) == 2


def test_a_booking_that_changed_meanwhile_is_not_handed_on(back_office, salon):
    browser = back_office("outlet_manager")
    page = open_page(browser, staff=salon.ana.pk)
    Appointment.objects.filter(pk=salon.nine.pk).update(status="cancelled")
    refused, done = send(browser, page, staff=salon.vina.pk)
    assert "Somebody changed it meanwhile, or it has begun." in refused
    assert done == "Handed on: 2."


def test_who_may_not_and_what_is_not_there(back_office, salon, other_tenant):
    assert open_page(back_office("staff"), staff=salon.ana.pk).status_code == 403
    browser = back_office("outlet_manager")
    foreign = UserFactory(tenant=other_tenant)
    for query in ({}, {"staff": "x"}, {"staff": "0" * 24}, {"outlet": salon.ana.pk}, {"staff": foreign.pk}):
        assert open_page(browser, **query).status_code == 404, query
    page = open_page(browser, staff=salon.ana.pk)
    assert send(browser, page, staff=foreign.pk) == []
    assert stays(salon.nine, salon.ten, salon.eleven)


# --- who is told that bookings remain ---------------------------------------------------------------------------------


def pages(salon):
    return {
        "staff": f"/admin/tenants/staff/{salon.ana.pk}/change/",
        "outlet": f"/admin/tenants/outlet/{salon.kemang.pk}/change/",
        "service": f"/admin/tenants/service/{salon.cut.pk}/change/",
    }


@in_one_test("kind", ["staff", "outlet", "service"])
def test_the_page_says_what_remains_before_and_after_with_links(back_office, salon, kind):
    browser, page = back_office("tenant_admin"), pages(salon)[kind]
    shown = browser.get(page)
    content = shown.content.decode()
    (listed,) = re.findall(r'has <a href="([^"]+)">3 appointments to come</a>', content)
    (handed_on,) = re.findall(r'<a href="([^"]+)">Hand them on</a>', content)
    found = browser.get(listed.replace("&amp;", "&")).context["cl"].result_list
    assert {row.pk for row in found} == {salon.nine.pk, salon.ten.pk, salon.eleven.pk}
    assert browser.get(handed_on).status_code == 200
    form = {name: value for name, value in sent_by(shown).items() if name != "is_active"}
    answer = browser.post(page, form)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    warnings = [str(message) for message in get_messages(answer.wsgi_request) if message.level_tag == "warning"]
    assert len(warnings) == 1
    assert f'<a href="{handed_on}">Hand them on</a>' in warnings[0]


def test_a_page_without_bookings_to_come_says_so(back_office, salon):
    browser = back_office("tenant_admin")
    page = f"/admin/tenants/staff/{salon.cleo.pk}/change/"
    assert "No appointments" in browser.get(page).content.decode()
    form = {name: value for name, value in opened(browser, page).items() if name != "is_active"}
    answer = browser.post(page, form)
    assert all("to come" not in str(message) for message in get_messages(answer.wsgi_request))


def test_working_hours_that_end_say_which_bookings_lie_outside(back_office, salon):
    browser = back_office("outlet_manager")
    page = f"/admin/appointments/staffwithhours/{salon.ana.pk}/change/"
    WorkingHours.objects.filter(staff=salon.ana.pk).exclude(weekday=0, outlet=salon.kemang).delete()
    form = opened(browser, page)
    (ends,) = [name for name, value in form.items() if name.endswith("-end_time") and value == ["17:00"]]
    answer = browser.post(page, form | {ends: "10:30"})
    assert answer.status_code == 302
    (_, warning) = [str(message) for message in get_messages(answer.wsgi_request)]
    assert "2 appointments to come of Ana lie outside the working hours." in warning
    (handed_on,) = re.findall(r'<a href="([^"]+)">Hand them on</a>', warning)
    handed_page = browser.get(handed_on.replace("&amp;", "&"))
    assert send(browser, handed_page, staff=salon.vina.pk) == ["Handed on: 2."]
    assert [place[0] for place in places(salon.nine, salon.ten, salon.eleven)] == ["Ana", "Vina", "Vina"]


@in_one_test("kind", ["outlet", "service"])
def test_who_deletes_what_has_history_is_told_to_deactivate_it_with_a_link(back_office, salon, kind):
    browser, page = back_office("tenant_admin"), pages(salon)[kind]
    content = browser.get(page.replace("/change/", "/delete/")).content.decode()
    assert "Deactivate it instead" in content
    assert f'<a href="{page}">' in content


def test_bookings_of_two_businesses_are_not_handed_on_together(back_office, salon, other_tenant):
    with tenant_scope(other_tenant):
        other = AppointmentFactory(tenant=other_tenant, status="confirmed", appointment_date=MONDAY)
    browser = back_office("super_admin")
    body = {"action": "hand_on", "_selected_action": [salon.nine.pk, other.pk], "asked": 1, "staff": "anybody"}
    answer = browser.post(f"{LIST}?day=all", body)
    assert "Choose appointments of one business." in answer.content.decode()


def test_a_booking_for_which_nothing_new_is_chosen_stays_as_it_is(back_office, salon):
    browser = back_office("outlet_manager")
    page = open_page(browser, staff=salon.ana.pk)
    assert send(browser, page, **{f"staff-{salon.nine.pk}": salon.vina.pk}) == ["Handed on: 1."]
    assert [place[0] for place in places(salon.nine)] == ["Vina"]
    assert stays(salon.ten, salon.eleven)
