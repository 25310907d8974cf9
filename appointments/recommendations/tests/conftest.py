"""The business of the tests of recommendations, at a fixed time."""

import pytest
import time_machine

from appointments.recommendations.tests.salon import NOW, Salon
from tenants.scope import tenant_scope


@pytest.fixture
def salon(tenant):
    """A salon in scope, on a Saturday morning."""
    with time_machine.travel(NOW, tick=False), tenant_scope(tenant):
        yield Salon(tenant)
