"""Customers for tests."""

import factory

from customers.models import Customer
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
