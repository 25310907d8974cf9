"""A query that is compiled once: whoever asks, it is their values that are bound, and their scope."""

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import CharField, DateTimeField, Sum
from django.http import Http404
from django.utils import timezone
from psycopg.errors import DivisionByZero

from circe.db import session_settings
from circe.db.ids import IdField, new_id
from circe.db.prepared import PreparedQuery, QueryNotConstant, compiled
from circe.db.roles import as_owner
from tenants.models import Outlet, Service
from tenants.scope import ALL_TENANTS, NoTenantScope, tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory

NAMES = PreparedQuery(lambda **named: Outlet.objects.filter(**named).order_by("name").values_list("name"), pk=IdField())


@pytest.fixture(autouse=True)
def fresh():
    compiled.cache_clear()


@pytest.fixture
def both(tenant, stranger):
    return OutletFactory(tenant=tenant, name="Ours"), OutletFactory(tenant=stranger, name="Theirs")


@pytest.fixture
def without_row_level_security(monkeypatch):
    """Row-level security would hide the rows that the query asks for."""
    monkeypatch.setitem(session_settings.SETTINGS, "circe.tenant", lambda: "*")


def names(scope, **keywords):
    with tenant_scope(scope):
        return [name for (name,) in NAMES.rows(**keywords)]


@pytest.mark.parametrize("first", ["ours", "theirs", "all"])
def test_each_scope_has_its_own_rows_whichever_was_first(first, both, without_row_level_security, tenant, stranger):
    scopes = {"ours": tenant, "theirs": stranger, "all": ALL_TENANTS}
    found = {"ours": ["Ours"], "theirs": ["Theirs"], "all": ["Ours", "Theirs"]}
    for who in [first, *scopes, *reversed(scopes)]:
        assert names(scopes[who]) == found[who]
        for outlet in both:
            assert names(scopes[who], pk=outlet.pk) == [name for name in found[who] if name == outlet.name]
    assert compiled.cache_info().misses == 4


def test_outside_a_scope_nothing_runs(both, tenant):
    for _ in range(2):
        with pytest.raises(NoTenantScope):
            NAMES.rows()
        assert names(tenant) == ["Ours"]


@pytest.mark.django_db(transaction=True)
def test_two_tenants_at_once(both, without_row_level_security, tenant, stranger):
    start = threading.Barrier(4)

    def ask(scope, name):
        start.wait()
        try:
            return {tuple(names(scope)) for _ in range(50)} == {(name,)}
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(ask, [tenant, stranger] * 2, ["Ours", "Theirs"] * 2))


def test_the_manager_and_the_database_are_both_told(both, tenant, django_assert_num_queries):
    with django_assert_num_queries(1) as captured:
        assert names(tenant) == ["Ours"]
    assert f"\"tenant_id\" = '{tenant.pk}'" in captured[0]["sql"].replace("(", "").replace(")", "")


def test_the_database_keeps_the_statements_used_last(in_scope, monkeypatch):
    OutletFactory(tenant=in_scope)
    monkeypatch.setattr("circe.db.prepared.KEPT", 3)
    page = PreparedQuery(lambda stop: Outlet.objects.order_by("name").values_list("name", "pk")[:stop])
    for stop in (1, 2, 3, 1, 4, 5):
        page.rows(stop=stop)
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements WHERE name LIKE 'circe%' ORDER BY prepare_time")
        kept = [statement.rpartition(" ")[2] for (statement,) in cursor.fetchall()]
    assert kept == ["1", "4", "5"]


@pytest.mark.django_db(transaction=True)
def test_a_statement_outlives_a_failure_and_a_change_of_role(both, tenant):
    with transaction.atomic():
        assert names(tenant) == ["Ours"]
        transaction.set_rollback(True)
    with transaction.atomic():
        with as_owner():
            assert names(tenant) == ["Ours"]
        for _ in range(10):
            assert names(tenant) == ["Ours"]
    connection.close()
    assert names(tenant) == ["Ours"]


@pytest.mark.django_db(transaction=True)
def test_a_statement_of_a_broken_transaction_is_not_taken_for_known(both, tenant):
    # A new session, that knows none yet.
    connection.close()
    connection.ensure_connection()
    with transaction.atomic():
        with contextlib.suppress(DivisionByZero):
            connection.connection.execute("SELECT 1 / 0")
        with pytest.raises(DatabaseError):
            names(tenant)
        transaction.set_rollback(True)
    assert names(tenant) == ["Ours"]


def test_it_is_compiled_once_for_each_shape(in_scope):
    for size in (1, 2):
        OutletFactory(tenant=in_scope, name=f"Number {size}")
    page = PreparedQuery(lambda stop: Outlet.objects.order_by("name").values_list("name")[:stop])
    assert [len(page.rows(stop=stop)) for stop in (1, 2, 1, 2)] == [1, 2, 1, 2]
    assert compiled.cache_info()[:2] == (2, 2)


def test_values_are_given_as_the_fields_give_them(in_scope):
    ServiceFactory(tenant=in_scope, price=70)
    prices = PreparedQuery(
        lambda **until: Service.objects.filter(**until).values_list("tenant").annotate(Sum("price")),
        created_at__lte=DateTimeField(),
    )
    [(_, price)] = prices.rows(created_at__lte=timezone.now())
    assert (price, type(price)) == (70, int)


def test_one_row_or_a_404(both, tenant):
    ours, theirs = both
    with tenant_scope(tenant):
        assert NAMES.get_or_404(pk=ours.pk) == ("Ours",)
        for pk in (theirs.pk, new_id(), "x", "", "\0", ours.pk.upper()):
            with pytest.raises(Http404):
                NAMES.get_or_404(pk=pk)


class TestUnsound:
    """What would not be the same for the next request is refused when it is compiled."""

    @pytest.mark.parametrize(
        "build",
        [
            lambda name: Outlet.objects.all(),
            lambda name: Outlet.objects.filter(name=str(name)),
            lambda name: Outlet.objects.filter(name=name, created_at__lte=timezone.now()),
            lambda name: Outlet.objects.filter(name=name, address=time.perf_counter()),
            lambda name: Outlet.objects.filter(name=name, pk=new_id()),
            lambda name: Outlet.objects.filter(name=name).exclude(pk="507f1f77bcf86cd799439011"),
        ],
        ids=["a value left out", "made a text", "a moment", "another", "an id", "one id"],
    )
    def test_refused(self, build, in_scope):
        query = PreparedQuery(lambda name: build(name).values_list("name"), name=CharField())
        for _ in range(2):
            with pytest.raises(QueryNotConstant):
                query.rows(name="x")

    def test_a_tenant_of_its_own(self, in_scope):
        query = PreparedQuery(lambda: Outlet.objects.filter(tenant=in_scope).values_list("name"))
        with pytest.raises(QueryNotConstant):
            query.rows()
