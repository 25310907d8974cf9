"""Prepares the measurements of availability and of bookings, and checks that both services answer alike."""

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg

from bench.compare import find_differences
from bench.load import Connection, request
from bench.samples import Samples
from bench.services import Service

APPOINTMENTS, AVAILABILITY = "/api/v1/appointments", "/api/v1/availability"
PEOPLE, DAYS, LIMIT = 30, 31, 20
# Bookings are made further ahead than availability is asked for, where the demo has no appointments.
FIRST_BOOKING, BOOKING_DAYS = 60, 90

# One service that PEOPLE people with working hours offer, and nobody else.
OFFER_SQL = """
WITH offer AS (
    SELECT id FROM tenants_service WHERE tenant_id = %(tenant)s AND is_active ORDER BY duration_minutes, id LIMIT 1
),
removed AS (
    DELETE FROM tenants_servicestaff WHERE tenant_id = %(tenant)s AND service_id = (SELECT id FROM offer)
),
person AS (
    SELECT DISTINCT hours.staff_id
    FROM appointments_workinghours AS hours
    JOIN tenants_user AS staff ON staff.id = hours.staff_id AND staff.is_active
    WHERE hours.tenant_id = %(tenant)s AND hours.valid_from IS NULL AND hours.valid_to IS NULL
    ORDER BY hours.staff_id LIMIT %(people)s
)
INSERT INTO tenants_servicestaff (id, tenant_id, created_at, updated_at, service_id, staff_id)
SELECT to_char(row_number() OVER (), 'FM000000000000000000000000'), %(tenant)s, now(), now(), offer.id, person.staff_id
FROM offer CROSS JOIN person
RETURNING service_id
"""


@dataclass(frozen=True)
class Offer:
    """A service, and the customers who book it."""

    service: str
    customers: list[str]

    def path(self, limit: int | None, *, first: int = 1, days: int = DAYS) -> str:
        """Returns the path of the availability from `first` days after today on."""
        begin = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=first)
        end = begin + dt.timedelta(days=days - 1)
        limited = "" if limit is None else f"&limit={limit}"
        return f"{AVAILABILITY}?service_id={self.service}&from_date={begin}&to_date={end}{limited}"


def prepare(connection: psycopg.Connection, samples: Samples) -> Offer:
    """Lets PEOPLE people offer one service. Ends the run if there are not so many."""
    values = {"tenant": samples.business.id, "people": PEOPLE}
    rows = psycopg.ClientCursor(connection).execute(OFFER_SQL, values).fetchall()
    if len(rows) < PEOPLE:
        raise SystemExit(f"Only {len(rows)} people have working hours, not {PEOPLE}: load more appointments.")
    customers = connection.execute(
        "SELECT id FROM customers_customer WHERE id = ANY(%s) AND is_active ORDER BY id", [samples.ids]
    ).fetchall()
    return Offer(rows[0][0], [pk for (pk,) in customers])


def compare_availability(services: list[Service], offer: Offer, token: str) -> None:
    """Ends the run if the services offer other slots."""
    for limit in (LIMIT, None):
        ours, theirs = (_slots(service, offer.path(limit), token) for service in services)
        found = [*find_differences(ours, theirs, f"availability, limit {limit}")]
        if found or not ours:
            raise SystemExit("\n".join(["The slots differ, or there are none:", *found[:20]]))


def new_bookings(service: Service, offer: Offer, token: str) -> Iterator[dict[str, Any]]:
    """Yields the bodies of bookings that do not overlap, until the free time is used up."""
    free_from: dict[str, str] = {}
    path = offer.path(None, first=FIRST_BOOKING, days=BOOKING_DAYS)
    for number, slot in enumerate(_slots(service, path, token)):
        starts_at, staff = slot["starts_at"], slot["staff_id"]
        if starts_at < free_from.get(staff, ""):
            continue
        # An hour and a half is longer than the shortest service with its buffer.
        after = dt.datetime.fromisoformat(starts_at) + dt.timedelta(minutes=90)
        free_from[staff] = f"{after:%Y-%m-%dT%H:%M:%SZ}"
        names = ("outlet_id", "staff_id", "appointment_date", "start_time")
        customer = offer.customers[number % len(offer.customers)]
        yield {"customer_id": customer, "service_id": offer.service, **{name: slot[name] for name in names}}


def compare_bookings(services: list[Service], bodies: Iterator[dict[str, Any]], token: str) -> None:
    """Ends the run if the answers to a booking differ in more than what is each booking's own."""
    answers = [
        json.loads(Connection(service.port).get(as_message(body, token)))
        for service, body in zip(services, bodies, strict=False)
    ]
    own = {"id", "created_at", "updated_at", "customer_id", "staff_id", "staff", "outlet_id", "outlet"}
    own |= {"appointment_date", "start_time", "end_time"}
    # Circe has more keys than a customer's history, which is what the yardstick answers.
    ours, theirs = ({name: answer[name] for name in answers[1].keys() - own} for answer in answers)
    found = [*find_differences(ours, theirs, "booking")]
    if found:
        raise SystemExit("\n".join(["The bookings differ:", *found]))


def as_message(body: dict[str, Any], token: str) -> bytes:
    """Returns the request that books."""
    return request(APPOINTMENTS, token, json.dumps(body).encode())


def _slots(service: Service, path: str, token: str) -> list[dict[str, Any]]:
    return json.loads(Connection(service.port).get(request(path, token)))["slots"]
