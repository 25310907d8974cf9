"""The day sheet shows appointments and free time of a day, to every role of the business."""

import datetime as dt
import re
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.html import strip_tags

from appointments.admin import day_sheet
from appointments.models import Appointment, Status
from appointments.tests.factories import AppointmentFactory, works_always
from circe.db.ids import new_id
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from tenants.models import Role
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, TenantFactory, UserFactory

SHEET = "/admin/appointments/appointment/day/"
ADD = "/admin/appointments/appointment/add/"
SATURDAY = dt.date(2025, 1, 25)
DAY = f"{SHEET}?day=2025-01-25"


@pytest.fixture(autouse=True)
def _now():
    """Sets the time to Saturday, 11:32 in Jakarta."""
    with time_machine.travel(dt.datetime(2025, 1, 25, 4, 32, tzinfo=dt.UTC), tick=False):
        yield


@pytest.fixture
def ana(tenant):
    return UserFactory(tenant=tenant, first_name="Ana", last_name="Lee")


@pytest.fixture
def shared(tenant, ana):
    """The fields that all appointments of a test share."""
    return {
        "tenant": tenant,
        "customer": CustomerFactory(tenant=tenant, first_name="Jane", last_name="Doe", phone="+6281234567890"),
        "service": ServiceFactory(tenant=tenant, name="Haircut"),
        "outlet": OutletFactory(tenant=tenant, name="Kemang"),
        "staff_id": ana.pk,
        "status": Status.CONFIRMED,
    }


@pytest.fixture
def book(shared):
    """Returns a function: `book("10:00-11:00")` creates an appointment on SATURDAY, with `day=1` on the day after.

    Whoever is booked works round the clock.
    """
    places = set()

    def make(hours, day=0, **fields):
        start, end = (dt.time.fromisoformat(clock) for clock in hours.split("-"))
        day = SATURDAY + dt.timedelta(days=day)
        one = AppointmentFactory(**shared | {"appointment_date": day, "start_time": start, "end_time": end} | fields)
        if (one.staff_id, one.outlet_id) not in places:
            places.add((one.staff_id, one.outlet_id))
            works_always(one.tenant, one.staff_id, one.outlet_id)
        return one

    return make


def text(answer):
    """Returns the text of a page, or of a piece of HTML."""
    content = answer if isinstance(answer, str) else answer.content.decode()
    return " ".join(strip_tags(content).split())


def card(answer, appointment):
    """Returns the HTML of the card of an appointment."""
    return re.search(rf'<li class="card[^>]*id="appointment-{appointment.pk}".*?</li>', answer.content.decode(), re.S)[
        0
    ]


def read_columns(answer):
    """Returns the entries by outlet and member of staff. An appointment is the name of its customer."""

    def line(entry):
        if isinstance(entry, day_sheet.TimeAway):
            return entry.description
        if isinstance(entry, day_sheet.FreeTime):
            return " to ".join(f"{time:%H:%M}" if time else "" for time in (entry.start, entry.end))
        return f"{entry.appointment.customer.first_name}{' elsewhere' * entry.is_at_other_outlet}"

    return {
        str(outlet): {str(staff): [line(entry) for entry in entries] for staff, entries, _ in people}
        for outlet, people, _ in answer.context["sheet"].sections
    }


def list_card_ids(answer):
    return re.findall(r'id="appointment-(\w+)"', answer.content.decode())


def parse_booking_url(url):
    """Returns the query of a link to the booking form."""
    split_url = urlsplit(url)
    assert split_url.path == ADD
    return {name: value for name, [value] in parse_qs(split_url.query).items()}


# --- the page -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", Role.values)
def test_every_role_sees_only_the_appointments_of_its_business(back_office, tenant, book, other_tenant, role):
    ours, theirs = book("10:00-11:00"), AppointmentFactory(tenant=other_tenant, appointment_date=SATURDAY)
    answer = back_office(role).get(f"{DAY}&tenant_id={tenant.pk}")
    assert list_card_ids(answer) == [ours.pk]
    assert str(theirs.customer) not in answer.content.decode()
    assert other_tenant.name not in answer.content.decode() or role == "super_admin"


def test_a_card_shows_all_details_of_an_appointment(back_office, book, shared):
    one = book("10:00-11:00", total_price=1350000, notes="<Allergic> to roses", payment_status="unpaid")
    content = card(back_office("staff").get(DAY), one)
    assert text(content) == (
        "10:00–11:00 Late, 1 hour 32 minutes Jane Doe +6281234567890 Haircut Change 1.350.000 IDR unpaid "
        "&lt;Allergic&gt; to roses Arrived Start No-show Cancel"
    )
    assert f'href="/admin/customers/customer/{shared["customer"].pk}/change/"' in content
    assert 'href="tel:+6281234567890"' in content
    assert f'href="/admin/appointments/appointment/{one.pk}/change/?sheet=all"' in content
    one = book("12:00-13:00", payment_status="partially_paid", paid_amount=100000)
    assert "partially paid: 100.000" in text(card(back_office("staff").get(DAY), one))


def test_a_deleted_or_purged_customer_is_no_link(back_office, tenant, book):
    gone = DeletedCustomerFactory(tenant=tenant, first_name="Zoë", last_name=None)
    deleted, removed = book("08:00-09:00", customer=gone), book("10:00-11:00", customer=None)
    answer = back_office("staff").get(DAY)
    assert "Zoë (deleted)" in text(card(answer, deleted))
    assert "Removed customer" in text(card(answer, removed))
    assert "/admin/customers/" not in card(answer, deleted) + card(answer, removed)


def test_the_sheet_is_ordered_by_outlet_staff_and_time(back_office, tenant, book):
    menteng = OutletFactory(tenant=tenant, name="Menteng")
    budi = UserFactory(tenant=tenant, first_name="Budi", last_name="")
    people = {name: CustomerFactory(tenant=tenant, first_name=name) for name in ("Eva", "Kim", "Lou", "Mia")}
    book("17:00-18:00", customer=people["Eva"])
    book("14:00-15:00", customer=people["Kim"], staff_id=budi.pk)
    book("13:00-14:00", customer=people["Lou"])
    book("09:00-10:00", customer=people["Mia"], outlet=menteng)
    browser = back_office("staff")
    # Ana works at both outlets, so the time of an appointment at one is not free at the other.
    ana = {
        "Kemang": ["Mia elsewhere", "11:35 to 13:00", "Lou", "14:00 to 17:00", "Eva", "18:00 to "],
        "Menteng": ["Mia", "11:35 to 13:00", "Lou elsewhere", "14:00 to 17:00", "Eva elsewhere", "18:00 to "],
    }
    assert read_columns(browser.get(DAY)) == {
        "Kemang": {"Ana Lee": ana["Kemang"], "Budi": ["11:35 to 14:00", "Kim", "15:00 to "]},
        "Menteng": {"Ana Lee": ana["Menteng"]},
    }
    only = browser.get(f"{DAY}&outlet={menteng.pk}")
    assert read_columns(only) == {"Menteng": {"Ana Lee": ana["Menteng"]}}
    assert "1 appointment: 1 confirmed" in text(only)
    assert "09:00–10:00 at Menteng, confirmed" in text(browser.get(DAY))


def test_the_sheet_of_a_day_without_appointments_says_so(back_office, shared):
    assert "No appointments." in text(back_office("staff").get(DAY))
    assert "No appointments at Kemang." in text(back_office("staff").get(f"{DAY}&outlet={shared['outlet'].pk}"))


def test_an_appointment_past_midnight_is_on_both_days(back_office, book):
    night, to_midnight = (
        book("23:00-01:30"),
        book("21:00-00:00", staff_id=UserFactory(tenant=book("01:30-02:00", 1).tenant).pk),
    )
    browser = back_office("staff")
    saturday, sunday = browser.get(DAY), browser.get(f"{SHEET}?day=2025-01-26")
    assert {night.pk, to_midnight.pk} == {*list_card_ids(saturday)}
    assert to_midnight.pk not in list_card_ids(sunday)
    assert "23:00–01:30 into the next day" in text(card(saturday, night))
    assert "23:00–01:30 since the day before" in text(card(sunday, night))
    assert "next day" not in text(card(saturday, to_midnight))
    assert list_card_ids(sunday)[0] == night.pk
    # Booked until 02:00, and free afterwards.
    assert read_columns(sunday)["Kemang"]["Ana Lee"] == ["Jane", "Jane", "02:00 to "]
    assert read_columns(saturday)["Kemang"]["Ana Lee"] == ["11:35 to 23:00", "Jane"]


@pytest.mark.parametrize(
    ("instant", "zone", "day"),
    [
        ("2025-01-24T19:00", "Asia/Jakarta", "25 January 2025"),
        ("2025-01-24T16:59", "Asia/Jakarta", "24 January 2025"),
        # The clocks of Oslo go forward on 30 March and back on 26 October.
        ("2025-03-29T23:00", "Europe/Oslo", "30 March 2025"),
        ("2025-03-30T21:59", "Europe/Oslo", "30 March 2025"),
        ("2025-03-30T22:00", "Europe/Oslo", "31 March 2025"),
        ("2025-10-25T22:00", "Europe/Oslo", "26 October 2025"),
        ("2025-10-26T22:59", "Europe/Oslo", "26 October 2025"),
        ("2025-10-26T23:00", "Europe/Oslo", "27 October 2025"),
    ],
)
def test_today_is_a_day_of_the_tenants_time_zone(back_office, instant, zone, day):
    browser = back_office("staff", tenant=TenantFactory(time_zone=zone))
    with time_machine.travel(dt.datetime.fromisoformat(f"{instant}+00:00"), tick=False):
        # Another session, since the time has changed.
        browser.force_login(browser.user)
        answer = browser.get(SHEET)
    assert day in answer.context["title"]


def test_the_links_to_the_days_around_are_right_when_clocks_change(back_office, other_tenant):
    outlet = OutletFactory(tenant=other_tenant)
    days = (
        back_office("staff", tenant=other_tenant)
        .get(f"{SHEET}?day=2025-03-30&outlet={outlet.pk}")
        .context["sheet"]
        .day_urls
    )
    assert list(days.values()) == [
        f"{SHEET}?outlet={outlet.pk}&day=2025-03-29",
        f"{SHEET}?outlet={outlet.pk}",
        f"{SHEET}?outlet={outlet.pk}&day=2025-03-31",
    ]


@pytest.mark.parametrize("day", ["1900-01-01", "2999-12-31", "", "2025-1-5"])
def test_any_possible_day_has_a_sheet(back_office, day):
    assert back_office("staff").get(f"{SHEET}?day={day}").status_code == 200


@pytest.mark.parametrize(
    "day",
    ["banana", "2025-02-30", "13/25/2025", "2025-01-25T10:00", "0001-01-01", "9999-12-31", "%00", "2025", "-1"],
)
def test_an_invalid_day_is_a_400_with_a_message(back_office, day):
    answer = back_office("staff").get(f"{SHEET}?day={day}")
    assert answer.status_code == 400
    assert re.search("Write a day such as|Ensure this value is|Null characters", answer.content.decode())


def test_a_day_with_too_many_appointments_is_shown_by_outlet(back_office, shared, book, monkeypatch):
    monkeypatch.setattr(day_sheet, "MAX_APPOINTMENTS_PER_PAGE", 1)
    book("09:00-10:00")
    browser = back_office("staff")
    assert len(list_card_ids(browser.get(DAY))) == 1
    book("10:00-11:00")
    answer = browser.get(DAY)
    assert (list_card_ids(answer), "More than 1 appointments: choose an outlet." in text(answer)) == ([], True)
    assert f'<a href="{SHEET}?outlet={shared["outlet"].pk}&amp;day=2025-01-25">Kemang</a>' in answer.content.decode()
    assert len(list_card_ids(browser.get(f"{DAY}&outlet={shared['outlet'].pk}"))) == 2


def test_the_sheet_sends_as_many_queries_for_100_appointments_as_for_1(back_office, shared, book, tenant):
    browser = back_office("staff")
    book("00:00-00:05")
    with CaptureQueriesContext(connection) as at_one:
        browser.get(DAY)
    outlets, people = OutletFactory.create_batch(3, tenant=tenant), UserFactory.create_batch(9, tenant=tenant)
    times = [(dt.time(hour, minute), dt.time(hour, minute + 5)) for hour in range(9, 20) for minute in (0, 20, 40)]
    with tenant_scope(tenant):
        Appointment.objects.bulk_create(
            AppointmentFactory.build(
                **shared | {"outlet": outlets[number % 3], "staff_id": people[number % 9].pk},
                appointment_date=SATURDAY,
                start_time=times[number // 9][0],
                end_time=times[number // 9][1],
            )
            for number in range(99)
        )
    with CaptureQueriesContext(connection) as at_hundred:
        assert len(list_card_ids(browser.get(DAY))) == 100
    assert len(at_hundred) == len(at_one)


# --- free time ------------------------------------------------------------------------------------------------------


def test_free_time_links_to_the_booking_form_with_initial_values(back_office, shared, book, ana):
    book("09:00-10:30")
    book("10:30-11:40")
    book("11:50-13:00")
    book("14:00-15:00")
    book("13:00-14:00", status=Status.CANCELLED)
    answer = back_office("staff").get(f"{DAY}&outlet={shared['outlet'].pk}")
    # Ten minutes are too short to book; the time of a cancelled appointment is free.
    [column] = read_columns(answer)["Kemang"].values()
    assert column == ["Jane", "Jane", "Jane", "13:00 to 14:00", "Jane", "Jane", "15:00 to "]
    free_times = [
        entry for entry in answer.context["sheet"].sections[0].columns[0].entries if hasattr(entry, "booking_url")
    ]
    initial_values = {
        "outlet": shared["outlet"].pk,
        "staff": ana.pk,
        "appointment_date": "2025-01-25",
        "sheet": shared["outlet"].pk,
    }
    assert parse_booking_url(free_times[0].booking_url) == initial_values | {"start_time": "13:00"}
    assert parse_booking_url(free_times[1].booking_url) == initial_values | {"start_time": "15:00"}


def test_a_past_day_has_no_free_time_and_a_later_day_all_of_the_working_hours(back_office, book):
    for day in (-1, 1):
        book("10:00-11:00", day)
        book("13:00-14:00", day)
    browser = back_office("staff")
    assert read_columns(browser.get(f"{SHEET}?day=2025-01-24"))["Kemang"]["Ana Lee"] == ["Jane", "Jane"]
    assert read_columns(browser.get(f"{SHEET}?day=2025-01-26"))["Kemang"]["Ana Lee"] == [
        *("00:00 to 10:00", "Jane", "11:00 to 13:00", "Jane", "14:00 to ")
    ]
    assert not browser.get(f"{SHEET}?day=2025-01-24").context["sheet"].staff_off


def test_the_sheet_lists_staff_who_neither_work_nor_have_an_appointment(back_office, tenant, other_tenant, book, ana):
    browser = back_office("staff")
    UserFactory(tenant=other_tenant, first_name="Stranger")
    UserFactory(tenant=tenant, is_active=False)
    off = browser.get(DAY).context["sheet"].staff_off
    assert {staff.pk for staff, *_ in off} == {ana.pk, browser.user.pk}
    urls = {staff.pk: url for staff, _, url in off}
    assert parse_booking_url(urls[ana.pk]) == {"staff": ana.pk, "appointment_date": "2025-01-25", "sheet": "all"}
    book("23:00-01:00", day=-1)
    assert [staff.pk for staff, *_ in browser.get(DAY).context["sheet"].staff_off] == [browser.user.pk]


def test_an_appointment_of_a_later_day_can_only_be_cancelled(back_office, book):
    one, browser = book("10:00-11:00", day=1), back_office("staff")
    assert re.findall('name="status" value="(.*?)"', card(browser.get(f"{SHEET}?day=2025-01-26"), one)) == ["cancelled"]


# --- access ---------------------------------------------------------------------------------------------------------


def test_a_super_admin_chooses_a_business_first(back_office, tenant, other_tenant, book):
    book("10:00-11:00")
    browser = back_office("super_admin")
    for query in ("", "?day=2025-01-25", "?tenant_id="):
        answer = browser.get(f"{SHEET}{query}")
        assert (answer.status_code, list_card_ids(answer)) == (200, [])
        assert "A day sheet shows one business: choose it above." in text(answer)
    assert list_card_ids(browser.get(f"{DAY}&tenant_id={other_tenant.pk}")) == []
    sheet = browser.get(f"{DAY}&tenant_id={tenant.pk}").context["sheet"]
    assert all(f"tenant_id={tenant.pk}" in url for url in sheet.day_urls.values())
    assert parse_booking_url(sheet.new_booking_url)["tenant"] == tenant.pk
    for unknown in (new_id(), "zzz", "%00"):
        assert browser.get(f"{DAY}&tenant_id={unknown}").status_code == 404
    outlet = OutletFactory(tenant=other_tenant)
    assert browser.get(f"{DAY}&tenant_id={tenant.pk}&outlet={outlet.pk}").status_code == 404


def test_another_business_is_a_403_and_its_outlet_a_404(back_office, tenant, other_tenant):
    browser = back_office("tenant_admin")
    assert browser.get(f"{SHEET}?tenant_id={tenant.pk}").status_code == 200
    assert browser.get(f"{SHEET}?tenant_id={other_tenant.pk}").status_code == 403
    for outlet in (OutletFactory(tenant=other_tenant).pk, new_id(), "zzz", "%00"):
        assert browser.get(f"{SHEET}?outlet={outlet}").status_code == 404


def test_a_visitor_who_is_not_signed_in_is_redirected_to_the_log_in(client, db):
    assert client.get(SHEET).url == f"/admin/login/?next={SHEET}"
    assert client.post(SHEET).status_code == 302


def test_every_page_links_to_the_day_sheet(back_office):
    content = back_office("staff").get("/admin/customers/customer/").content.decode()
    assert f'<a href="{SHEET}">Day sheet</a>' in content
    assert f'<a href="{SHEET}" aria-current="page">Day sheet</a>' in back_office("staff").get(SHEET).content.decode()
