"""The figures of one answer agree with each other, even if rows are written meanwhile."""

from threading import Thread

import pytest
from django.db import connection, connections

from analytics.tests.conftest import URL
from customers.models import Customer
from customers.tests.factories import CustomerFactory
from tenants.scope import tenant_scope


@pytest.mark.django_db(transaction=True)
def test_a_customer_who_is_created_meanwhile_is_in_none_of_the_figures(tenant, admin, clock):
    CustomerFactory(tenant=tenant)

    def create_customer():
        CustomerFactory(tenant=tenant)
        connections.close_all()

    threads = []

    def create_in_between(execute, sql, params, many, context):
        """Creates a customer between the statements that count customers and segments."""
        result = execute(sql, params, many, context)
        if "customers_customermonthlycounts" in sql and not threads:
            threads.append(Thread(target=create_customer))
            threads[0].start()
            threads[0].join()
        return result

    with connection.execute_wrapper(create_in_between):
        figures = admin.get(URL).json()["statistics"]
    assert threads
    with tenant_scope(tenant):
        assert Customer.objects.count() == 2
    assert figures["total_customers"] == sum(figures["customer_segments"].values()) == 1
    assert admin.get(URL).json()["statistics"]["total_customers"] == 2
