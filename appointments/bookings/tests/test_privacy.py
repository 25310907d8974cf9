"""Export, erasure and purge of a customer who was booked over REST; and that a booking counts as one of the admin does."""

import json

import pytest

from appointments.bookings.tests.conftest import APPOINTMENTS
from appointments.models import Appointment
from customers.tests.bodies import CUSTOMERS
from customers.tests.factories import CustomerFactory
from tenants.models import AuditEvent, IdempotencyRecord
from tenants.scope import tenant_scope
from tenants.tests.shell import run

WORD = "Hummingbird"


@pytest.fixture
def jane(staff, salon, body):
    """Jane, who was booked, came in without a name before, and was ill once. All of it was noted, and sent with a key."""
    keys = iter(range(100))

    def send(method, url, body):
        answer = getattr(staff, method)(url, body, headers={"Idempotency-Key": f"key-{next(keys)}"})
        assert answer.status_code in (200, 201), answer.content
        return f"{APPOINTMENTS}/{answer.json()['id']}"

    booked = send("post", APPOINTMENTS, body(notes=f"{WORD} one"))
    send("post", f"{booked}/status", {"status": "cancelled", "reason": f"{WORD} two"})
    send("post", f"{booked}/status", {"status": "confirmed"})
    walk_in = send(
        "post", APPOINTMENTS, body(customer_id=None, walk_in=True, start_time="10:30", notes=f"{WORD} three")
    )
    send("patch", walk_in, {"customer_id": salon.jane.pk})
    send("post", f"{walk_in}/status", {"status": "cancelled", "reason": f"{WORD} four"})
    return salon.jane


def stored(tenant):
    """Returns as text the rows of appointments, and the stored answers of requests."""
    with tenant_scope(tenant):
        rows = [
            *Appointment.objects.values_list("customer_id", "notes", "status_reason"),
            *AuditEvent.objects.filter(table="appointment").values_list("customer_id", "before", "after"),
            *IdempotencyRecord.objects.values_list("body"),
        ]
    return json.dumps(rows)


def test_an_export_tells_all_that_was_noted(jane):
    ran = run("export_customer", "--tenant", "lotus", "--id", jane.pk)
    [row] = json.loads(ran.stdout)["rows"]
    appointments = {one["start_time"]: one for one in row["appointments"]}
    assert appointments["09:00:00"]["notes"] == f"{WORD} one"
    assert (appointments["10:30:00"]["walk_in"], appointments["10:30:00"]["status_reason"]) == (False, f"{WORD} four")
    assert f"{WORD} two" in json.dumps(row["history"])


@pytest.mark.parametrize("how", ["purge", "erase"])
def test_nothing_noted_about_a_purged_customer_remains(jane, salon, super_admin, staff, body, how):
    other = CustomerFactory(tenant=salon.tenant)
    kept = staff.post(APPOINTMENTS, body(customer_id=other.pk, start_time="11:45", notes="Sparrow", override=["hours"]))
    assert (stored(salon.tenant).count(WORD), stored(salon.tenant).count(jane.pk)) > (8, 8)
    if how == "purge":
        assert super_admin.delete(f"{CUSTOMERS}/{jane.pk}?permanent=true").status_code == 200
    else:
        ran = run("erase_customer", "--tenant", "lotus", "--id", jane.pk, "--yes")
        start, end = ran.stdout.index("{"), ran.stdout.index("}\nlotus") + 1
        assert json.loads(ran.stdout[start:end])["removed"]["idempotency_records"] == 6
    after = stored(salon.tenant)
    assert [word for word in (WORD, jane.pk) if word in after] == []
    assert kept.status_code == 201
    assert "Sparrow" in after


def test_a_booking_counts_as_one_of_the_admin_does(salon, staff, admin, body, back_office):
    ann = CustomerFactory(tenant=salon.tenant)
    form = {
        "customer": ann.pk,
        "service": salon.cut.pk,
        "staff": salon.ana.pk,
        "outlet": salon.outlet.pk,
        "appointment_date": "2025-01-25",
        "start_time": "14:00",
        "end_time": "15:00",
        "status": "completed",
        "total_price": "350000",
        "payment_status": "unpaid",
        "payment_method": "",
        "paid_amount": "0",
        "notes": "",
    }
    assert back_office("staff").post("/admin/appointments/appointment/add/", form).status_code == 302
    booked = body(appointment_date="2025-01-25", start_time="14:00", status="completed")
    assert staff.post(APPOINTMENTS, booked).status_code == 201
    figures = ("total_appointments", "total_spent", "last_appointment_date")
    jane, by_form = (staff.get(f"{CUSTOMERS}/{pk}").json() for pk in (salon.jane.pk, ann.pk))
    assert {key: jane[key] for key in figures} == {key: by_form[key] for key in figures}
    histories = [staff.get(f"{CUSTOMERS}/{pk}/appointments").json() for pk in (salon.jane.pk, ann.pk)]
    assert histories[0]["statistics"] == histories[1]["statistics"]
    one, other = (history["appointments"][0] for history in histories)
    own = {"id", "customer_id", "created_at", "updated_at"}
    assert {key: value for key, value in one.items() if key not in own} == {
        key: value for key, value in other.items() if key not in {*own}
    } | {"buffer_minutes": one["buffer_minutes"]}
    summary = admin.get(f"{CUSTOMERS}/statistics/summary").json()["statistics"]
    assert (summary["total_appointments"], summary["total_revenue"]) == (2, 700000)
