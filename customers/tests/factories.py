"""Customers for tests."""

import datetime as dt

import factory

from customers.models import Customer, DeletionRequest
from tenants.tests.factories import TenantModelFactory


class CustomerFactory(TenantModelFactory):
    """A walk-in with both contacts. `password=` takes the hash."""

    class Meta:
        model = Customer

    first_name = "Jane"
    last_name = factory.Sequence(lambda n: f"Doe{n}")
    email = factory.Sequence(lambda n: f"jane{n}@example.com")
    phone = factory.Sequence(lambda n: f"+62812{n:07}")


class DeletedCustomerFactory(CustomerFactory):
    """A customer soft-deleted."""

    is_active = False
    is_deleted = True
    was_active = True


class DeletionRequestFactory(TenantModelFactory):
    """A request of a new customer unless given."""

    class Meta:
        model = DeletionRequest

    customer = factory.SubFactory(CustomerFactory, tenant=factory.SelfAttribute("..tenant"))
    due_at = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
