"""The salon that customers book, and a customer who is signed in to its portal."""

import pytest

from appointments.bookings.tests.conftest import MONDAY, employ, salon

__all__ = ["employ", "salon"]


@pytest.fixture
def jane(salon, portal_client):
    """The client of Jane, a customer of the salon."""
    return portal_client(salon.jane)


@pytest.fixture
def body(salon):
    """Returns a function: `body(start_time="10:00")` books a cut with Ana on a Monday at 9, unless told otherwise."""

    def body(**changes):
        return {
            "service_id": salon.cut.pk,
            "outlet_id": salon.outlet.pk,
            "staff_id": salon.ana.pk,
            "appointment_date": MONDAY,
            "start_time": "09:00:00",
        } | changes

    return body


@pytest.fixture
def book(jane, body):
    """Returns a function by which Jane books, and which returns the appointment of the answer."""

    def book(**changes):
        answer = jane.post(f"{jane.url}/appointments", body(**changes))
        assert answer.status_code == 201, answer.content
        return answer.json()

    return book
