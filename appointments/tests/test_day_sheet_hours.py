"""The day sheet shows who works when, who is away and why, and what is closed."""

import datetime as dt

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from appointments.models import Status, TimeOff
from appointments.tests.factories import AppointmentFactory, works_daily
from appointments.tests.test_day_sheet import DAY, SATURDAY, SHEET, parse_booking_url, read_columns, text
from customers.tests.factories import CustomerFactory
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory
from tenants.tests.forms import opened


@pytest.fixture(autouse=True)
def _now():
    """Sets the time to Saturday, 11:32 in Jakarta."""
    with time_machine.travel(dt.datetime(2025, 1, 25, 4, 32, tzinfo=dt.UTC), tick=False):
        yield


@pytest.fixture
def shared(tenant):
    """The fields that all appointments of a test share. Ana Lee has no working hours."""
    return {
        "tenant": tenant,
        "customer": CustomerFactory(tenant=tenant, first_name="Jane"),
        "service": ServiceFactory(tenant=tenant, name="Haircut"),
        "outlet": OutletFactory(tenant=tenant, name="Kemang"),
        "staff_id": UserFactory(tenant=tenant, first_name="Ana", last_name="Lee").pk,
        "status": Status.CONFIRMED,
    }


@pytest.fixture
def book(shared):
    """Returns a function: `book("10:00-11:00")` creates an appointment on SATURDAY, with `day=1` on the day after."""

    def make(hours, day=0, **fields):
        start, end = (dt.time.fromisoformat(clock) for clock in hours.split("-"))
        day = SATURDAY + dt.timedelta(days=day)
        return AppointmentFactory(**shared | {"appointment_date": day, "start_time": start, "end_time": end} | fields)

    return make


@pytest.fixture
def budi(tenant, shared):
    """A member of staff who works at Kemang on each day from 9 to 12, from 13 to 17, and through the night from 22 to 6."""
    budi = UserFactory(tenant=tenant, first_name="Budi", last_name="")
    shifts = (dt.time(9), dt.time(12)), (dt.time(13), dt.time(17)), (dt.time(22), dt.time(6))
    works_daily(tenant, budi.pk, shared["outlet"].pk, *shifts)
    return budi


def column_of(answer, name="Budi"):
    """Returns the working hours of somebody at Kemang, and the entries of the day."""
    [section] = [one for one in answer.context["sheet"].sections if str(one.outlet) == "Kemang"]
    [column] = [one for one in section.columns if str(one.staff) == name]
    return column.hours, read_columns(answer)["Kemang"][name]


def test_the_sheet_shows_who_works_when(back_office, book, budi):
    book("10:00-11:00", day=1, staff_id=budi.pk)
    answer = back_office("staff").get(f"{SHEET}?day=2025-01-26")
    assert column_of(answer) == (
        "until 06:00, 09:00–12:00, 13:00–17:00 and 22:00–06:00",
        ["00:00 to 06:00", "09:00 to 10:00", "Jane", "11:00 to 12:00", "13:00 to 17:00", "22:00 to "],
    )
    assert "Budi until 06:00, 09:00–12:00, 13:00–17:00 and 22:00–06:00" in text(answer)
    # Today, only what is left of it. A past day has none.
    assert column_of(back_office("staff").get(DAY))[1] == ["11:35 to 12:00", "13:00 to 17:00", "22:00 to "]
    assert column_of(back_office("staff").get(f"{SHEET}?day=2025-01-24"))[1] == []


def test_time_off_and_closed_outlets_are_shown_with_their_reason(back_office, tenant, shared, budi):
    close = {
        "budi": {"staff_id": budi.pk, "reason": "Dentist"},
        "kemang": {"outlet": shared["outlet"], "reason": "Stocktaking"},
        "menteng": {"outlet": OutletFactory(tenant=tenant, name="Menteng"), "reason": ""},
        "ana": {"staff_id": shared["staff_id"], "reason": "Holiday"},
    }
    times = {
        "budi": ((26, 14), (26, 15)),
        "kemang": ((26, 16), (27, 10)),
        "menteng": ((25,), (28,)),
        "ana": ((20,), (30,)),
    }
    with tenant_scope(tenant):
        for name, (start, end) in times.items():
            begin, until = (dt.datetime(2025, 1, *moment) for moment in (start, end))
            TimeOff.objects.create(local_start=begin, local_end=until, **close[name])
    answer = back_office("staff").get(f"{SHEET}?day=2025-01-26")
    assert column_of(answer)[1] == [
        *(
            "00:00 to 06:00",
            "09:00 to 12:00",
            "13:00 to 14:00",
            "Away from 14:00 until 15:00 (Dentist)",
            "15:00 to 16:00",
        )
    ]
    assert "Kemang is closed from 16:00 until 10:00 on 27 January 2025 (Stocktaking)." in text(answer)
    assert "Menteng is closed until the end of 27 January 2025." in text(answer)
    assert "Ana Lee (Holiday)" in text(answer)


def test_the_time_that_is_kept_free_is_shown(back_office, book, budi):
    book("13:00-14:00", staff_id=budi.pk, buffer_minutes=20)
    answer = back_office("staff").get(DAY)
    assert column_of(answer)[1] == ["11:35 to 12:00", "Jane", "14:20 to 17:00", "22:00 to "]
    assert "Kept free until 14:20" in text(answer)


def test_somebody_who_is_booked_outside_working_hours_is_on_the_sheet(back_office, book):
    book("13:00-14:00")
    assert column_of(back_office("staff").get(DAY), "Ana Lee") == ("", ["Jane"])
    assert "Ana Lee outside working hours" in text(back_office("staff").get(DAY))


def test_the_sheet_of_an_outlet_shows_who_works_there(back_office, tenant, shared, budi):
    menteng, browser = OutletFactory(tenant=tenant, name="Menteng"), back_office("staff")
    here, there = (browser.get(f"{DAY}&outlet={outlet.pk}") for outlet in (shared["outlet"], menteng))
    assert [*read_columns(here)["Kemang"]] == ["Budi"]
    assert read_columns(there) == {"Menteng": {}}
    assert "Nobody works here on this day." in text(there)
    # Budi works, if not here.
    assert budi.pk not in {staff.pk for staff, *_ in there.context["sheet"].staff_off}


def test_the_sheet_of_an_outlet_shows_where_else_somebody_who_works_there_is_booked(
    back_office, tenant, shared, book, budi
):
    book("13:00-14:00", staff_id=budi.pk, outlet=OutletFactory(tenant=tenant, name="Menteng"))
    answer = back_office("staff").get(f"{DAY}&outlet={shared['outlet'].pk}")
    assert column_of(answer)[1] == ["11:35 to 12:00", "Jane elsewhere", "14:00 to 17:00", "22:00 to "]


def test_the_working_hours_of_many_are_read_at_once(back_office, tenant, shared, budi):
    browser = back_office("staff")
    with CaptureQueriesContext(connection) as of_one:
        browser.get(DAY)
    for person in UserFactory.create_batch(5, tenant=tenant):
        outlet = OutletFactory(tenant=tenant)
        works_daily(tenant, person.pk, outlet.pk, (dt.time(9), dt.time(17)))
        with tenant_scope(tenant):
            TimeOff.objects.create(
                outlet=outlet, local_start=dt.datetime(2025, 1, 25), local_end=dt.datetime(2025, 1, 26)
            )
    with CaptureQueriesContext(connection) as of_six:
        assert len(browser.get(DAY).context["sheet"].sections) == 6
    assert len(of_six) == len(of_one)


def test_nothing_of_another_business_s_hours_is_shown(back_office, other_tenant, budi):
    browser = back_office("staff", tenant=other_tenant)
    assert read_columns(browser.get(DAY)) == {}
    assert "Budi" not in browser.get(DAY).content.decode()


def test_somebody_who_came_in_without_a_name_is_booked_by_a_link(back_office, shared):
    browser = back_office("staff")
    sheet = browser.get(DAY).context["sheet"]
    initial_values = {"appointment_date": "2025-01-25", "start_time": "11:32", "sheet": "all", "walk_in": "on"}
    assert parse_booking_url(sheet.walk_in_url) == initial_values
    assert sheet.walk_in_url.replace("&", "&amp;") in browser.get(DAY).content.decode()
    assert opened(browser, sheet.walk_in_url)["walk_in"] == ["on"]
