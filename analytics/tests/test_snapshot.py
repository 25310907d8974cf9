"""The figures of one answer agree with each other, whatever others write meanwhile."""

from threading import Thread

import pytest
from django.db import connection, connections

from analytics.tests.conftest import URL
from customers.models import Customer
from customers.tests.factories import CustomerFactory


@pytest.mark.django_db(transaction=True)
def test_a_customer_who_comes_in_between_is_in_none_of_the_figures(tenant, admin, clock):
    CustomerFactory(tenant=tenant)

    def come():
        CustomerFactory(tenant=tenant)
        connections.close_all()

    came = []

    def let_come(execute, sql, params, many, context):
        """After the statement that counts the customers, before the one that counts the segments."""
        result = execute(sql, params, many, context)
        if "customers_customermonthlycounts" in sql and not came:
            came.append(Thread(target=come))
            came[0].start()
            came[0].join()
        return result

    with connection.execute_wrapper(let_come):
        figures = admin.get(URL).json()["statistics"]
    assert came
    assert Customer._base_manager.count() == 2
    assert figures["total_customers"] == sum(figures["customer_segments"].values()) == 1
    assert admin.get(URL).json()["statistics"]["total_customers"] == 2
