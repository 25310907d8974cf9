"""Ids have 24 lower-case hex digits in the layout of ObjectId, and sort by time of creation."""

import datetime as dt

import pytest
import time_machine
from django.db import connection

from circe.db.ids import is_id, new_id
from tenants.models import Tenant
from tenants.tests.factories import TenantFactory


def test_an_id_is_24_lower_case_hex_digits_that_begin_with_the_seconds():
    with time_machine.travel(dt.datetime(2025, 1, 15, 10, 30, tzinfo=dt.UTC), tick=False):
        assert new_id()[:8] == f"{1736937000:08x}"
    assert all(is_id(new_id()) for _ in range(100))


def test_ids_sort_by_time_of_creation():
    with time_machine.travel(dt.datetime(2025, 1, 15, tzinfo=dt.UTC), tick=False) as clock:
        ids = []
        for _ in range(20):
            ids.append(new_id())
            clock.shift(1)
    assert ids == sorted(ids)


def test_ids_of_one_second_differ():
    assert len({new_id() for _ in range(10_000)}) == 10_000


@pytest.mark.parametrize(
    "value",
    [
        "507F1F77BCF86CD799439011",
        "507f1f77bcf86cd79943901",
        "507f1f77bcf86cd7994390111",
        "507f1f77bcf86cd79943901g",
        "507f1f77bcf86cd79943901\n",
        "507f1f77bcf86cd799439011\n",
        "507f1f77bcf86cd79943901\0",
        "٥٠٧٠٧٠٧٠٧٠٧٠٧٠٧٠٧٠٧٠٧٠٧٠",
        "",
        None,
        507,
        b"507f1f77bcf86cd799439011",
        ["507f1f77bcf86cd799439011"],
    ],
)
def test_a_value_of_another_form_is_no_id(value):
    assert not is_id(value)


def test_a_given_id_is_stored(db):
    assert Tenant.objects.get(pk=TenantFactory(pk="507f1f77bcf86cd799439011").pk).pk == "507f1f77bcf86cd799439011"


def test_a_query_for_a_malformed_id_raises_before_it_reaches_the_database(db):
    for value in ("x", "\0", "507F1F77BCF86CD799439011", ["x"]):
        with pytest.raises(ValueError, match="24 lower-case hex digits"):
            Tenant.objects.filter(pk=value).exists()
    with pytest.raises(ValueError, match="24 lower-case hex digits"):
        Tenant.objects.filter(pk__in=["x"]).exists()
    assert not Tenant.objects.filter(pk=None).exists()


def test_ids_are_compared_by_their_bytes(db):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT collation_name FROM information_schema.columns"
            " WHERE column_name = 'id' AND table_name = 'tenants_tenant'"
        )
        assert cursor.fetchall() == [("C",)]
