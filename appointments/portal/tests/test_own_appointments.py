"""A customer lists, books, moves and cancels appointments by themselves."""

import datetime as dt

import pytest
import time_machine

from appointments.bookings.tests.conftest import APPOINTMENTS, MONDAY
from appointments.models import Appointment
from appointments.tests.factories import AppointmentFactory, TimeOffFactory
from customers.tests.bodies import INSTANT
from tenants.models import AuditEvent
from tenants.scope import tenant_scope

# Two days before the Monday, in Jakarta 9:00.
SATURDAY = dt.datetime(2030, 6, 1, 2, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
START = dt.datetime(2030, 6, 3, 2, tzinfo=dt.UTC)


def appointments(salon, **which):
    with tenant_scope(salon.tenant):
        return list(Appointment.objects.filter(**which))


def set_status(salon, status, **which):
    with tenant_scope(salon.tenant):
        Appointment.objects.filter(**which).update(status=status)


def refused(answer, code, status=409):
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content
    return answer.json()


def test_a_customer_books_for_themselves(jane, body, salon):
    answer = jane.post(f"{jane.url}/appointments", body(notes="Allergic to latex"))
    booked = answer.json()
    assert answer.status_code == 201
    assert answer["Location"] == f"{jane.url}/appointments/{booked['id']}"
    assert all(INSTANT.match(booked.pop(name)) for name in ("created_at", "updated_at"))
    assert booked == {
        "id": booked["id"],
        "tenant_id": salon.tenant.pk,
        "outlet_id": salon.outlet.pk,
        "customer_id": salon.jane.pk,
        "staff_id": salon.ana.pk,
        "service_id": salon.cut.pk,
        "appointment_date": MONDAY,
        "start_time": "09:00:00",
        "end_time": "10:00:00",
        "status": "confirmed",
        "total_price": 350000,
        "service": {"id": salon.cut.pk, "name": "Cut", "category": "hair", "duration_minutes": 60, "price": 350000},
        "staff": {"id": salon.ana.pk, "name": "Ana Lee"},
        "outlet": {"id": salon.outlet.pk, "name": "Kemang"},
        "payment": {"status": "unpaid", "method": None, "paid_amount": 0},
        "currency": "IDR",
        "sequence": 0,
        "can_change": True,
        "changeable_until": "2030-06-02T02:00:00Z",
    }
    [row] = appointments(salon, pk=booked["id"])
    assert (row.notes, row.buffer_minutes, row.overrides) == ("Allergic to latex", 15, [])


def test_what_a_customer_books_is_an_appointment_for_staff(book, staff, salon):
    booked = book()
    answer = staff.get(f"{APPOINTMENTS}/{booked['id']}")
    assert answer.json()["customer_id"] == salon.jane.pk
    assert staff.get(f"/api/v1/customers/{salon.jane.pk}").json()["total_appointments"] == 1
    with tenant_scope(salon.tenant):
        event = AuditEvent.objects.get(table="appointment", action="created")
    assert (event.actor_id, event.command, event.customer_id) == (None, "portal", salon.jane.pk)


def test_whoever_is_free_attends(jane, body, employ, salon):
    bo = employ("Bo")
    answers = [jane.post(f"{jane.url}/appointments", body(staff_id=None)) for _ in range(3)]
    assert {answer.json().get("staff_id") for answer in answers[:2]} == {salon.ana.pk, bo.pk}
    assert len(refused(answers[2], "overlap")["alternatives"]) == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"override": ["hours"]},
        {"override": ["service", "hours"]},
        {"total_price": 1},
        {"total_price": 0},
        {"status": "pending"},
        {"status": "completed"},
        {"walk_in": True},
        {"payment": {"status": "paid"}},
    ],
)
def test_what_only_the_business_sets_is_a_400(changes, jane, body, salon):
    answer = jane.post(f"{jane.url}/appointments", body(**changes))
    assert refused(answer, "invalid", 400)["errors"][0] == {
        "field": next(iter(changes)),
        "code": "not_yours",
        "detail": "Only the business sets this: leave it out.",
    }
    assert appointments(salon) == []


def test_another_customer_in_the_body_gets_nothing(jane, body, portal_client, salon):
    other = portal_client().customer
    assert jane.post(f"{jane.url}/appointments", body(customer_id=other.pk)).json()["customer_id"] == salon.jane.pk


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"appointment_date": "2026-11-23"}, "past"),
        ({"start_time": "09:07"}, "off_grid"),
        ({"start_time": "09:00:30"}, "off_grid"),
    ],
)
def test_a_start_that_is_past_or_not_offered_is_a_400(changes, code, jane, body, book):
    one = book()
    for answer in (
        jane.post(f"{jane.url}/appointments", body(**changes)),
        jane.post(f"{jane.url}/appointments/{one['id']}/reschedule", body(**changes)),
    ):
        assert refused(answer, "invalid", 400)["errors"][0]["code"] == code


def test_working_hours_time_off_and_offers_count(jane, body, salon, employ):
    url = f"{jane.url}/appointments"
    refused(jane.post(url, body(start_time="20:00")), "outside_hours")
    TimeOffFactory(
        tenant=salon.tenant,
        staff_id=salon.ana.pk,
        local_start=dt.datetime(2030, 6, 3, 11),
        local_end=dt.datetime(2030, 6, 3, 12),
    )
    assert refused(jane.post(url, body(start_time="10:45")), "time_off")["alternatives"]
    with tenant_scope(salon.tenant):
        salon.cut.change({"staff_ids": [employ("Bo").pk]})
    refused(jane.post(url, body()), "service_not_offered")


def test_an_overlap_tells_nothing_of_the_other_booking(each_tenant_guard, jane, body, salon, portal_client):
    """Not even whether it is one's own."""
    other = portal_client()
    assert other.post(f"{other.url}/appointments", body(notes="secret")).status_code == 201
    theirs = refused(jane.post(f"{jane.url}/appointments", body()), "overlap")
    assert jane.post(f"{jane.url}/appointments", body(start_time="10:15")).status_code == 201
    own = refused(jane.post(f"{jane.url}/appointments", body(start_time="10:15")), "overlap")
    for problem in (theirs, own):
        assert problem.keys() == {"type", "title", "status", "detail", "code", "alternatives"}
    assert theirs["alternatives"][0]["start_time"] == "10:15:00"


@pytest.mark.slow("books every start on the grid of a day")
def test_every_offered_slot_and_no_other_start_on_the_grid_can_be_booked(jane, body, salon, portal_client):
    other = portal_client()
    assert other.post(f"{other.url}/appointments", body()).status_code == 201
    query = f"service_id={salon.cut.pk}&from_date={MONDAY}&to_date={MONDAY}"
    offered = [slot["start_time"] for slot in jane.get(f"/api/v1/availability?{query}").json()["slots"]]
    booked = []
    for minute in range(0, 24 * 60, 15):
        start = dt.time(*divmod(minute, 60)).isoformat()
        answer = jane.post(f"{jane.url}/appointments", body(start_time=start))
        if answer.status_code == 201:
            booked.append(start)
            jane.post(f"{jane.url}/appointments/{answer.json()['id']}/cancel")
    assert booked == offered == ["10:15:00", "10:30:00", "10:45:00"]


# --- list -----------------------------------------------------------------------------------------------------------


def test_a_customer_lists_their_own_appointments_without_the_notes_of_staff(each_tenant_guard, jane, salon):
    shared = {"tenant": salon.tenant, "outlet": salon.outlet, "service": salon.cut, "staff_id": salon.ana.pk}
    AppointmentFactory(**shared, appointment_date=dt.date(2024, 1, 1))
    old = AppointmentFactory(**shared, customer=salon.jane, notes="Difficult", status_reason="Rude")
    new = AppointmentFactory(
        **shared, customer=salon.jane, appointment_date=dt.date(2030, 6, 3), status="confirmed", overrides=["hours"]
    )
    answer = jane.get(f"{jane.url}/appointments")
    assert [row["id"] for row in answer.json()["appointments"]] == [new.pk, old.pk]
    assert answer.json()["statistics"] == {
        "total_appointments": 2,
        "completed": 1,
        "cancelled": 0,
        "no_show": 0,
        "upcoming": 1,
    }
    assert answer.json()["pagination"] == {"total": 2, "page": 1, "size": 20, "pages": 1}
    assert [row["staff"]["name"] for row in answer.json()["appointments"]] == ["Ana Lee"] * 2
    assert [row["can_change"] for row in answer.json()["appointments"]] == [True, False]
    for hidden in ("Difficult", "Rude", "notes", "overrides", "status_reason"):
        assert hidden not in answer.content.decode()
    one = jane.get(f"{jane.url}/appointments/{old.pk}")
    assert one.json() == answer.json()["appointments"][1]


def test_the_list_is_filtered_and_paged_as_staff_filter_it(jane, book, salon):
    first, second = book(), book(start_time="10:15")
    jane.post(f"{jane.url}/appointments/{first['id']}/cancel")
    assert [row["id"] for row in jane.get(f"{jane.url}/appointments?size=1&page=2").json()["appointments"]] == [
        first["id"]
    ]
    shown = jane.get(f"{jane.url}/appointments?status=confirmed").json()
    assert ([row["id"] for row in shown["appointments"]], shown["statistics"]["cancelled"]) == ([second["id"]], 1)
    assert jane.get(f"{jane.url}/appointments?from_date=2030-06-04").json()["pagination"]["total"] == 0
    for wrong in ("status=gone", "page=0", "size=101", "from_date=yesterday"):
        assert jane.get(f"{jane.url}/appointments?{wrong}").status_code == 400


# --- move and cancel ------------------------------------------------------------------------------------------------


def test_a_customer_moves_their_appointment(jane, book, salon):
    one = book()
    answer = jane.post(
        f"{jane.url}/appointments/{one['id']}/reschedule", {"appointment_date": MONDAY, "start_time": "10:30"}
    )
    assert answer.status_code == 200
    moved = answer.json()
    assert {name for name in moved if moved[name] != one[name]} <= {
        *("start_time", "end_time", "sequence", "updated_at", "changeable_until")
    }
    assert (moved["start_time"], moved["end_time"], moved["sequence"]) == ("10:30:00", "11:30:00", 1)
    assert moved["changeable_until"] == "2030-06-02T03:30:00Z"


def test_a_move_keeps_the_price_and_the_length_that_staff_have_set(jane, salon, employ):
    bo = employ("Bo")
    one = AppointmentFactory(
        tenant=salon.tenant,
        customer=salon.jane,
        outlet=salon.outlet,
        service=salon.cut,
        staff_id=salon.ana.pk,
        status="confirmed",
        appointment_date=dt.date(2030, 6, 3),
        start_time=dt.time(9),
        end_time=dt.time(9, 30),
        total_price=1,
    )
    move = {"appointment_date": MONDAY, "start_time": "11:00", "staff_id": bo.pk}
    moved = jane.post(f"{jane.url}/appointments/{one.pk}/reschedule", move).json()
    assert (moved["end_time"], moved["total_price"], moved["staff"]["name"]) == ("11:30:00", 1, "Bo Lee")


@pytest.mark.parametrize("end", ["10:15", "09:30", "08:00", "09:00"])
def test_another_end_is_a_400(end, jane, body, book):
    assert jane.post(f"{jane.url}/appointments", body(end_time=end)).json()["errors"][0]["code"] == "not_yours"
    one = book(end_time="10:00")
    later = {"appointment_date": "2030-06-10", "start_time": "09:00"}
    url = f"{jane.url}/appointments/{one['id']}/reschedule"
    assert jane.post(url, later | {"end_time": end}).json()["errors"][0]["field"] == "end_time"
    assert jane.post(url, later | {"end_time": "10:00"}).status_code == 200


@pytest.mark.parametrize("changes", [{"override": ["hours"]}])
def test_a_move_by_the_rights_of_staff_is_a_400(changes, jane, book):
    one = book()
    answer = jane.post(
        f"{jane.url}/appointments/{one['id']}/reschedule",
        {"appointment_date": MONDAY, "start_time": "10:30"} | changes,
    )
    assert refused(answer, "invalid", 400)["errors"][0]["code"] == "not_yours"


def test_a_customer_cancels_their_appointment_and_can_do_so_again(jane, book, salon):
    one = book()
    answers = [jane.post(f"{jane.url}/appointments/{one['id']}/cancel", {"reason": "Ill"}) for _ in range(2)]
    assert [(a.status_code, a.json()["status"], a.json()["can_change"]) for a in answers] == [
        (200, "cancelled", False)
    ] * 2
    assert answers[0].json() == answers[1].json()
    assert [row.status_reason for row in appointments(salon, pk=one["id"])] == ["Ill"]
    assert jane.post(f"{jane.url}/appointments/{one['id']}/cancel").status_code == 200


@pytest.mark.parametrize("path", ["reschedule", "cancel"])
@pytest.mark.parametrize(
    ("hours", "seconds", "status"), [(24, 0, 200), (24, 1, 409), (0, 0, 200), (0, 1, 409), (720, 0, 200)]
)
def test_it_can_be_changed_until_the_notice_of_the_business(
    path, hours, seconds, status, salon, book, body, portal_client
):
    booked = book()
    salon.tenant.cancellation_notice_hours = hours
    with tenant_scope(salon.tenant):
        salon.tenant.save()
    with time_machine.travel(START - hours * HOUR + dt.timedelta(seconds=seconds), tick=False):
        client = portal_client(salon.jane)
        answer = client.post(f"{client.url}/appointments/{booked['id']}/{path}", body(appointment_date="2030-06-10"))
        assert answer.status_code == status, answer.content
        shown = client.get(f"{client.url}/appointments/{booked['id']}").json()
        assert shown["can_change"] == (status == 200 and path == "reschedule")
        if status == 409:
            problem = refused(answer, "too_late")
            assert problem["cancellation_notice_hours"] == hours
            assert "until it starts" in problem["detail"] or f"until {hours} hours before" in problem["detail"]


@pytest.mark.parametrize("status", ["in_progress", "completed", "no_show", "cancelled"])
def test_what_has_begun_is_over_or_is_cancelled_can_not_be_moved(status, jane, book, body, salon):
    one = book()
    set_status(salon, status, pk=one["id"])
    problem = refused(jane.post(f"{jane.url}/appointments/{one['id']}/reschedule", body()), "invalid_transition")
    assert problem["allowed"] == []
    if status != "cancelled":
        refused(jane.post(f"{jane.url}/appointments/{one['id']}/cancel"), "invalid_transition")


# --- versions and keys ----------------------------------------------------------------------------------------------


def test_a_stale_version_is_a_412(jane, book, body):
    answer = jane.post(f"{jane.url}/appointments", body())
    url = f"{jane.url}/appointments/{answer.json()['id']}"
    assert jane.get(url)["ETag"] == answer["ETag"]
    move = {"appointment_date": MONDAY, "start_time": "10:30"}
    moved = jane.post(f"{url}/reschedule", move, headers={"If-Match": answer["ETag"]})
    assert moved.status_code == 200
    for path in ("reschedule", "cancel"):
        refused(jane.post(f"{url}/{path}", move, headers={"If-Match": answer["ETag"]}), "stale", 412)
    assert jane.post(f"{url}/cancel", headers={"If-Match": moved["ETag"]}).status_code == 200


def test_a_booking_with_a_key_is_done_once(jane, body, salon, portal_client):
    headers = {"Idempotency-Key": "one"}
    url = f"{jane.url}/appointments"
    first, second = (jane.post(url, body(), headers=headers) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert (first.json(), second["Idempotency-Replayed"]) == (second.json(), "true")
    assert (first["ETag"], first["Location"]) == (second["ETag"], second["Location"])
    assert len(appointments(salon)) == 1
    refused(jane.post(url, body(start_time="10:15"), headers=headers), "idempotency_key_reused", 422)
    other = portal_client()
    assert other.post(f"{other.url}/appointments", body(start_time="10:15"), headers=headers).status_code == 201
