"""The page on which a customer without an account sees, moves and cancels one appointment."""

import datetime as dt
import re
from html import unescape

import pytest
from django.test import Client

from appointments.bookings.tests.conftest import MONDAY, book
from appointments.models import Appointment, Status
from appointments.portal.links import manage_url
from appointments.tests.factories import AppointmentFactory
from customers.portal.tests.test_pages import INVALID, page_of, path_of
from customers.tests.factories import CustomerFactory
from tenants.models import Outlet, Tenant
from tenants.scope import ALL_TENANTS, tenant_scope
from tenants.tests.factories import OutletFactory

__all__ = ["book"]
NOW = "2030-05-20T08:00:00+07:00"


@pytest.fixture
def booked(salon, book, time_machine):
    """The appointment of Jane, a walk-in, on Monday at nine, two weeks from now."""
    change(Tenant, salon.tenant, name="Lotus <Spa>", reply_to="hello@lotus.example")
    change(type(salon.jane), salon.jane, language="en")
    appointment = read(book(staff_id=salon.ana.pk, customer_id=salon.jane.pk)["id"])
    time_machine.move_to(dt.datetime.fromisoformat(NOW), tick=False)
    return appointment


@pytest.fixture
def body(salon):
    """Returns a function: the body of a booking by staff."""

    def body(**changes):
        start = {"outlet_id": salon.outlet.pk, "appointment_date": MONDAY, "start_time": "09:00:00"}
        return {"service_id": salon.cut.pk, **start, **changes}

    return body


@pytest.fixture
def visitor():
    return Client(enforce_csrf_checks=True, raise_request_exception=False)


@tenant_scope(ALL_TENANTS)
def change(model, row, **values):
    model.objects.filter(pk=row.pk).update(**values)


@tenant_scope(ALL_TENANTS)
def read(pk):
    return Appointment.objects.with_related().select_related("tenant").get(pk=pk)


def take_half_past_ten(salon):
    """Books another customer with Ana."""
    AppointmentFactory(
        tenant=salon.tenant,
        customer=CustomerFactory(tenant=salon.tenant),
        service=salon.cut,
        outlet=salon.outlet,
        staff_id=salon.ana.pk,
        appointment_date=dt.date.fromisoformat(MONDAY),
        start_time=dt.time(10, 30),
        end_time=dt.time(11, 30),
        status=Status.CONFIRMED,
    )


def url_of(appointment):
    return path_of(manage_url(appointment))


def link_in(text, name):
    """The address of the link or button with this text."""
    return "/portal/lotus/appointment" + unescape(re.search(rf'href="([^"]*)">{name}<', text)[1])


def choose_time(visitor, appointment, day="Monday 3 June 2030"):
    """Opens the steps of moving, and returns the address of the form and the times that it offers."""
    text = page_of(visitor.get(link_in(page_of(visitor.get(url_of(appointment))), "Choose another time")))
    text = page_of(visitor.get(link_in(page_of(visitor.get(link_in(text, "Later days"))), day)))
    form = "/portal/lotus/appointment" + unescape(re.search('method="post" action="([^"]*)"', text)[1])
    return form, dict(re.findall(r'value="([^"]+)" required>\s*<span>([^<]*)</span>', text))


def test_a_walk_in_sees_the_appointment(visitor, booked):
    text = page_of(visitor.get(url_of(booked)))
    for fact in ("Cut", "Monday 3 June 2030", "09:00–10:00", "Ana Lee", "Kemang", "350.000 IDR", "Lotus &lt;Spa&gt;"):
        assert fact in text
    assert "until Sunday 2 June 2030, 09:00" in text
    assert "<h1>Your appointment</h1>" in text


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        ("id", ["Senin, 3 Juni 2030", "09.00–10.00", "350.000 IDR", "Reservasi Anda"]),
        ("nb-NO", ["mandag 3. juni 2030", "09:00–10:00", "350\xa0000 IDR", "Timen din"]),
    ],
)
def test_days_times_and_prices_are_written_as_in_the_language(visitor, booked, salon, language, texts):
    change(type(salon.jane), salon.jane, language=language)
    text = page_of(visitor.get(url_of(booked)))
    assert f'<html lang="{language[:2]}">' in text
    for one in texts:
        assert one in unescape(text)


def test_an_appointment_over_the_change_of_clocks_is_offered_times_of_its_true_length(visitor, booked, salon):
    """In Oslo, clocks go back on 27 October 2030: half past one to half past three are three hours. Ana works for three."""
    change(Tenant, salon.tenant, time_zone="Europe/Oslo")
    change(type(salon.cut), salon.cut, buffer_minutes=0)
    night = {"appointment_date": dt.date(2030, 10, 27), "start_time": dt.time(1, 30), "end_time": dt.time(3, 30)}
    change(Appointment, booked, **night)
    _, times = choose_time(visitor, read(booked.pk))
    assert list(times.values()) == ["09:00"]


def test_opening_any_step_changes_nothing(visitor, booked):
    before = read(booked.pk).updated_at
    url = url_of(booked)
    for query in ("", "&step=cancel", "&step=move", f"&step=move&day={MONDAY}", "&action=cancel", "&done=moved"):
        page_of(visitor.get(url + query))
        visitor.head(url + query)
    assert read(booked.pk).updated_at == before


def test_the_appointment_is_cancelled_in_two_steps(visitor, booked):
    text = page_of(visitor.get(link_in(page_of(visitor.get(url_of(booked))), "Cancel it")))
    assert "Yes, cancel it" in text
    for _ in range(2):
        answer = visitor.post(url_of(booked), {"action": "cancel"})
        assert answer.status_code == 303
        assert "Your appointment is cancelled." in page_of(
            visitor.get(f"/portal/lotus/appointment{answer['Location']}")
        )
    assert read(booked.pk).status == Status.CANCELLED
    text = page_of(visitor.get(url_of(booked)))
    assert "This appointment is cancelled." in text
    assert "please call Kemang" in text
    assert "<button" not in text


def test_what_was_done_is_told_only_while_it_is_true(visitor, booked):
    for done, before, after in (
        ("cancelled", Status.CANCELLED, Status.CONFIRMED),
        ("moved", Status.CONFIRMED, "cancelled"),
    ):
        change(Appointment, booked, status=before)
        told = f"{url_of(booked)}&done={done}"
        assert '<p role="status" class="done">' in page_of(visitor.get(told))
        change(Appointment, booked, status=after)
        assert '<p role="status" class="done">' not in page_of(visitor.get(told))


def test_the_appointment_is_moved_to_a_free_time(visitor, booked):
    form, times = choose_time(visitor, booked)
    # Ana works until noon, and a cut takes an hour and a quarter.
    assert list(times.values()) == ["09:15", "09:30", "09:45", "10:00", "10:15", "10:30", "10:45"]
    answer = visitor.post(form, {"action": "move", "time": list(times)[3]})
    assert answer.status_code == 303
    assert "has been moved" in page_of(visitor.get(f"/portal/lotus/appointment{answer['Location']}"))
    moved = read(booked.pk)
    assert (moved.start_time, moved.end_time, moved.sequence) == (dt.time(10), dt.time(11), booked.sequence + 1)
    # The link in the first mail is still good.
    assert "10:00–11:00" in page_of(visitor.get(url_of(booked)))


def test_another_person_who_is_free_is_named(visitor, booked, employ, salon):
    bo = employ("Bo")
    take_half_past_ten(salon)
    form, times = choose_time(visitor, booked)
    value = next(value for value, shown in times.items() if shown == "10:30 with Bo Lee")
    assert visitor.post(form, {"action": "move", "time": value}).status_code == 303
    assert read(booked.pk).staff_id == bo.pk


def test_a_time_that_was_taken_meanwhile_is_refused(visitor, booked, salon):
    form, times = choose_time(visitor, booked)
    take_half_past_ten(salon)
    value = next(value for value, shown in times.items() if shown == "10:30")
    for chosen in (value, "", "2030-06-03T03:00/x", value.replace("06-03", "06-04")):
        text = page_of(visitor.post(form, {"action": "move", "time": chosen}), 409)
        assert "This time is no longer free" in text
    assert read(booked.pk).start_time == dt.time(9)


@pytest.mark.parametrize(
    "query", ["&day=9999-12-31", "&day=0001-01-01", "&day=2030-02-30", "&from=9999-12-31", "&from=x"]
)
def test_any_day_can_be_asked_for(visitor, booked, query):
    page_of(visitor.get(f"{url_of(booked)}&step=move{query}"))


def test_after_the_notice_period_the_page_says_whom_to_call(visitor, booked, time_machine):
    time_machine.move_to(dt.datetime.fromisoformat("2030-06-02T09:00:01+07:00"), tick=False)
    for answer in (visitor.get(url_of(booked) + "&step=cancel"), visitor.get(url_of(booked) + "&step=move")):
        text = page_of(answer)
        assert "until 24 hours before it starts. To change it now, please call Kemang." in " ".join(text.split())
        assert "hello@lotus.example" in text
        assert "<button" not in text
    page_of(visitor.post(url_of(booked), {"action": "cancel"}), 409)
    page_of(visitor.post(url_of(booked), {"action": "move", "time": "x"}), 409)
    assert read(booked.pk).status == Status.CONFIRMED


def test_the_link_is_good_until_the_appointment_is_over(visitor, booked, time_machine):
    time_machine.move_to(dt.datetime.fromisoformat("2030-06-03T09:59:59+07:00"), tick=False)
    assert "Please call Kemang" in page_of(visitor.get(url_of(booked)))
    time_machine.move_to(dt.datetime.fromisoformat("2030-06-03T10:00:00+07:00"), tick=False)
    for answer in (visitor.get(url_of(booked)), visitor.post(url_of(booked), {"action": "cancel"})):
        text = page_of(answer, 400)
        assert INVALID["en"] in text
        assert "Ana Lee" not in text


def test_the_link_is_not_good_for_another_customer_or_appointment(visitor, booked, salon, other_tenant):
    other = CustomerFactory(tenant=salon.tenant)
    url = url_of(booked)
    change(Appointment, booked, customer=other)
    page_of(visitor.get(url), 400)
    page_of(visitor.post(url, {"action": "cancel"}), 400)
    page_of(visitor.get(url_of(read(booked.pk)).replace("lotus", other_tenant.slug)), 400)
    page_of(visitor.get(url_of(read(booked.pk))))
    change(Appointment, booked, customer=None)
    page_of(visitor.get(url), 400)
    assert read(booked.pk).status == Status.CONFIRMED


def test_names_with_markup_and_marks_of_direction_are_harmless(visitor, booked, salon):
    outlet = OutletFactory(tenant=salon.tenant, address="<script>alert(1)</script>")
    # `change` stores the name by an UPDATE: the model would refuse it.
    change(Outlet, outlet, name="<b>K\u202eem</b>")
    change(Appointment, booked, outlet=outlet)
    text = page_of(visitor.get(url_of(booked)))
    assert "&lt;b&gt;K em&lt;/b&gt;, &lt;script&gt;" in text
    assert "\u202e" not in text
