"""A prepared query: whoever asks, only their values and their tenant are bound to a text that is the same for everyone."""

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
    """Queries that a test makes are gone after it."""
    before = dict(QUERIES)
    yield
    QUERIES.clear()
    QUERIES.update(before)


@pytest.fixture
def both(tenant, stranger):
    return OutletFactory(tenant=tenant, name="Ours"), OutletFactory(tenant=stranger, name="Theirs")


@pytest.fixture
def without_row_level_security(monkeypatch):
    """Row-level security would hide the rows that the query asks for."""
    monkeypatch.setitem(session_settings.SETTINGS, "circe.tenant", lambda: "*")


def names(scope):
    with tenant_scope(scope):
        return [name for (name,) in NAMES.rows()]


def name(scope, pk):
    with tenant_scope(scope):
        return [name for (name,) in NAME.rows(pk=pk)]


@pytest.mark.parametrize("first", ["ours", "theirs", "all"])
def test_each_scope_has_its_own_rows_whichever_was_first(first, both, without_row_level_security, tenant, stranger):
    NAMES.statements.clear()
    NAME.statements.clear()
    scopes = {"ours": tenant, "theirs": stranger, "all": ALL_TENANTS}
    found = {"ours": ["Ours"], "theirs": ["Theirs"], "all": ["Ours", "Theirs"]}
    for who in [first, *scopes, *reversed(scopes)]:
        assert names(scopes[who]) == found[who]
        for outlet in both:
            assert name(scopes[who], outlet.pk) == [name for name in found[who] if name == outlet.name]
    # Two texts at most, however many tenants ask.
    assert NAMES.statements.keys() == NAME.statements.keys() == {"one_tenant", "all_tenants"}


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


def test_the_text_of_one_tenant_has_the_tenant_as_a_parameter_and_the_text_of_all_has_none(db):
    compile_all()
    scoped = [query for query in QUERIES.values() if query.scoped]
    assert scoped
    for query in scoped:
        one, every = query.statements["one_tenant"], query.statements["all_tenants"]
        [place] = [number for number, one in enumerate(one.parameters, 1) if one.name == "tenant_in_scope"]
        assert f'"tenant_id" = (${place})' in one.text.replace(f"= ${place}", f"= (${place})"), query.name
        assert [one.name for one in every.parameters if one.name == "tenant_in_scope"] == [], query.name


def test_every_prepared_query_of_circe_is_accepted_by_postgresql(db):
    compile_all()
    for query in QUERIES.values():
        for statement in query.statements.values():
            with transaction.atomic():
                connection.connection.execute(statement.prepare_sql.replace(statement.name, "circe_trial", 1))
                connection.connection.execute("DEALLOCATE circe_trial")


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
def test_a_statement_of_a_broken_transaction_is_prepared_again(both, tenant):
    # A new session, that has prepared none yet.
    connection.close()
    connection.ensure_connection()
    with transaction.atomic():
        with contextlib.suppress(DivisionByZero):
            connection.connection.execute("SELECT 1 / 0")
        with pytest.raises(DatabaseError):
            names(tenant)
        transaction.set_rollback(True)
    assert names(tenant) == ["Ours"]


def test_a_session_prepares_a_statement_once(both, tenant, stranger):
    for scope in (tenant, stranger, tenant):
        names(scope)
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_prepared_statements WHERE name LIKE 'circe_test_names_one%'")
        assert cursor.fetchall() == [("circe_test_names_one_tenant",)]


def test_values_are_given_as_the_fields_give_them(in_scope):
    ServiceFactory(tenant=in_scope, price=70)
    prices = PreparedQuery(
        "test_prices",
        lambda until: Service.objects.filter(created_at__lte=until).values_list("price"),
        until=DateTimeField(),
    )
    assert prices.rows(until=timezone.now()) == [(70,)]


def test_sql_by_hand_takes_querysets_and_parameters(both, tenant, without_row_level_security):
    query = PreparedQuery(
        "test_by_hand",
        lambda **given: Sql(
            "SELECT name || {end} FROM ({outlets}) AS outlet", outlets=Outlet.objects.values("name"), **given
        ),
        end=CharField(),
    )
    with tenant_scope(tenant):
        assert query.rows(end="!") == [("Ours!",)]


def test_one_row_or_a_404(both, tenant):
    ours, theirs = both
    with tenant_scope(tenant):
        assert NAME.get_or_404(pk=ours.pk) == ("Ours",)
        for pk in (theirs.pk, new_id(), "x", "", "\0", ours.pk.upper()):
            with pytest.raises(Http404):
                NAME.get_or_404(pk=pk)


def test_a_name_is_given_once():
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
def test_what_would_not_be_the_same_for_the_next_request_is_refused(build, in_scope):
    query = PreparedQuery("test_refused", lambda name: build(name).values_list("name"), name=CharField())
    for _ in range(2):
        with pytest.raises(QueryNotConstant):
            query.rows(name="x")


def test_a_tenant_of_its_own_is_refused(in_scope):
    query = PreparedQuery("test_tenant", lambda: Outlet.objects.filter(tenant=in_scope).values_list("name"))
    with pytest.raises(QueryNotConstant):
        query.rows()


def test_a_session_plans_a_prepared_statement_once(db):
    """PostgreSQL would plan it for the values of the first five times, and then decide."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW plan_cache_mode")
        assert cursor.fetchone() == ("force_generic_plan",)
