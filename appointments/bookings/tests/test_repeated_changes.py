"""Changes of an appointment that is changed meanwhile, or that are sent twice: `If-Match`, `Idempotency-Key` and locks."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from appointments.bookings.tests.conftest import MONDAY
from appointments.bookings.tests.test_change import events_of, url_of

WRITES = {
    "put": lambda client, one, **headers: client.put(url_of(one), {"notes": "Late"}, headers=headers),
    "patch": lambda client, one, **headers: client.patch(url_of(one), {"notes": "Late"}, headers=headers),
    "reschedule": lambda client, one, **headers: client.post(
        url_of(one, "/reschedule"), {"appointment_date": MONDAY, "start_time": "10:00"}, headers=headers
    ),
    "status": lambda client, one, **headers: client.post(
        url_of(one, "/status"), {"status": "cancelled"}, headers=headers
    ),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_write_with_a_stale_etag_is_refused_and_one_with_the_current_etag_is_done(staff, book, write):
    booked = book()
    stale = staff.get(url_of(booked))["ETag"]
    changed = staff.patch(url_of(booked), {"total_price": 1})
    assert changed["ETag"] != stale
    refused = write(staff, booked, **{"If-Match": stale})
    assert (refused.status_code, refused.json()["code"]) == (412, "stale")
    assert staff.get(url_of(booked)).json() == changed.json()
    done = write(staff, booked, **{"If-Match": changed["ETag"]})
    assert done.status_code == 200
    assert done["ETag"] == staff.get(url_of(booked))["ETag"] != changed["ETag"]


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_change_sent_again_with_its_key_is_done_once(staff, book, write):
    booked = book()
    first, again = (write(staff, booked, **{"Idempotency-Key": "one"}) for _ in range(2))
    assert (first.status_code, again.status_code, again.content) == (200, 200, first.content)
    assert again["Idempotency-Replayed"] == "true"
    assert [event.action for event in events_of(booked)] == ["created", "updated"]


@pytest.mark.parametrize(
    ("verb", "change"),
    [("/status", {"status": "cancelled"}), ("/reschedule", {"appointment_date": MONDAY, "start_time": "10:00"})],
)
def test_a_change_locks_the_member_of_staff_before_the_appointment(staff, book, verb, change):
    booked = book()
    with CaptureQueriesContext(connection) as queries:
        assert staff.post(url_of(booked, verb), change).status_code == 200
    texts = [query["sql"] for query in queries]
    row_lock = next(number for number, text in enumerate(texts) if "FOR UPDATE" in text)
    (advisory_lock,) = [text for text in texts[:row_lock] if "pg_advisory_xact_lock" in text]
    assert booked["staff_id"] in advisory_lock
