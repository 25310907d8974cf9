"""`PUT` and `PATCH` of an appointment, `reschedule` and `status`."""

import datetime as dt

import pytest
import time_machine
from django.core.management import call_command

from appointments.bookings.tests.conftest import APPOINTMENTS, MONDAY
from appointments.bookings.tests.test_create import documented, refusal
from appointments.models import Appointment, Status, WorkingHours
from appointments.models.transitions import STATUS_TRANSITIONS
from appointments.tests.factories import AppointmentFactory
from circe.db.ids import new_id
from circe.tests.cases import in_one_test
from customers.tests.bodies import CUSTOMERS, faults
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from tenants.models import AuditEvent, Service, User
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, TenantFactory, UserFactory

SUNDAY_NIGHT = dt.datetime(2030, 6, 2, 16, 59, tzinfo=dt.UTC)


def url_of(appointment, verb=""):
    return f"{APPOINTMENTS}/{appointment['id']}{verb}"


def events_of(appointment):
    """The audit events of an appointment, the oldest first."""
    with tenant_scope(TenantFactory._meta.model(pk=appointment["tenant_id"])):
        return list(AuditEvent.objects.filter(row_id=appointment["id"]).order_by("id"))


# --- notes, price, payment ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["put", "patch"])
def test_only_the_given_keys_are_changed(staff, book, method):
    booked = book(notes="Window seat")
    send = getattr(staff, method)
    answer = send(url_of(booked), {"payment": {"status": "paid", "paid_amount": 350000}})
    assert answer.status_code == 200
    changed = answer.json()
    assert changed["payment"] == {"status": "paid", "method": None, "paid_amount": 350000}
    assert send(url_of(booked), {"payment": {"method": "cash"}, "total_price": 400000}).json()["payment"] == {
        "status": "paid",
        "method": "cash",
        "paid_amount": 350000,
    }
    last = send(url_of(booked), {"notes": "", "payment": {"method": None}}).json()
    assert (last["notes"], last["total_price"], last["payment"]["method"]) == (None, 400000, None)
    untouched = booked.keys() - {"notes", "total_price", "payment", "updated_at"}
    assert {key: last[key] for key in untouched} == {key: booked[key] for key in untouched}


def test_keys_that_a_client_echoes_are_ignored(staff, book):
    booked = book()
    echoed = booked | {
        "notes": "Late",
        "id": new_id(),
        "status": "completed",
        "start_time": "11:00:00",
        "appointment_date": "2031-01-01",
        "staff_id": new_id(),
        "staff": {"id": new_id(), "name": "Bo"},
        "sequence": 9,
        "walk_in": True,
        "currency": "USD",
        "unknown": 1,
    }
    changed = staff.put(url_of(booked), echoed).json()
    assert changed | {"updated_at": None} == booked | {"updated_at": None, "notes": "Late"}


@in_one_test(
    ("changes", "field"),
    [
        ({"notes": "x" * 2001}, "notes"),
        ({"notes": 7}, "notes"),
        ({"total_price": None}, "total_price"),
        ({"total_price": -1}, "total_price"),
        ({"payment": None}, "payment"),
        ({"payment": {"status": "gratis"}}, "payment.status"),
        ({"payment": {"status": None}}, "payment.status"),
        ({"payment": {"method": "shells"}}, "payment.method"),
        ({"payment": {"paid_amount": "1"}}, "payment.paid_amount"),
        ({"tenant_id": new_id()}, "tenant_id"),
    ],
)
def test_what_is_not_valid_is_a_400_that_names_the_field(staff, book, changes, field):
    booked = book()
    assert faults(staff.patch(url_of(booked), changes)) == {field}
    assert staff.get(url_of(booked)).json() == booked


# --- whose a walk-in was --------------------------------------------------------------------------------------------


def test_a_walk_in_is_given_to_its_customer_once(staff, book, salon):
    walk_in = book(customer_id=None, walk_in=True)
    given = staff.patch(url_of(walk_in), {"customer_id": salon.jane.pk, "notes": "It was Jane"}).json()
    assert (given["customer_id"], given["walk_in"], given["notes"]) == (salon.jane.pk, False, "It was Jane")
    # The client echoes it, or knows of none.
    for pk in (salon.jane.pk, None, ""):
        assert staff.patch(url_of(walk_in), {"customer_id": pk}).json()["customer_id"] == salon.jane.pk
    ann = CustomerFactory(tenant=salon.tenant)
    answer = staff.patch(url_of(walk_in), {"customer_id": ann.pk, "notes": "It was Ann"})
    assert refusal(answer, "customer_already_set") == documented("customer_already_set")
    assert staff.get(url_of(walk_in)).json()["notes"] == "It was Jane"
    assert events_of(walk_in)[-1].customer_id == salon.jane.pk


def test_totals_and_history_of_the_customer_count_it_then(staff, book, salon, admin):
    walk_in = book(
        customer_id=None, walk_in=True, appointment_date="2025-01-25", start_time="09:00", status="completed"
    )
    before = admin.get(f"{CUSTOMERS}/statistics/summary").json()["statistics"]
    assert staff.get(f"{CUSTOMERS}/{salon.jane.pk}").json()["total_appointments"] == 0
    assert staff.patch(url_of(walk_in), {"customer_id": salon.jane.pk}).status_code == 200
    jane = staff.get(f"{CUSTOMERS}/{salon.jane.pk}").json()
    assert (jane["total_appointments"], jane["total_spent"]) == (1, 350000)
    assert jane["last_appointment_date"] == "2025-01-25"
    history = staff.get(f"{CUSTOMERS}/{salon.jane.pk}/appointments").json()
    assert [one["id"] for one in history["appointments"]] == [walk_in["id"]]
    after = admin.get(f"{CUSTOMERS}/statistics/summary").json()["statistics"]
    # It counted in the figures of the business before.
    for key in ("total_appointments", "total_revenue", "total_customers"):
        assert after[key] == before[key]
    assert [one["customer_id"] for one in before["top_customers_by_revenue"]] == []
    assert [one["customer_id"] for one in after["top_customers_by_revenue"]] == [salon.jane.pk]
    call_command("check_totals", "--tenant", salon.tenant.slug)


def test_a_customer_who_can_not_have_it_is_refused(staff, book, salon, other_tenant):
    walk_in = book(customer_id=None, walk_in=True)
    for pk in (
        new_id(),
        CustomerFactory(tenant=other_tenant).pk,
        DeletedCustomerFactory(tenant=salon.tenant).pk,
        "x",
    ):
        assert faults(staff.patch(url_of(walk_in), {"customer_id": pk})) == {"customer_id"}
    ann = CustomerFactory(tenant=salon.tenant, is_active=False)
    refusal(staff.patch(url_of(walk_in), {"customer_id": ann.pk}), "customer_inactive")
    assert staff.get(url_of(walk_in)).json() == walk_in


def test_an_appointment_of_a_purged_customer_is_given_to_nobody(staff, book, salon, super_admin):
    booked = book(notes="Jane is allergic")
    assert super_admin.delete(f"{CUSTOMERS}/{salon.jane.pk}?permanent=true").status_code == 200
    ann = CustomerFactory(tenant=salon.tenant)
    refusal(staff.patch(url_of(booked), {"customer_id": ann.pk}), "customer_already_set")
    assert staff.get(url_of(booked)).json()["customer_id"] is None


# --- reschedule -----------------------------------------------------------------------------------------------------


def test_a_moved_appointment_keeps_its_id_and_its_length(staff, book):
    booked = book(end_time="09:20", total_price=1, notes="Window seat")
    answer = staff.post(url_of(booked, "/reschedule"), {"appointment_date": "2030-06-10", "start_time": "10:00"})
    assert answer.status_code == 200
    moved = answer.json()
    assert moved | {"updated_at": None} == booked | {
        "updated_at": None,
        "appointment_date": "2030-06-10",
        "start_time": "10:00:00",
        "end_time": "10:20:00",
        "sequence": 1,
    }
    again = staff.post(
        url_of(booked, "/reschedule"),
        {"appointment_date": "2030-06-10", "start_time": "10:05", "end_time": "11:05", "staff_id": None},
    ).json()
    assert (again["start_time"], again["end_time"], again["sequence"]) == ("10:05:00", "11:05:00", 2)


def test_an_appointment_moves_to_another_person_and_outlet(staff, book, salon, employ):
    other = OutletFactory(tenant=salon.tenant)
    bo, booked = employ("Bo", outlet=other), book()
    body = {"appointment_date": MONDAY, "start_time": "09:00", "staff_id": bo.pk}
    refusal(staff.post(url_of(booked, "/reschedule"), body), "outside_hours")
    moved = staff.post(url_of(booked, "/reschedule"), body | {"outlet_id": other.pk}).json()
    assert (moved["staff_id"], moved["outlet_id"], moved["sequence"]) == (bo.pk, other.pk, 1)
    # Ana's time is free again.
    assert book()["staff_id"] == salon.ana.pk


def test_an_appointment_may_be_moved_into_its_own_time(staff, book):
    booked = book()
    assert (
        staff.post(url_of(booked, "/reschedule"), {"appointment_date": MONDAY, "start_time": "09:30"}).json()[
            "end_time"
        ]
        == "10:30:00"
    )


@pytest.mark.parametrize("repeated", [{}, {"end_time": "10:00"}, {"staff_id": None}])
def test_moving_an_appointment_to_where_it_is_changes_nothing(staff, book, salon, repeated):
    booked = book()
    before = staff.get(url_of(booked))
    # A booked appointment keeps its buffer, and is not refused by rules that changed later.
    with tenant_scope(salon.tenant):
        Service.objects.filter(pk=booked["service_id"]).update(buffer_minutes=5)
        WorkingHours.objects.filter(staff=salon.ana).delete()
    same = {name: booked[name] for name in ("appointment_date", "start_time", "staff_id", "outlet_id")} | repeated
    answer = staff.post(url_of(booked, "/reschedule"), same)
    assert (answer.status_code, answer.json(), answer["ETag"]) == (200, before.json(), before["ETag"])
    assert [event.action for event in events_of(booked)] == ["created"]


def test_an_appointment_that_is_moved_is_never_the_one_in_its_way(staff, book):
    first, second = book(), book(start_time="10:30")
    move = {"appointment_date": MONDAY, "start_time": "09:30"}
    problem = refusal(staff.post(url_of(first, "/reschedule"), move), "overlap")
    assert problem["conflicting_appointment_id"] == second["id"]


def test_a_refused_move_changes_nothing(staff, book, salon, other_tenant):
    first, second = book(), book(start_time="10:30")
    move = {"appointment_date": MONDAY, "start_time": "09:30"}
    problem = refusal(staff.post(url_of(second, "/reschedule"), move), "overlap")
    assert problem["conflicting_appointment_id"] == first["id"]
    # Its own time counts as free: 10:15 is before it begins, and 10:45 after.
    assert [slot["start_time"] for slot in problem["alternatives"]] == ["10:15:00", "10:30:00", "10:45:00"]
    refusal(staff.post(url_of(second, "/reschedule"), move | {"start_time": "14:00"}), "outside_hours")
    closed, gone = (
        OutletFactory(tenant=salon.tenant, is_active=False),
        UserFactory(tenant=salon.tenant, is_active=False),
    )
    for changes, field in (
        ({"staff_id": UserFactory(tenant=other_tenant).pk}, "staff_id"),
        ({"staff_id": gone.pk}, "staff_id"),
        ({"outlet_id": OutletFactory(tenant=other_tenant).pk}, "outlet_id"),
        ({"outlet_id": closed.pk}, "outlet_id"),
        ({"outlet_id": 7}, "outlet_id"),
        # The appointment has these ids, but for something else.
        ({"staff_id": salon.outlet.pk, "override": ["hours", "service"]}, "staff_id"),
        ({"outlet_id": salon.ana.pk, "override": ["hours", "service"]}, "outlet_id"),
        ({"start_time": None}, "start_time"),
        ({"appointment_date": "soon"}, "appointment_date"),
        ({"end_time": "09:30"}, "end_time"),
    ):
        assert faults(staff.post(url_of(second, "/reschedule"), move | changes)) == {field}
    assert faults(staff.post(url_of(second, "/reschedule"), {})) == {"appointment_date", "start_time"}
    assert staff.get(url_of(second)).json() == second


def test_a_move_against_the_rules_is_recorded(staff, book, salon):
    booked = book()
    moved = staff.post(
        url_of(booked, "/reschedule"), {"appointment_date": MONDAY, "start_time": "20:00", "override": ["hours"]}
    ).json()
    assert moved["overrides"] == ["hours"]
    event = events_of(booked)[-1]
    assert (event.actor_id, event.before["overrides"], event.after["overrides"]) == (staff.user.pk, [], ["hours"])
    # The rules that the new time does not break are no longer broken.
    back = staff.post(url_of(booked, "/reschedule"), {"appointment_date": MONDAY, "start_time": "09:00"}).json()
    assert back["overrides"] == []


def test_a_person_who_left_is_booked_by_override_only(staff, book, salon):
    booked = book()
    with tenant_scope(salon.tenant):
        User.objects.filter(pk=salon.ana.pk).update(is_active=False)
    move = {"appointment_date": MONDAY, "start_time": "10:00"}
    refusal(staff.post(url_of(booked, "/reschedule"), move), "service_not_offered")
    overridden = staff.post(url_of(booked, "/reschedule"), move | {"override": ["hours", "service"]})
    assert overridden.json()["overrides"] == ["hours", "service"]


@pytest.mark.parametrize("status", [status for status in Status if status not in ("pending", "confirmed")])
def test_what_has_begun_or_is_over_is_not_moved(staff, salon, status):
    one = AppointmentFactory(
        tenant=salon.tenant, staff_id=salon.ana.pk, outlet=salon.outlet, service=salon.cut, status=status
    )
    answer = staff.post(f"{APPOINTMENTS}/{one.pk}/reschedule", {"appointment_date": MONDAY, "start_time": "09:00"})
    assert refusal(answer, "invalid_transition")["allowed"] == list(STATUS_TRANSITIONS[status])


def test_the_length_is_kept_in_minutes_of_sixty_seconds(as_role):
    tenant = TenantFactory(time_zone="Europe/Oslo")
    client = as_role("staff", tenant=tenant)
    booked = client.post(
        APPOINTMENTS,
        {
            "customer_id": CustomerFactory(tenant=tenant).pk,
            "service_id": ServiceFactory(tenant=tenant, duration_minutes=90).pk,
            "outlet_id": OutletFactory(tenant=tenant).pk,
            "staff_id": client.user.pk,
            "appointment_date": "2030-03-31",
            "start_time": "01:00",
            "override": ["hours"],
        },
    ).json()
    # Clocks go forward at 2.
    assert booked["end_time"] == "03:30:00"
    moved = client.post(
        url_of(booked, "/reschedule"),
        {"appointment_date": "2030-04-01", "start_time": "01:00:30", "override": ["hours"]},
    ).json()
    assert moved["end_time"] == "02:30:30"


# --- status ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", Status)
def test_a_status_is_set_by_the_steps_of_the_day_sheet(staff, salon, before):
    for after in Status:
        one = AppointmentFactory(tenant=salon.tenant, staff_id=UserFactory(tenant=salon.tenant).pk, status=before)
        answer = staff.post(f"{APPOINTMENTS}/{one.pk}/status", {"status": after})
        if after == before or after in STATUS_TRANSITIONS[before]:
            assert (answer.status_code, answer.json()["status"]) == (200, after)
        else:
            problem = refusal(answer, "invalid_transition")
            assert problem["allowed"] == list(STATUS_TRANSITIONS[before])
            assert staff.get(f"{APPOINTMENTS}/{one.pk}").json()["status"] == before


def test_before_the_day_an_appointment_can_not_begin(as_role, book):
    booked = book()
    with time_machine.travel(SUNDAY_NIGHT, tick=False):
        staff = as_role("staff")
        answer = staff.post(url_of(booked, "/status"), {"status": "in_progress"})
        assert refusal(answer, "invalid_transition")["allowed"] == ["cancelled"]
    with time_machine.travel(SUNDAY_NIGHT + dt.timedelta(minutes=1), tick=False):
        assert as_role("staff").post(url_of(booked, "/status"), {"status": "in_progress"}).status_code == 200


def test_what_is_completed_before_its_day_stays_so(staff, salon):
    day = {"appointment_date": dt.date(2030, 6, 3)}
    one = AppointmentFactory(tenant=salon.tenant, staff_id=salon.ana.pk, status="completed", **day)
    problem = refusal(staff.post(f"{APPOINTMENTS}/{one.pk}/status", {"status": "in_progress"}), "invalid_transition")
    assert (problem["allowed"], problem["detail"]) == (
        [],
        "It is completed, so it can't become in progress. Its status can become nothing else before its day.",
    )


def test_the_status_that_it_has_changes_nothing(staff, book, in_scope):
    booked = book()
    rows = Appointment.objects.filter(pk=booked["id"]).values()
    before, stored = staff.get(url_of(booked)), rows.get()
    answer = staff.post(url_of(booked, "/status"), {"status": "confirmed", "reason": "Again"})
    assert (answer.status_code, answer.json(), answer["ETag"]) == (200, before.json(), before["ETag"])
    assert [event.action for event in events_of(booked)] == ["created"]
    assert rows.get() == stored


def test_the_reason_is_kept_and_is_in_the_trail(staff, book):
    booked = book()
    cancelled = staff.post(url_of(booked, "/status"), {"status": "cancelled", "reason": " She is ill. "}).json()
    assert (cancelled["status"], cancelled["status_reason"]) == ("cancelled", "She is ill.")
    event = events_of(booked)[-1]
    assert (event.action, event.actor_id) == ("updated", staff.user.pk)
    assert event.after == {"status": "cancelled", "status_reason": "She is ill."}
    assert staff.post(url_of(booked, "/status"), {"status": "confirmed"}).json()["status_reason"] is None


@in_one_test(
    ("changes", "field"),
    [
        ({"status": "done"}, "status"),
        ({"status": None}, "status"),
        ({"status": ["cancelled"]}, "status"),
        ({"reason": "x" * 501}, "reason"),
        ({"reason": 1}, "reason"),
    ],
)
def test_a_status_that_is_none_is_a_400(staff, book, changes, field):
    answer = staff.post(url_of(book(), "/status"), {"status": "cancelled"} | changes)
    assert faults(answer) == {field}


def test_a_cancelled_appointment_comes_back_only_if_its_time_is_free(staff, book):
    first = book()
    assert staff.post(url_of(first, "/status"), {"status": "cancelled"}).status_code == 200
    second = book(start_time="09:30")
    for status in ("confirmed", "pending"):
        problem = refusal(staff.post(url_of(first, "/status"), {"status": status}), "overlap")
        assert problem["conflicting_appointment_id"] == second["id"]
        assert len(problem["alternatives"]) == 3
    assert staff.get(url_of(first)).json()["status"] == "cancelled"
    staff.post(url_of(second, "/status"), {"status": "cancelled"})
    assert staff.post(url_of(first, "/status"), {"status": "pending"}).json()["status"] == "pending"
