"""Reception books in a real browser: from a recommendation, by a free time, and by an alternative after a refusal."""

import datetime as dt

import pytest
from playwright.sync_api import expect

from appointments.models import Appointment, Status, TimeOff
from appointments.tests.factories import AppointmentFactory, works_daily
from circe.tests.browser import DESKTOP, PHONE, browser_marks, choose, width_of
from customers.tests.factories import CustomerFactory
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory

pytestmark = [*browser_marks(__name__), pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])]
ADD = "/admin/appointments/appointment/add/"


@pytest.fixture
def tomorrow(tenant):
    return dt.datetime.now(tenant.zone).date() + dt.timedelta(days=1)


@pytest.fixture
def kemang(tenant):
    return OutletFactory(tenant=tenant, name="Kemang")


@pytest.fixture
def ana(tenant, kemang):
    """A member of staff who works from 9 to 17 each day. Budi does too."""
    for name in ("Ana", "Budi"):
        person = UserFactory(tenant=tenant, first_name=name, last_name="Lee")
        works_daily(tenant, person.pk, kemang.pk, (dt.time(9), dt.time(17)))
        if name == "Ana":
            ana = person
    return ana


@pytest.fixture
def haircut(tenant):
    ServiceFactory(tenant=tenant, name="Beard trim", duration_minutes=30)
    return ServiceFactory(tenant=tenant, name="Haircut", duration_minutes=60, buffer_minutes=15)


@pytest.fixture
def jane(tenant, ana, haircut):
    """A customer who prefers Ana and haircuts."""
    customer = CustomerFactory(tenant=tenant, first_name="Jane", last_name="Doe")
    with tenant_scope(tenant):
        customer.change({"preferred_staff_ids": [ana.pk], "preferred_services": [haircut.pk]})
    return customer


@pytest.fixture
def booked(tenant, ana, haircut, kemang, tomorrow):
    """John's haircut with Ana tomorrow at 10."""
    return AppointmentFactory(
        tenant=tenant,
        customer=CustomerFactory(tenant=tenant, first_name="John", last_name="Roe"),
        staff_id=ana.pk,
        service=haircut,
        outlet=kemang,
        appointment_date=tomorrow,
        start_time=dt.time(10),
        end_time=dt.time(11),
        buffer_minutes=15,
        status=Status.CONFIRMED,
    )


def appointment_of(customer):
    with tenant_scope(customer.tenant):
        return Appointment.objects.get(customer=customer)


def test_reception_books_from_a_recommendation(sign_in, jane, ana, haircut, viewport):
    page = sign_in("staff", viewport=viewport)
    page.goto(f"/admin/customers/customer/{jane.pk}/change/")
    page.get_by_role("link", name="Book", exact=True).click()
    expect(page.locator("#recommendations li").first).to_contain_text("Haircut with Ana Lee at Kemang")
    expect(page.locator("#recommendations li").first).to_contain_text("preferred staff")
    expect(page.locator(".field-staff")).to_contain_text("Ana Lee")
    chosen = page.locator("#free-times button[aria-pressed=true]")
    expect(chosen).to_have_text(page.get_by_label("Start time").input_value())
    assert width_of(page) == viewport["width"]
    start = page.get_by_label("Start time").input_value()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".messagelist")).to_contain_text("was added successfully")
    made = appointment_of(jane)
    assert (made.staff_id, made.service_id, f"{made.start_time:%H:%M}") == (ana.pk, haircut.pk, start)
    assert made.buffer_minutes == 15


def test_reception_is_refused_an_overlap_and_takes_an_alternative(sign_in, jane, booked, tomorrow, viewport):
    page = sign_in("staff", viewport=viewport)
    page.goto(
        f"{ADD}?customer={jane.pk}&service={booked.service_id}&staff={booked.staff_id}&appointment_date={tomorrow}"
    )
    free = page.locator("#free-times button")
    expect(free.first).to_have_text("11:15")
    page.get_by_label("Start time").fill("10:30")
    page.get_by_role("button", name="Save", exact=True).click()
    refused = page.locator(".errorlist", has_text="Ana Lee is booked")
    expect(refused).to_contain_text("from 10:00 to 11:00, for John Roe (Haircut).")
    instead = page.locator("#instead button")
    expect(instead).to_have_count(3)
    expect(instead.first).to_contain_text("11:15–12:15 Ana Lee")
    expect(page.locator("#instead input")).to_have_count(0)
    assert width_of(page) == viewport["width"]
    instead.first.click()
    expect(page.locator(".messagelist")).to_contain_text("was added successfully")
    expect(page.locator(f"#appointment-{appointment_of(jane).pk}")).to_contain_text("11:15–12:15")
    assert width_of(page) == viewport["width"]
    # A move is refused. The form still computes the end from the stored length, not from the refused fields.
    page.goto(f"/admin/appointments/appointment/{appointment_of(jane).pk}/change/")
    page.get_by_label("Start time").fill("10:30")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(refused).to_contain_text("for John Roe (Haircut).")
    expect(page.locator(".field-start_time")).to_contain_text("It will end at 11:30, unless you change the end.")
    page.get_by_label("Start time").fill("12:00")
    expect(page.locator(".field-start_time")).to_contain_text("It will end at 13:00, unless you change the end.")


def test_reception_takes_a_free_time_of_somebody(sign_in, jane, booked, tomorrow, viewport):
    page = sign_in("staff", viewport=viewport)
    page.goto(f"{ADD}?customer={jane.pk}&appointment_date={tomorrow}")
    expect(page.locator("#free-times")).to_be_hidden()
    choose(page, "Service", "Haircut")
    save = page.get_by_role("button", name="Save", exact=True)
    top = save.bounding_box()["y"]
    expect(page.locator("#free-times")).to_contain_text("each with somebody who is free then")
    # It stays where it is, so that a click meets it whenever the times arrive.
    assert save.bounding_box()["y"] == top
    page.locator("#free-times").get_by_role("button", name="10:00 Budi Lee").click()
    expect(page.locator(".field-staff")).to_contain_text("Budi Lee")
    expect(page.locator("#free-times button").first).to_have_text("09:00")
    save.click()
    expect(page.locator(".messagelist")).to_contain_text("was added successfully")
    made = appointment_of(jane)
    assert (str(made.staff), made.start_time, made.end_time) == ("Budi Lee", dt.time(10), dt.time(11))


def test_free_times_that_can_not_be_loaded_are_hidden_and_asked_for_again(sign_in, jane, booked, tomorrow, viewport):
    page = sign_in("staff", viewport=viewport)
    page.goto(f"{ADD}?customer={jane.pk}&appointment_date={tomorrow}")
    times, day = page.locator("#free-times"), page.locator("#id_appointment_date")
    choose(page, "Service", "Haircut")
    expect(times).to_contain_text("each with somebody who is free then")
    typed = day.input_value()
    page.route("**/free-times/**", lambda route: route.abort("aborted"))
    day.fill("2030-01-02")
    expect(times).to_be_hidden()
    page.unroute("**/free-times/**")
    day.fill("2030-01-03")
    expect(times).to_contain_text("3 January 2030")
    day.fill(typed)
    expect(times).to_contain_text("each with somebody who is free then")


def test_favourites_come_first_in_the_lists(sign_in, jane, booked, viewport):
    page = sign_in("staff", viewport=viewport)
    page.goto(f"{ADD}?customer={jane.pk}&appointment_date=2030-01-01")
    page.locator(".field-service .select2-selection").click()
    expect(page.locator(".select2-results__option").first).to_have_text("Haircut")


def test_reception_books_against_the_hours_on_purpose(sign_in, jane, booked, tenant, tomorrow, viewport):
    midnight = dt.datetime.combine(tomorrow, dt.time())
    with tenant_scope(tenant):
        TimeOff.objects.create(
            staff_id=booked.staff_id, local_start=midnight, local_end=midnight + dt.timedelta(days=1), reason="Holiday"
        )
    page = sign_in("staff", viewport=viewport)
    page.goto(
        f"{ADD}?customer={jane.pk}&service={booked.service_id}&staff={booked.staff_id}&appointment_date={tomorrow}"
    )
    expect(page.locator("#free-times")).to_contain_text("Nothing is free on")
    page.get_by_label("Start time").fill("14:00")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".errorlist", has_text="Ana Lee is away until the end of")).to_contain_text("(Holiday).")
    page.get_by_label("Book in the time off").check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".messagelist")).to_contain_text("was added successfully")
    assert appointment_of(jane).overrides == ["hours"]
    expect(page.locator("#sheet")).to_contain_text("Away all day (Holiday)")
    assert width_of(page) == viewport["width"]


def test_reception_books_a_service_that_has_ended(sign_in, tenant, jane, ana, kemang, tomorrow, viewport):
    ServiceFactory(tenant=tenant, name="Perm", is_active=False)
    page = sign_in("staff", viewport=viewport)
    page.goto(
        f"{ADD}?customer={jane.pk}&staff={ana.pk}&outlet={kemang.pk}&appointment_date={tomorrow}&start_time=10:00"
    )
    choose(page, "Service", "Perm")
    expect(page.locator("#free-times")).to_have_text("Perm is not on offer any more.")
    save = page.get_by_role("button", name="Save", exact=True)
    save.click()
    expect(page.locator(".field-service .errorlist")).to_have_text("Perm is not on offer any more.")
    expect(page.locator("#instead")).not_to_contain_text("Nothing is free")
    assert width_of(page) == viewport["width"]
    page.get_by_label("Book although Perm is not on offer any more").check()
    save.click()
    expect(page.locator(".messagelist")).to_contain_text("was added successfully")
    assert appointment_of(jane).overrides == ["service"]
