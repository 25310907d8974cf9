"""The offers of the admin's form: free times of a day, recommendations for a customer, and favourites first."""

import datetime as dt
import re

import pytest
import time_machine

from appointments.models import Appointment, Status
from appointments.tests.factories import AppointmentFactory, works_daily
from circe.db.ids import new_id
from customers.tests.factories import CustomerFactory
from tenants.models import Role
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory
from tenants.tests.forms import opened

PAGE = "/admin/appointments/appointment/"
ADD = f"{PAGE}add/"
MONDAY = "2026-11-30"


@pytest.fixture(autouse=True)
def _now():
    """Sets the time to Saturday, 28 November 2026, 7 in the morning in Jakarta."""
    with time_machine.travel(dt.datetime(2026, 11, 28, tzinfo=dt.UTC), tick=False):
        yield


@pytest.fixture
def kemang(tenant):
    return OutletFactory(tenant=tenant, name="Kemang")


@pytest.fixture
def haircut(tenant):
    return ServiceFactory(tenant=tenant, name="Haircut", duration_minutes=60)


@pytest.fixture
def people(tenant, kemang):
    """Ana works each day from 9 to 11, Budi from 10 to 12."""
    people = [UserFactory(tenant=tenant, first_name=name, last_name="Lee") for name in ("Ana", "Budi")]
    for person, start in zip(people, (9, 10), strict=True):
        works_daily(tenant, person.pk, kemang.pk, (dt.time(start), dt.time(start + 2)))
    return people


def free_times(browser, **query):
    """Returns what the list of free times says, and its buttons."""
    answer = browser.get(f"{PAGE}free-times/", query)
    assert answer.status_code == 200, answer
    page = answer.content.decode()
    return page, re.findall(r"<button[^>]*>(.*?)</button>", page)


def test_a_service_that_has_ended_is_offered_last_and_has_no_free_times(back_office, tenant, haircut, people):
    ended, browser = ServiceFactory(tenant=tenant, name="Bob", is_active=False), back_office("staff")
    names = {"app_label": "appointments", "model_name": "appointment", "field_name": "service", "term": ""}
    offered = browser.get("/admin/autocomplete/", names).json()["results"]
    assert [row["text"] for row in offered] == ["Haircut", "Bob (not on offer)"]
    page, times = free_times(browser, service=ended.pk, day=MONDAY)
    assert ("Bob is not on offer any more." in page, times) == (True, [])
    # Other forms do not offer it.
    names |= {"app_label": "customers", "model_name": "preferredservice"}
    assert [row["text"] for row in browser.get("/admin/autocomplete/", names).json()["results"]] == ["Haircut"]


@pytest.mark.parametrize("role", Role.values)
def test_every_role_sees_the_free_times_of_the_chosen_person(back_office, haircut, people, kemang, role):
    question = {"service": haircut.pk, "staff": people[0].pk, "outlet": kemang.pk, "day": MONDAY}
    _, times = free_times(back_office(role), **question)
    assert times == ["09:00", "09:15", "09:30", "09:45", "10:00"]


def test_without_a_person_each_time_names_somebody_who_is_free(back_office, haircut, people):
    _, times = free_times(back_office("staff"), service=haircut.pk, day=MONDAY)
    assert times[:5] == ["09:00 Ana Lee", "09:15 Ana Lee", "09:30 Ana Lee", "09:45 Ana Lee", "10:00 Ana Lee"]
    assert times[5:] == ["10:15 Budi Lee", "10:30 Budi Lee", "10:45 Budi Lee", "11:00 Budi Lee"]


def test_a_day_without_free_times_offers_the_next_ones(back_office, haircut, people, kemang):
    for day in (28, 29):
        AppointmentFactory(
            tenant=kemang.tenant,
            staff_id=people[0].pk,
            outlet=kemang,
            appointment_date=dt.date(2026, 11, day),
            start_time=dt.time(9),
            end_time=dt.time(11),
            status=Status.CONFIRMED,
        )
    question = {"service": haircut.pk, "staff": people[0].pk}
    page, times = free_times(back_office("staff"), **question, day="2026-11-28")
    assert "Nothing is free on Saturday, 28 November 2026." in page
    assert times[0] == "Mon 30 November 2026, 09:00 Ana Lee"
    page, times = free_times(back_office("staff"), **question, day="2026-11-27")
    assert "27 November 2026 is past." in page
    assert times[0] == "Mon 30 November 2026, 09:00 Ana Lee"


def test_an_appointment_that_is_moved_frees_its_own_time_and_keeps_its_length(back_office, haircut, people, kemang):
    one = AppointmentFactory(
        tenant=kemang.tenant,
        staff_id=people[0].pk,
        outlet=kemang,
        service=haircut,
        appointment_date=dt.date(2026, 11, 30),
        start_time=dt.time(9),
        end_time=dt.time(10, 30),
        status=Status.CONFIRMED,
    )
    question = {"service": haircut.pk, "staff": people[0].pk, "day": MONDAY}
    browser = back_office("staff")
    assert "Nothing is free" in free_times(browser, **question)[0]
    assert free_times(browser, **question, appointment=one.pk)[1] == ["09:00", "09:15", "09:30"]


def test_nothing_of_another_business_is_offered(back_office, haircut, people, other_tenant):
    theirs = ServiceFactory(tenant=other_tenant)
    outlet, person = OutletFactory(tenant=other_tenant), UserFactory(tenant=other_tenant)
    works_daily(other_tenant, person.pk, outlet.pk, (dt.time(9), dt.time(17)))
    browser = back_office("staff")
    for service in (theirs.pk, new_id(), "zzz", "%00", ""):
        assert browser.get(f"{PAGE}free-times/?service={service}&day={MONDAY}").status_code == 404
    for chosen in ({"staff": person.pk}, {"outlet": outlet.pk}):
        assert free_times(browser, service=haircut.pk, day=MONDAY, **chosen)[1] == []
    _, of_super_admin = free_times(back_office("super_admin"), service=theirs.pk, day=MONDAY)
    assert of_super_admin[0].endswith(str(person))
    assert not any("Ana" in text for text in of_super_admin)


@pytest.mark.parametrize("day", ["", "banana", "2026-02-30", "0001-01-01", "9999-12-31", "2999-12-31", "%00"])
def test_a_malformed_day_is_a_404(back_office, haircut, day):
    assert back_office("staff").get(f"{PAGE}free-times/?service={haircut.pk}&day={day}").status_code == 404


def test_a_visitor_is_redirected_to_the_log_in(client, haircut):
    assert client.get(f"{PAGE}free-times/?service={haircut.pk}&day={MONDAY}").status_code == 302


# --- recommendations ------------------------------------------------------------------------------------------------


@pytest.fixture
def jane(tenant, people, haircut):
    """A customer who prefers Budi and haircuts."""
    ServiceFactory(tenant=tenant, name="Beard trim", duration_minutes=60)
    jane = CustomerFactory(tenant=tenant, first_name="Jane")
    with tenant_scope(tenant):
        jane.change({"preferred_staff_ids": [people[1].pk], "preferred_services": [haircut.pk]})
    return jane


def marked(response):
    """Returns for each recommendation whether the form is filled with it."""
    return [one.is_filled_in for one in response.context["recommendations"]]


def test_the_form_opens_on_the_first_recommendation_which_can_be_booked(
    back_office, in_scope, jane, people, haircut, kemang
):
    browser = back_office("staff")
    answer = browser.get(f"{ADD}?customer={jane.pk}")
    first, *others = answer.context["recommendations"]
    assert first.text.startswith("Haircut with Budi Lee at Kemang, ")
    assert first.reasons == "Preferred service, preferred staff"
    assert marked(answer) == [True] + [False] * len(others)
    assert marked(browser.get(others[0].url)) == [False, True] + [False] * len(others[1:])
    form = opened(browser, f"{ADD}?customer={jane.pk}")
    assert (form["service"], form["staff"], form["outlet"]) == ([haircut.pk], [people[1].pk], [kemang.pk])
    assert browser.post(ADD, form).status_code == 302
    assert Appointment.objects.get().customer == jane
    # Each of the others fills the form by its link.
    second = opened(browser, others[0].url)
    assert {name: second[name] for name in others[0].values} == {
        name: [value] for name, value in others[0].values.items()
    }
    assert second["customer"] == [jane.pk]


@pytest.mark.parametrize("name", ["staff", "service", "outlet", "appointment_date", "start_time"])
def test_what_the_url_says_is_not_replaced(back_office, jane, people, haircut, kemang, name):
    values = {
        "staff": people[0].pk,
        "service": haircut.pk,
        "outlet": kemang.pk,
        "appointment_date": "2030-01-01",
        "start_time": "09:00",
    }
    form = opened(back_office("staff"), f"{ADD}?customer={jane.pk}&{name}={values[name]}")
    filled = {field: form[field] for field in ("staff", "service", "start_time") if form.get(field) not in (None, [""])}
    assert filled == ({name: [values[name]]} if name in {"staff", "service", "start_time"} else {})


def test_nothing_is_recommended_for_another_business_s_or_an_inactive_customer(back_office, tenant, other_tenant, jane):
    theirs, inactive = CustomerFactory(tenant=other_tenant), CustomerFactory(tenant=tenant, is_active=False)
    for pk in (theirs.pk, inactive.pk, new_id(), "zzz"):
        answer = back_office("staff").get(f"{ADD}?customer={pk}")
        assert not answer.context.get("recommendations")
        assert 'id="recommendations"' not in answer.content.decode()


def test_a_super_admin_s_form_opens_on_the_recommendation_of_the_customer_s_business(
    back_office, in_scope, other_tenant, jane, haircut
):
    works_daily(
        other_tenant,
        UserFactory(tenant=other_tenant).pk,
        OutletFactory(tenant=other_tenant).pk,
        (dt.time(1), dt.time(2)),
    )
    ServiceFactory(tenant=other_tenant)
    browser = back_office("super_admin")
    form = opened(browser, f"{ADD}?customer={jane.pk}")
    assert (form["tenant"], form["service"]) == ([in_scope.pk], [haircut.pk])
    assert browser.post(ADD, form).status_code == 302
    assert Appointment.objects.get().customer == jane


# --- favourites first -----------------------------------------------------------------------------------------------


def choices(browser, field, customer="", term=""):
    query = {"term": term, "app_label": "appointments", "model_name": "appointment", "field_name": field}
    answer = browser.get("/admin/autocomplete/", query | {"customer": customer})
    assert answer.status_code == 200
    return [row["text"] for row in answer.json()["results"]]


def test_the_customer_s_favourites_come_first_in_the_lists(back_office, jane, people):
    browser = back_office("staff")
    assert choices(browser, "service") == ["Beard trim", "Haircut"]
    assert choices(browser, "service", jane.pk) == ["Haircut", "Beard trim"]
    assert [name for name in choices(browser, "staff") if "Lee" in name] == ["Ana Lee", "Budi Lee"]
    assert choices(browser, "staff", jane.pk)[:2] == ["Budi Lee", "Ana Lee"]
    assert choices(browser, "service", jane.pk, term="beard") == ["Beard trim"]
    assert choices(browser, "outlet", jane.pk) == ["Kemang"]


@pytest.mark.parametrize("customer", ["zzz", "\0", "507f1f77bcf86cd799439011"])
def test_an_unknown_customer_changes_no_order(back_office, jane, customer):
    assert choices(back_office("staff"), "service", customer) == ["Beard trim", "Haircut"]


def test_favourites_of_another_business_s_customer_are_not_told(back_office, other_tenant, jane):
    browser = back_office("staff", tenant=other_tenant)
    ServiceFactory(tenant=other_tenant, name="A")
    assert choices(browser, "service", jane.pk) == ["A"]
