"""The text of a prepared query is the same for all requests: they differ only in values and tenant."""

import contextlib
import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import CharField, DateTimeField
from django.http import Http404
from django.utils import timezone
from psycopg.errors import DivisionByZero

from circe.db import session_settings
from circe.db.ids import IdField, new_id
from circe.db.prepared import QUERIES, PreparedQuery, QueryNotConstant, Sql, compile_all
from circe.db.roles import as_owner
from tenants.models import Outlet, Service
from tenants.scope import ALL_TENANTS, NoTenantScope, tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory

NAMES = PreparedQuery("test_names", lambda: Outlet.objects.order_by("name").values_list("name"))
NAME = PreparedQuery("test_name", lambda pk: Outlet.objects.filter(pk=pk).values_list("name"), pk=IdField())


@pytest.fixture(autouse=True)
def own_queries():
    """Removes the queries that a test has created."""
    before = dict(QUERIES)
    yield
    QUERIES.clear()
    QUERIES.update(before)


@pytest.fixture
def two_outlets(tenant, other_tenant):
    return OutletFactory(tenant=tenant, name="Ours"), OutletFactory(tenant=other_tenant, name="Theirs")


@pytest.fixture
def without_row_level_security(monkeypatch):
    """Switches row-level security off. It would hide wrong rows, which the test wants to see."""
    monkeypatch.setitem(session_settings.SETTINGS, "circe.tenant", lambda: "*")


def read_names(scope):
    with tenant_scope(scope):
        return [name for (name,) in NAMES.rows()]


def read_name(scope, pk):
    with tenant_scope(scope):
        return [name for (name,) in NAME.rows(pk=pk)]


@pytest.mark.parametrize("first", ["ours", "theirs", "all"])
def test_each_scope_reads_its_own_rows_whichever_is_first(
    first, two_outlets, without_row_level_security, tenant, other_tenant
):
    NAMES.statements.clear()
    NAME.statements.clear()
    scopes = {"ours": tenant, "theirs": other_tenant, "all": ALL_TENANTS}
    found = {"ours": ["Ours"], "theirs": ["Theirs"], "all": ["Ours", "Theirs"]}
    for scope in [first, *scopes, *reversed(scopes)]:
        assert read_names(scopes[scope]) == found[scope]
        for outlet in two_outlets:
            assert read_name(scopes[scope], outlet.pk) == [name for name in found[scope] if name == outlet.name]
    # There are two texts, however many tenants there are.
    assert NAMES.statements.keys() == NAME.statements.keys() == {"one_tenant", "all_tenants"}


def test_outside_a_scope_a_query_raises(two_outlets, tenant):
    for _ in range(2):
        with pytest.raises(NoTenantScope):
            NAMES.rows()
        assert read_names(tenant) == ["Ours"]


@pytest.mark.django_db(transaction=True)
def test_two_tenants_read_their_own_rows_at_the_same_time(
    two_outlets, without_row_level_security, tenant, other_tenant
):
    start = threading.Barrier(4)

    def ask(scope, name):
        start.wait()
        try:
            return {tuple(read_names(scope)) for _ in range(50)} == {(name,)}
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(ask, [tenant, other_tenant] * 2, ["Ours", "Theirs"] * 2))


def test_the_text_has_the_managers_filter(two_outlets, tenant, django_assert_num_queries):
    with django_assert_num_queries(1) as captured:
        assert read_names(tenant) == ["Ours"]
    assert f"\"tenant_id\" = '{tenant.pk}'" in captured[0]["sql"].replace("(", "").replace(")", "")


def test_the_text_for_one_tenant_has_the_tenant_as_parameter_and_the_text_for_all_has_not(db):
    compile_all()
    scoped = [query for query in QUERIES.values() if query.scoped]
    assert scoped
    for query in scoped:
        one, every = query.statements["one_tenant"], query.statements["all_tenants"]
        [position] = [number for number, one in enumerate(one.parameters, 1) if one.name == "tenant_in_scope"]
        text = one.text.replace('"', "").replace(f"= ${position}", f"= (${position})")
        assert f"tenant_id = (${position})" in text, query.name
        assert [one.name for one in every.parameters if one.name == "tenant_in_scope"] == [], query.name


def test_every_prepared_query_of_circe_is_accepted_by_postgresql(db):
    compile_all()
    for query in QUERIES.values():
        for statement in query.statements.values():
            with transaction.atomic():
                connection.connection.execute(statement.prepare_sql.replace(statement.name, "circe_trial", 1))
                connection.connection.execute("DEALLOCATE circe_trial")


@pytest.mark.django_db(transaction=True)
def test_a_statement_outlives_a_rollback_and_a_change_of_role(two_outlets, tenant):
    with transaction.atomic():
        assert read_names(tenant) == ["Ours"]
        transaction.set_rollback(True)
    with transaction.atomic():
        with as_owner():
            assert read_names(tenant) == ["Ours"]
        for _ in range(10):
            assert read_names(tenant) == ["Ours"]
    connection.close()
    assert read_names(tenant) == ["Ours"]


@pytest.mark.django_db(transaction=True)
def test_a_statement_of_a_broken_transaction_is_prepared_again(two_outlets, tenant):
    # A new session has not prepared the statement yet.
    connection.close()
    connection.ensure_connection()
    with transaction.atomic():
        with contextlib.suppress(DivisionByZero):
            connection.connection.execute("SELECT 1 / 0")
        with pytest.raises(DatabaseError):
            read_names(tenant)
        transaction.set_rollback(True)
    assert read_names(tenant) == ["Ours"]


def test_a_session_prepares_a_statement_once(two_outlets, tenant, other_tenant):
    for scope in (tenant, other_tenant, tenant):
        read_names(scope)
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_prepared_statements WHERE name LIKE 'circe_test_names_one%'")
        assert cursor.fetchall() == [("circe_test_names_one_tenant",)]


def test_values_are_converted_by_their_fields(in_scope):
    ServiceFactory(tenant=in_scope, price=70)
    prices = PreparedQuery(
        "test_prices",
        lambda until: Service.objects.filter(created_at__lte=until).values_list("price"),
        until=DateTimeField(),
    )
    assert prices.rows(until=timezone.now()) == [(70,)]


def test_handwritten_sql_contains_querysets_and_parameters(two_outlets, tenant, without_row_level_security):
    query = PreparedQuery(
        "test_by_hand",
        lambda **given: Sql(
            "SELECT name || {end} FROM ({outlets}) AS outlet", outlets=Outlet.objects.values("name"), **given
        ),
        end=CharField(),
    )
    with tenant_scope(tenant):
        assert query.rows(end="!") == [("Ours!",)]


def test_get_or_404_returns_one_row_or_raises_http404(two_outlets, tenant):
    ours, theirs = two_outlets
    with tenant_scope(tenant):
        assert NAME.get_or_404(pk=ours.pk) == ("Ours",)
        for pk in (theirs.pk, new_id(), "x", "", "\0", ours.pk.upper()):
            with pytest.raises(Http404):
                NAME.get_or_404(pk=pk)


def test_a_second_query_with_the_same_name_is_refused():
    with pytest.raises(ValueError, match="two prepared queries"):
        PreparedQuery("test_names", lambda: Outlet.objects.values_list("name"))


@pytest.mark.parametrize(
    "build",
    [
        lambda name: Outlet.objects.all(),
        lambda name: Outlet.objects.filter(name=str(name)),
        lambda name: Outlet.objects.filter(name=name, created_at__lte=timezone.now()),
        lambda name: Outlet.objects.filter(name=name, created_at__date=dt.date(2025, 1, 1)),
        lambda name: Outlet.objects.filter(name=name, pk=new_id()),
        lambda name: Outlet.objects.filter(name=name).exclude(pk="507f1f77bcf86cd799439011"),
    ],
    ids=["a value left out", "made a text", "a moment", "a day", "an id", "one id"],
)
def test_a_text_with_a_value_of_one_request_is_refused(build, in_scope):
    query = PreparedQuery("test_refused", lambda name: build(name).values_list("name"), name=CharField())
    for _ in range(2):
        with pytest.raises(QueryNotConstant):
            query.rows(name="x")


def test_a_text_with_the_id_of_a_tenant_is_refused(in_scope):
    query = PreparedQuery("test_tenant", lambda: Outlet.objects.filter(tenant=in_scope).values_list("name"))
    with pytest.raises(QueryNotConstant):
        query.rows()


def test_a_session_plans_a_prepared_statement_once(db):
    """Without the setting, PostgreSQL would plan it for its values the first five times."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW plan_cache_mode")
        assert cursor.fetchone() == ("force_generic_plan",)
