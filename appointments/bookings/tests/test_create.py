"""`POST /api/v1/appointments`."""

import datetime as dt

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from appointments.bookings.documentation import CONFLICT
from appointments.bookings.tests.conftest import APPOINTMENTS, MONDAY
from appointments.models import Appointment
from appointments.tests.factories import TimeOffFactory
from circe.db.ids import new_id
from circe.tests.cases import in_one_test
from customers.tests.bodies import CUSTOMERS, INSTANT, faults
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from tenants.models import AuditEvent, Service
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, ServiceStaffFactory, TenantFactory, UserFactory


def count(tenant):
    with tenant_scope(tenant):
        return Appointment.objects.count()


def documented(code):
    """The example of a 409 with this code in the OpenAPI document."""
    return next(example.body for example in CONFLICT.more_examples if example.code == code)


def refusal(answer, code):
    """The body of a 409 with this code."""
    assert (answer.status_code, answer["Content-Type"]) == (409, "application/problem+json"), answer.content
    assert (answer.json()["status"], answer.json()["code"]) == (409, code)
    return answer.json()


def test_an_appointment_is_booked(staff, salon, body):
    answer = staff.post(APPOINTMENTS, body(notes="Window seat"))
    booked = answer.json()
    assert answer.status_code == 201
    assert answer["Location"] == f"{APPOINTMENTS}/{booked['id']}"
    assert INSTANT.match(booked.pop("created_at"))
    assert INSTANT.match(booked.pop("updated_at"))
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
        "notes": "Window seat",
        "service": {
            "id": salon.cut.pk,
            "name": "Cut",
            "category": "hair",
            "duration_minutes": 60,
            "price": 350000,
        },
        "staff": {"id": salon.ana.pk, "name": "Ana Lee"},
        "outlet": {"id": salon.outlet.pk, "name": "Kemang"},
        "payment": {"status": "unpaid", "method": None, "paid_amount": 0},
        "currency": "IDR",
        "sequence": 0,
        "walk_in": False,
        "buffer_minutes": 15,
        "overrides": [],
        "status_reason": None,
    }


def test_the_answer_is_that_of_a_get_and_of_the_history(staff, salon, body):
    answer = staff.post(APPOINTMENTS, body())
    read = staff.get(answer["Location"])
    assert (read.json(), read["ETag"]) == (answer.json(), answer["ETag"])
    assert staff.get(f"{CUSTOMERS}/{salon.jane.pk}/appointments").json()["appointments"] == [answer.json()]
    assert staff.get(APPOINTMENTS).json()["items"] == [answer.json()]


def test_optional_values_may_be_given(book):
    booked = book(start_time="09:10", end_time="09:40", total_price=0, status="pending", notes="", override=None)
    assert (booked["start_time"], booked["end_time"]) == ("09:10:00", "09:40:00")
    assert (booked["total_price"], booked["status"], booked["notes"]) == (0, "pending", None)


def test_a_walk_in_has_no_customer(book, staff, salon):
    booked = book(customer_id=None, walk_in=True)
    assert (booked["customer_id"], booked["walk_in"]) == (None, True)


@in_one_test(
    ("changes", "field"),
    [
        ({"customer_id": None}, "customer_id"),
        ({"walk_in": True}, "walk_in"),
        ({"walk_in": "yes"}, "walk_in"),
        ({"service_id": None}, "service_id"),
        ({"outlet_id": ""}, "outlet_id"),
        ({"staff_id": "somebody"}, "staff_id"),
        ({"staff_id": 7}, "staff_id"),
        ({"appointment_date": "2030-02-30"}, "appointment_date"),
        ({"appointment_date": "1899-12-31"}, "appointment_date"),
        ({"appointment_date": "3000-01-01"}, "appointment_date"),
        ({"appointment_date": None}, "appointment_date"),
        ({"start_time": "24:00:00"}, "start_time"),
        ({"start_time": "9:00"}, "start_time"),
        ({"start_time": "09:00:00Z"}, "start_time"),
        ({"start_time": "09:00:00.5"}, "start_time"),
        ({"end_time": "09:00:00"}, "end_time"),
        ({"end_time": "noon"}, "end_time"),
        ({"total_price": -1}, "total_price"),
        ({"total_price": 10**12 + 1}, "total_price"),
        ({"total_price": "350000"}, "total_price"),
        ({"total_price": 0.5}, "total_price"),
        ({"status": "completed"}, "status"),
        ({"status": "in_progress"}, "status"),
        ({"status": "done"}, "status"),
        ({"notes": "x" * 2001}, "notes"),
        ({"override": ["price"]}, "override"),
        ({"override": "hours"}, "override"),
        ({"override": ["hours"] * 3}, "override"),
    ],
)
def test_what_is_not_valid_is_a_400_that_names_the_field(staff, salon, body, changes, field):
    assert {name.partition(".")[0] for name in faults(staff.post(APPOINTMENTS, body(**changes)))} == {field}
    assert count(salon.tenant) == 0


@in_one_test("missing", ["customer_id", "service_id", "outlet_id", "appointment_date", "start_time"])
def test_what_is_missing_is_a_400_that_names_the_field(staff, body, missing):
    given = body()
    del given[missing]
    assert faults(staff.post(APPOINTMENTS, given)) == {missing}


def test_a_row_that_can_not_be_booked_is_a_400_that_names_the_field(staff, salon, body, other_tenant):
    closed = OutletFactory(tenant=salon.tenant, is_active=False)
    gone = UserFactory(tenant=salon.tenant, is_active=False)
    for field, pks in {
        "customer_id": [CustomerFactory(tenant=other_tenant).pk, DeletedCustomerFactory(tenant=salon.tenant).pk],
        "service_id": [ServiceFactory(tenant=other_tenant).pk],
        "outlet_id": [OutletFactory(tenant=other_tenant).pk, closed.pk],
        "staff_id": [UserFactory(tenant=other_tenant).pk, gone.pk],
    }.items():
        for pk in [*pks, new_id()]:
            assert faults(staff.post(APPOINTMENTS, body(**{field: pk}))) == {field}
    assert faults(staff.post(APPOINTMENTS, body(customer_id=new_id(), outlet_id=new_id()))) == {
        "customer_id",
        "outlet_id",
    }
    assert count(salon.tenant) == 0


def test_a_super_admin_names_the_business(super_admin, salon, body):
    assert faults(super_admin.post(APPOINTMENTS, body())) == {"tenant_id"}
    booked = super_admin.post(APPOINTMENTS, body(tenant_id=salon.tenant.pk))
    assert (booked.status_code, booked.json()["tenant_id"]) == (201, salon.tenant.pk)


def test_staff_books_in_its_own_business_only(staff, salon, body, other_tenant):
    assert staff.post(APPOINTMENTS, body(tenant_id=other_tenant.pk)).status_code == 403
    assert staff.post(APPOINTMENTS, body(tenant_id=salon.tenant.pk)).status_code == 201


# --- rules ----------------------------------------------------------------------------------------------------------


def test_an_overlap_is_a_409_that_names_the_other_booking_only_by_its_id(staff, book, body, salon):
    other = book()
    # The buffer of the first one lasts until 10:15.
    for start in ("09:00", "09:30", "10:00", "10:14:59", "08:00"):
        answer = staff.post(APPOINTMENTS, body(start_time=start, customer_id=CustomerFactory(tenant=salon.tenant).pk))
        problem = refusal(answer, "overlap")
        assert problem["conflicting_appointment_id"] == other["id"]
        assert "Jane" not in answer.content.decode()
        assert salon.jane.pk not in answer.content.decode()
    assert book(start_time="10:15")["start_time"] == "10:15:00"


def test_an_overlap_can_not_be_overridden(staff, book, body):
    book()
    refusal(staff.post(APPOINTMENTS, body(override=["hours", "service"])), "overlap")


def test_hours_and_time_off_are_a_409_that_can_be_overridden(staff, salon, body, book):
    TimeOffFactory(
        tenant=salon.tenant,
        staff_id=salon.ana.pk,
        local_start=dt.datetime(2030, 6, 3, 10),
        local_end=dt.datetime(2030, 6, 3, 11),
    )
    for start, code in (("10:30", "time_off"), ("11:00", "outside_hours"), ("07:45", "outside_hours")):
        problem = refusal(staff.post(APPOINTMENTS, body(start_time=start)), code)
        assert len(problem["alternatives"]) == 3
        assert "conflicting_appointment_id" not in problem
        refusal(staff.post(APPOINTMENTS, body(start_time=start, override=["service"])), code)
    assert book(start_time="10:30", override=["hours"])["overrides"] == ["hours"]
    assert book(start_time="13:00", override=["service", "hours"])["overrides"] == ["hours"]


def test_a_service_that_the_person_does_not_offer_is_a_409_that_can_be_overridden(staff, salon, body, employ):
    bo = employ("Bo")
    ServiceStaffFactory(tenant=salon.tenant, service=salon.cut, staff_id=bo.pk)
    problem = refusal(staff.post(APPOINTMENTS, body()), "service_not_offered")
    # Ana is never free for it, so that somebody else is.
    assert {slot["staff_id"] for slot in problem["alternatives"]} == {bo.pk}
    refusal(staff.post(APPOINTMENTS, body(override=["hours"])), "service_not_offered")
    assert staff.post(APPOINTMENTS, body(override=["service"])).json()["overrides"] == ["service"]


@pytest.mark.parametrize("staff_id", ["named", None])
def test_a_service_off_offer_is_a_409_that_can_be_overridden(staff, salon, body, staff_id):
    with tenant_scope(salon.tenant):
        Service.objects.update(is_active=False)
    given = body() if staff_id else body(staff_id=None)
    problem = refusal(staff.post(APPOINTMENTS, given), "service_not_offered")
    assert problem["alternatives"] == []
    assert staff.post(APPOINTMENTS, given | {"override": ["service"]}).json()["overrides"] == ["service"]


def test_an_inactive_customer_is_a_409_without_alternatives_as_documented(staff, salon, body):
    ann = CustomerFactory(tenant=salon.tenant, is_active=False)
    for overrides in ([], ["hours", "service"]):
        problem = refusal(staff.post(APPOINTMENTS, body(customer_id=ann.pk, override=overrides)), "customer_inactive")
        assert (problem["alternatives"], problem) == ([], documented("customer_inactive"))


def test_without_hours_at_the_outlet_nobody_is_booked_there_without_override(staff, salon, body):
    other = OutletFactory(tenant=salon.tenant)
    for staff_id in (salon.ana.pk, None):
        refusal(staff.post(APPOINTMENTS, body(outlet_id=other.pk, staff_id=staff_id)), "outside_hours")
    assert staff.post(APPOINTMENTS, body(outlet_id=other.pk, override=["hours"])).json()["overrides"] == ["hours"]


# --- whoever is free ------------------------------------------------------------------------------------------------


def test_without_a_person_whoever_is_free_with_the_smallest_gap_is_booked(salon, book, employ):
    bo = employ("Bo")
    assert book(staff_id=bo.pk, start_time="10:15")["staff_id"] == bo.pk
    # Until 10:15 Bo would be free for no minute more; Ana is free until 12.
    assert book(staff_id=None, start_time="09:00")["staff_id"] == bo.pk
    assert book(staff_id=None, start_time="09:00")["staff_id"] == salon.ana.pk


def test_without_a_person_and_if_nobody_is_free_it_is_a_409(staff, body, book, employ):
    employ("Bo", start_time=dt.time(10), end_time=dt.time(13))
    book()
    problem = refusal(staff.post(APPOINTMENTS, body(staff_id=None)), "overlap")
    assert problem["conflicting_appointment_id"] is None
    assert [slot["start_time"] for slot in problem["alternatives"]] == ["10:00:00", "10:15:00", "10:15:00"]


def test_without_a_person_nobody_is_booked_who_does_not_offer_the_service(staff, salon, body, employ):
    bo, ana = employ("Bo"), salon.ana
    ServiceStaffFactory(tenant=salon.tenant, service=salon.cut, staff_id=bo.pk)
    assert staff.post(APPOINTMENTS, body(staff_id=None)).json()["staff_id"] == bo.pk
    refusal(staff.post(APPOINTMENTS, body(staff_id=None)), "overlap")
    overridden = staff.post(APPOINTMENTS, body(staff_id=None, override=["service"])).json()
    assert (overridden["staff_id"], overridden["overrides"]) == (ana.pk, ["service"])


# --- time -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["pending", "confirmed", "completed", "no_show", "cancelled"])
def test_what_is_past_is_recorded_with_its_outcome_whatever_the_hours(book, salon, status):
    with tenant_scope(salon.tenant):
        Service.objects.update(is_active=False)
    booked = book(appointment_date="2025-01-25", start_time="20:00", status=status)
    assert (booked["status"], booked["overrides"]) == (status, [])
    # A Monday, on which Ana worked.
    booked = book(appointment_date="2025-01-27", start_time="09:00", status=status, staff_id=None)
    assert (booked["status"], booked["staff_id"], booked["overrides"]) == (status, salon.ana.pk, [])


@pytest.mark.parametrize("status", ["pending", "confirmed", "completed", "no_show", "cancelled"])
def test_what_is_past_is_given_to_nobody_who_was_not_free_without_override(staff, salon, body, status):
    TimeOffFactory(
        tenant=salon.tenant,
        staff_id=salon.ana.pk,
        local_start=dt.datetime(2025, 1, 27, 10),
        local_end=dt.datetime(2025, 1, 28),
    )
    for start, code in (("20:00", "time_off"), ("11:00", "time_off"), ("08:30", "outside_hours")):
        past = body(appointment_date="2025-01-27", start_time=start, status=status, staff_id=None)
        refusal(staff.post(APPOINTMENTS, past), code)
        refusal(staff.post(APPOINTMENTS, past | {"override": ["service"]}), code)
    booked = staff.post(APPOINTMENTS, past | {"override": ["hours", "service"]}).json()
    assert (booked["staff_id"], booked["overrides"]) == (salon.ana.pk, ["hours"])


def test_past_visits_of_one_time_are_given_to_different_people(staff, salon, body, employ):
    bo = employ("Bo")
    past = body(appointment_date="2025-01-27", status="completed", staff_id=None)
    booked = [staff.post(APPOINTMENTS, past | {"start_time": start}).json() for start in ("09:00", "09:30")]
    assert [one["staff_id"] for one in booked] == [salon.ana.pk, bo.pk]
    refusal(staff.post(APPOINTMENTS, past | {"start_time": "10:00"}), "overlap")
    # A visit of a named person is stored, even if that person has another visit at this time.
    assert staff.post(APPOINTMENTS, past | {"start_time": "10:00", "staff_id": bo.pk}).status_code == 201


def test_what_is_past_is_given_to_nobody_who_does_not_offer_it_without_override(staff, salon, body, employ):
    ServiceStaffFactory(tenant=salon.tenant, service=salon.cut, staff_id=UserFactory(tenant=salon.tenant).pk)
    past = body(appointment_date="2025-01-27", status="completed", staff_id=None)
    refusal(staff.post(APPOINTMENTS, past), "outside_hours")
    booked = staff.post(APPOINTMENTS, past | {"override": ["service"]}).json()
    assert (booked["staff_id"], booked["overrides"]) == (salon.ana.pk, ["service"])


def test_what_is_past_is_recorded_of_somebody_who_worked_then(salon, book, employ):
    UserFactory(tenant=salon.tenant, first_name="Aki", last_name="Without hours")
    away = employ("Abe")
    TimeOffFactory(
        tenant=salon.tenant,
        staff_id=away.pk,
        local_start=dt.datetime(2025, 1, 27),
        local_end=dt.datetime(2025, 1, 28),
    )
    assert book(appointment_date="2025-01-27", start_time="10:00", staff_id=None)["staff_id"] == salon.ana.pk


def test_what_is_past_and_holds_its_time_does_not_overlap(staff, body, book):
    past = {"appointment_date": "2025-01-25", "start_time": "10:00"}
    book(**past)
    refusal(staff.post(APPOINTMENTS, body(**past)), "overlap")
    assert book(**past, status="completed")["status"] == "completed"


def test_past_is_what_has_started(as_role, body):
    # 10:00 in Jakarta.
    with time_machine.travel(dt.datetime(2030, 6, 3, 3, tzinfo=dt.UTC), tick=False):
        staff = as_role("staff")
        assert faults(staff.post(APPOINTMENTS, body(start_time="10:00", status="no_show"))) == {"status"}
        assert staff.post(APPOINTMENTS, body(start_time="09:59", status="no_show")).status_code == 201


def test_an_end_before_the_start_is_on_the_next_day(book, staff, body):
    booked = book(start_time="23:00", end_time="01:00", override=["hours"])
    assert (booked["appointment_date"], booked["end_time"]) == (MONDAY, "01:00:00")
    late = body(appointment_date="2030-06-04", start_time="01:10", override=["hours"])
    refusal(staff.post(APPOINTMENTS, late), "overlap")
    assert staff.post(APPOINTMENTS, late | {"start_time": "01:15"}).status_code == 201


@pytest.mark.parametrize(
    ("zone", "day", "skipped", "after", "twice"),
    [
        ("Europe/Oslo", "2030-03-31", "02:30", "03:00", None),
        ("America/New_York", "2030-03-10", "02:00", "03:00", None),
        ("Australia/Lord_Howe", "2030-10-06", "02:15", "02:30", None),
        ("Europe/Oslo", "2030-10-27", None, None, "02:30"),
    ],
)
def test_clocks_that_go_forward_or_back(as_role, zone, day, skipped, after, twice):
    tenant = TenantFactory(time_zone=zone)
    client = as_role("staff", tenant=tenant)
    rows = {
        "customer_id": CustomerFactory(tenant=tenant).pk,
        "service_id": ServiceFactory(tenant=tenant).pk,
        "outlet_id": OutletFactory(tenant=tenant).pk,
        "staff_id": client.user.pk,
        "appointment_date": day,
        "override": ["hours"],
    }
    if skipped:
        assert faults(client.post(APPOINTMENTS, rows | {"start_time": skipped})) == {"start_time"}
        assert faults(client.post(APPOINTMENTS, rows | {"start_time": "00:30", "end_time": skipped})) == {"end_time"}
        assert client.post(APPOINTMENTS, rows | {"start_time": after}).json()["start_time"] == f"{after}:00"
    else:
        booked = client.post(APPOINTMENTS, rows | {"start_time": twice}).json()
        assert (booked["start_time"], booked["end_time"]) == ("02:30:00", "03:00:00")


# --- what is kept ---------------------------------------------------------------------------------------------------


def test_the_trail_tells_who_booked_and_against_which_rules(staff, salon, book):
    booked = book(start_time="13:00", override=["hours"])
    with tenant_scope(salon.tenant):
        [event] = AuditEvent.objects.filter(row_id=booked["id"])
    assert (event.action, event.actor_id, event.customer_id) == ("created", staff.user.pk, salon.jane.pk)
    assert event.after["overrides"] == ["hours"]


def test_a_booking_sent_again_with_its_key_is_done_once(staff, salon, body):
    answers = [staff.post(APPOINTMENTS, body(), headers={"Idempotency-Key": "one"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    assert [answers[1][name] for name in ("Idempotency-Replayed", "Location", "ETag")] == [
        "true",
        *(answers[0][name] for name in ("Location", "ETag")),
    ]
    assert count(salon.tenant) == 1


def test_a_refused_booking_stores_no_answer_for_its_key(staff, book, body):
    booked = book()
    again = body(start_time="09:30")
    refusal(staff.post(APPOINTMENTS, again, headers={"Idempotency-Key": "one"}), "overlap")
    assert staff.post(f"{APPOINTMENTS}/{booked['id']}/status", {"status": "cancelled"}).status_code == 200
    assert staff.post(APPOINTMENTS, again, headers={"Idempotency-Key": "one"}).status_code == 201


# Who asks · the rows that the body names · the lock on the person · their schedule · the INSERT · the answer; beside these
# the savepoint of the lock.
BOOKING = ["tenants_user", "always", "pg_advisory", "person AS", "INSERT", "json_build_object"]


@pytest.mark.parametrize(("staff_id", "more"), [("named", []), (None, ["person AS"])])
def test_a_booking_sends_six_statements_and_one_more_without_a_person(staff, salon, body, staff_id, more):
    given = body() if staff_id else body(staff_id=None)
    assert staff.post(APPOINTMENTS, given | {"appointment_date": "2030-06-10"}).status_code == 201
    with CaptureQueriesContext(connection) as queries:
        assert staff.post(APPOINTMENTS, given).status_code == 201
    sent = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
    expected = [*BOOKING[:2], *more, *BOOKING[2:]]
    assert [part for part, sql in zip(expected, sent, strict=True) if part not in sql] == []
    # One of the two is that of the request's transaction, which is the test's own.
    assert sum(query["sql"].startswith("SAVEPOINT") for query in queries) == 2
