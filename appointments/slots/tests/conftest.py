"""A salon of one person, on a Saturday."""

import pytest
import time_machine

from appointments.slots.tests.salon import NOW, works
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory


@pytest.fixture(autouse=True)
def today():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def outlet(tenant):
    return OutletFactory(tenant=tenant, name="Kemang")


@pytest.fixture
def rina(tenant, outlet):
    """Works every day from 9 to 12."""
    person = UserFactory(tenant=tenant, first_name="Rina", last_name="Wijaya")
    works(person, outlet, "09:00", "12:00")
    return person


@pytest.fixture
def cut(tenant):
    return ServiceFactory(tenant=tenant, name="Cut", duration_minutes=60, buffer_minutes=15, price=350000)
