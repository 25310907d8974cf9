"""The view through which customers are found."""

import pytest
from django.db import DatabaseError, connection, transaction

from customers.models import Customer
from customers.models.searchable import SearchableCustomer
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory


def test_it_shows_every_customer_and_of_the_password_only_whether_there_is_one(in_scope, other_tenant):
    CustomerFactory(tenant=other_tenant)
    CustomerFactory(tenant=in_scope, password="hash", email_verified=True, tags=["vip"])
    DeletedCustomerFactory(tenant=in_scope)
    derived = {"has_password", "folded_name"}
    same = [field.attname for field in SearchableCustomer._meta.fields if field.name not in derived]
    assert len(SearchableCustomer.objects.all()) == 2
    assert list(SearchableCustomer.objects.values(*same)) == list(Customer.objects.values(*same))
    assert [row.has_password for row in SearchableCustomer.objects.all()] == [
        row.has_password for row in Customer.objects.all()
    ]
    assert "password" not in {field.name for field in SearchableCustomer._meta.fields}


@pytest.mark.parametrize("statement", ["DELETE FROM", "INSERT INTO", "UPDATE"])
def test_nobody_writes_through_it(db, statement):
    rest = {"INSERT INTO": "(phone) VALUES ('+6281')", "UPDATE": "SET phone = '+6281'"}.get(statement, "")
    with (
        # A cluster refuses to write through any view, before it looks at rights.
        pytest.raises(DatabaseError, match=r"permission denied|cannot modify views"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"{statement} customers_searchable {rest}")
