"""After a permanent delete a dump of the database holds nothing of the person, whichever way they went, and all figures
are as before.
"""

import datetime as dt
import io
import os
import re
import subprocess

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone

from appointments.models import Appointment, Status
from appointments.tests.factories import AppointmentFactory
from appointments.tests.stored import read_appointments
from circe.embedded_postgres import programs_directory
from customers.models import Customer
from customers.models.imports import CustomerImport
from customers.tests.bodies import CUSTOMERS
from customers.tests.factories import CustomerFactory
from customers.tests.pages import act, change
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory
from tenants.tests.shell import run

pytestmark = pytest.mark.django_db(transaction=True)

FIRST = {
    "first_name": "Quetzalcoatl",
    "last_name": "Xylophonova",
    "email": "Zanzibar@example.com",
    "phone": "+62 812-9990-001",
    "password": "SecurePass123!",
    "address": "Wintergarden 1",
    "date_of_birth": "1981-07-23",
    "preferences": {"notes": "Hummingbird", "accessibility_needs": "Ramp-B", "preferred_categories": ["cactus"]},
}
SECOND = {"last_name": "Zwölfender", "email": "kilimanjaro@example.com", "phone": "+628129990002"}
TRACES = (
    *("quetzalcoatl", "xylophonova", "zanzibar", "8129990001", "wintergarden", "1981-07-23", "hummingbird", "ramp-b"),
    *("cactus", "zwölfender", "kilimanjaro", "8129990002", "axolotl", "pangolin", "tamarillo"),
)


def dump():
    """Returns the output of `pg_dump --data-only`, in lower case, and once more without what stands between the digits of a
    number; with what files and sessions hold, which it prints encoded.
    """
    server = connection.settings_dict
    where = {"PGHOST": server["HOST"], "PGPORT": server["PORT"], "PGUSER": server["USER"], "PGDATABASE": server["NAME"]}
    where |= {"PGPASSWORD": server["PASSWORD"]}
    done = subprocess.run(
        [programs_directory() / "pg_dump", "--data-only", "--enable-row-security"],
        env=os.environ | {name: str(value) for name, value in where.items() if value},
        capture_output=True,
        check=True,
    )
    sessions = "".join(str(session.get_decoded()) for session in Session.objects.all())
    text = done.stdout.decode()
    files = b" ".join(bytes.fromhex(part) for part in re.findall(r"\\\\x((?:[0-9a-f]{2})+)", text)).decode(
        errors="replace"
    )
    everything = f"{text} {files} {sessions}".lower()
    return everything + re.sub(r"(?<=\d)[ ().-]+(?=\d)", "", everything)


@pytest.fixture
def customer(tenant, admin, manager, back_office, anonymous):
    """Somebody who left traces wherever one can: by the API, by the admin, in appointments and at the log-in."""
    service, outlet, person = ServiceFactory(tenant=tenant), OutletFactory(tenant=tenant), UserFactory(tenant=tenant)
    preferences = {
        "preferred_services": [service.pk],
        "preferred_staff_ids": [person.pk],
        "preferred_outlet_id": outlet.pk,
    }
    body = FIRST | {"preferences": FIRST["preferences"] | preferences}
    url = admin.post(CUSTOMERS, body, headers={"Idempotency-Key": "create"}).headers["Location"]
    with tenant_scope(tenant):
        customer = Customer.objects.get()
    shared = {"tenant": tenant, "customer": customer, "service": service, "outlet": outlet, "staff_id": person.pk}
    for day, status in enumerate(Status, 1):
        AppointmentFactory(
            **shared, appointment_date=dt.date(2025, 1, day), status=status, notes="Hummingbird", paid_amount=day
        )
    with tenant_scope(tenant):
        Appointment.objects.update(notes="Axolotl")
        # And one that turned out to be somebody else's.
        booked = AppointmentFactory(**shared, appointment_date=dt.date(2025, 2, 1), notes="Pangolin")
        booked.customer, booked.notes = CustomerFactory(tenant=tenant), "Theirs"
        booked.save()
    assert manager.patch(url, SECOND, headers={"Idempotency-Key": "change"}).status_code == 200
    assert change(back_office("outlet_manager"), customer, address="Wintergarden 2").status_code == 302
    assert admin.delete(url).status_code == 200
    assert admin.post(f"{url}/restore").status_code == 200
    anonymous.post("/api/v1/auth/login", {"email": SECOND["email"], "password": "guess"})
    with tenant_scope(tenant):
        # Refused for the number, which is somebody else's by now.
        CustomerImport.objects.create(file_name="people.csv").store("file", io.BytesIO(b"Tamarillo,0812 999-0002"))
    return customer


def by_the_api(customer, super_admin, back_office):
    assert super_admin.delete(f"{CUSTOMERS}/{customer.pk}?permanent=true").status_code == 200


def by_the_admin(customer, super_admin, back_office):
    assert act(back_office("super_admin"), "purge", customer, asked="1", typed="1 customer").status_code == 302


def by_erase_customer(customer, super_admin, back_office):
    assert run("erase_customer", "--tenant", "lotus", "--email", SECOND["email"], "--yes").code == 0


def by_purge_customers(customer, super_admin, back_office):
    long_ago = timezone.now() - dt.timedelta(days=31)
    super_admin.delete(f"{CUSTOMERS}/{customer.pk}")
    with tenant_scope(customer.tenant):
        Customer.objects.update(deleted_at=long_ago)
    assert run("purge_customers", "--tenant", "lotus", "--older-than", "30d", "--yes").lines[-1] == "lotus: 1 purged"


WAYS = [by_the_api, by_the_admin, by_erase_customer, by_purge_customers]


@pytest.mark.slow("dumps the database twice for each way to remove a person")
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_nothing_of_the_person_is_left_and_every_figure_stays(customer, super_admin, back_office, tenant, way):
    summary = f"{CUSTOMERS}/statistics/summary?tenant_id={tenant.pk}"
    figures = super_admin.get(summary).json()["statistics"]
    with tenant_scope(tenant):
        appointments = read_appointments()
    before = dump()
    assert [trace for trace in TRACES if trace not in before] == []

    way(customer, super_admin, back_office)

    after = dump()
    assert [trace for trace in (*TRACES, customer.password) if trace in after] == []
    left = super_admin.get(summary).json()["statistics"]
    for name in ("total_revenue", "total_appointments"):
        assert left[name] == figures[name] > 0
    with tenant_scope(tenant):
        nobodys = {"customer_id": None, "notes": None}
        assert read_appointments() == [
            row | nobodys if row["customer_id"] == customer.pk else row for row in appointments
        ]
