"""Fixtures for the tests of every app: two tenants, and clients of every role."""

import gc
import re
from contextvars import ContextVar

import pytest
from django.contrib.auth.hashers import make_password
from django.core.exceptions import FullResultSet
from django.db import connection
from django.test import Client, TransactionTestCase
from hypothesis import settings
from rest_framework.test import APIClient

from circe.db import session_settings
from circe.db.prepared import QUERIES, _prepared_names
from circe.db.roles import APPLICATION_OPTIONS, as_owner
from circe.tests import migrated_template, quick_flush
from circe.tests.captured_sql import expand_prepared
from customers.models import Customer, CustomerSession
from customers.tests.factories import CustomerFactory
from tenants import scope
from tenants.audit.context import audit_context
from tenants.models import LoginSession, Role
from tenants.scope import AllTenants, TenantFilter, current_scope, tenant_scope
from tenants.tests.factories import PASSWORD, TenantFactory, UserFactory

pytest_plugins = ["circe.tests.browser", "circe.tests.page_walk"]

# The id of a test shows a parameter of at most this number of bytes.
MAX_BYTES_IN_ID = 100
# Modules and collected tests stay until the end, so the garbage collector is off while they are loaded.
# pytest_collection_finish turns it on again.
gc.disable()

# The examples are the same each time, so that a red suite stays red. A slow machine is no failure.
settings.register_profile("suite", derandomize=True, deadline=None)
settings.load_profile("suite")


@pytest.hookimpl(trylast=True)
def pytest_make_parametrize_id(val, argname):
    """Returns the id of a parameter that is a file: the name of the argument. A workbook has the time of its creation in it,
    so its content would give a test other ids in other workers of pytest-xdist, which then refuse to run.
    """
    return argname if isinstance(val, bytes) and len(val) > MAX_BYTES_IN_ID else None


def pytest_collection_modifyitems(config, items):
    """Puts the slow tests first in the workers of pytest-xdist. Otherwise one worker could end with a long test while the
    others have nothing left to do.
    """
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish():
    """Lets the garbage collector run rarely, and not over the thousands of tests, which live until the end.

    It took 7 % of the suite's time, and a quarter of the time in which tests are collected.
    """
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
    gc.enable()


def call_on_large_stack(function, *args):
    """Calls the function, with room for the frames of all that it calls."""
    return function(*args)


# CPython keeps its frames in pieces of 16 kB: a call that crosses the end of one maps memory and unmaps it again, thousands
# of times a test. A frame of half a megabyte gets a piece of one megabyte, whose other half is room for those above it.
call_on_large_stack.__code__ = call_on_large_stack.__code__.replace(co_stacksize=2**16)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    """Runs a test as pytest does, on a large stack."""
    runner = item.config.pluginmanager.get_plugin("runner")
    return call_on_large_stack(runner.pytest_runtest_protocol, item, nextitem)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings):
    """Has the test database copied from a migrated one, if the tests' own server has one."""
    if "EMBEDDED_SERVER" in connection.settings_dict:
        migrated_template.use_template(connection.settings_dict)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup):
    """Creates the test database as its owner. The tests then use the application's role."""
    if "EMBEDDED_SERVER" in connection.settings_dict:
        connection.close()
        migrated_template.keep_template(connection.settings_dict)
        quick_flush.allow_quick_flush(connection.settings_dict)
        # Private to Django, which has no other place for it. If Django stops calling it, the tests call `flush` again.
        TransactionTestCase._fixture_teardown = quick_flush.empty_tables
    options = connection.settings_dict["OPTIONS"]
    options["options"] = APPLICATION_OPTIONS
    connection.close()
    yield
    del options["options"]
    connection.close()


@pytest.fixture(autouse=True)
def every_row_without_a_scope(monkeypatch):
    """Lets the test's own queries see every tenant's rows where no scope was opened.

    Requests and commands close the scope first, so it does not apply to them.
    """
    # A new variable, so that a scope which a test leaves open ends with the test.
    unopened = AllTenants()
    variable = ContextVar("tenant_scope", default=unopened)
    monkeypatch.setattr(scope, "_scope", variable)
    monkeypatch.setitem(
        session_settings.SETTINGS,
        "circe.tenant",
        lambda: scope.tenant_setting() or ("*" if variable.get() is unopened else ""),
    )


@pytest.fixture(autouse=True)
def nobody_acts():
    """Lets each test begin and end without an actor. A test may sign somebody in outside a request."""
    with audit_context():
        yield


@pytest.fixture(autouse=True)
def statements_without_settings(monkeypatch):
    """Captures statements without their session settings, and prepared statements with their full text."""
    executed = connection.ops.last_executed_query

    def alone(cursor, sql, params):
        return expand_prepared(sql, params) or re.sub(
            r"\ASET LOCAL circe\.tenant = .*?'; SET LOCAL circe\.actor = .*?'; ", "", executed(cursor, sql, params)
        )

    monkeypatch.setattr(connection.ops, "last_executed_query", alone)


@pytest.fixture(params=["both", "the manager's alone", "the database's alone"])
def each_tenant_guard(request, db, monkeypatch):
    """Runs the test three times: with both guards of the tenant boundary, and with each of them alone. Yields which."""
    if request.param == "the manager's alone":
        with as_owner(), connection.cursor() as cursor:
            cursor.execute("SELECT oid::regclass::text FROM pg_class WHERE relrowsecurity")
            for (table,) in cursor.fetchall():
                cursor.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
        # The searchable view has the policy's condition in its own text.
        monkeypatch.setitem(session_settings.SETTINGS, "circe.tenant", lambda: "*")
    if request.param == "the database's alone":
        monkeypatch.setattr(TenantFilter, "as_sql", unfiltered)
    # Prepared queries have the manager's filter in their text.
    reset_prepared_queries()
    yield request.param
    reset_prepared_queries()


def reset_prepared_queries():
    """Removes the texts of all prepared queries, and the prepared statements of the session."""
    for query in QUERIES.values():
        query.statements.clear()
    if connection.connection is not None:
        connection.connection.execute("DEALLOCATE ALL")
        _prepared_names.pop(connection.connection, None)


def unfiltered(*args, **kwargs):
    """Replaces the tenant's condition by one that holds for every row. Raises if no scope is open."""
    current_scope()
    raise FullResultSet


@pytest.fixture
def tenant(db):
    """The business of most tests."""
    return TenantFactory(
        slug="lotus", name="Lotus", time_zone="Asia/Jakarta", currency="IDR", phone_region="ID", language="id"
    )


@pytest.fixture
def other_tenant(db):
    """Another business, whose data users of `tenant` must not see."""
    return TenantFactory(
        slug="nordlys", name="Nordlys", time_zone="Europe/Oslo", currency="NOK", phone_region="NO", language="nb"
    )


def client_of(user):
    """Returns a client with a real access token of `user`."""
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {LoginSession.start(user).token_pair()['access']}")
    client.user = user
    return client


@pytest.fixture
def as_role(tenant):
    """Returns a function: `as_role("staff")` is the client of a new user with that role in `tenant`, or in `tenant=…`."""

    def make(role, tenant=tenant):
        return client_of(UserFactory(role=role, tenant=None if role == Role.SUPER_ADMIN else tenant))

    return make


def portal_client_of(customer):
    """Returns a client with a real access token of the portal, after giving the customer what signing in needs."""
    with tenant_scope(customer.tenant):
        Customer.objects.filter(pk=customer.pk).update(password=make_password(PASSWORD), email_verified=True)
        customer.refresh_from_db(fields=["password", "email_verified"])
        tokens = CustomerSession.start(customer).token_pair()
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens['access']}")
    client.customer = customer
    client.url = f"/api/v1/portal/{customer.tenant.slug}/me"
    return client


@pytest.fixture
def portal_client(tenant):
    """Returns a function: `portal_client(customer)` is the client of a customer, or of a new one of `tenant`."""

    def sign_in(customer=None, **values):
        return portal_client_of(customer or CustomerFactory(**{"tenant": tenant, **values}))

    return sign_in


@pytest.fixture
def anonymous():
    """A client without a token."""
    return APIClient(raise_request_exception=False)


@pytest.fixture
def staff(as_role):
    return as_role("staff")


@pytest.fixture
def manager(as_role):
    return as_role("outlet_manager")


@pytest.fixture
def admin(as_role):
    return as_role("tenant_admin")


@pytest.fixture
def super_admin(as_role):
    return as_role("super_admin")


@pytest.fixture
def in_scope(tenant):
    """Opens the scope of `tenant` for the test's own queries."""
    with tenant_scope(tenant):
        yield tenant


@pytest.fixture
def back_office(tenant):
    """Returns a function: `back_office("staff")` is a test client in which a new user with that role is signed in."""

    def make(role, tenant=tenant):
        user = UserFactory(role=role, tenant=None if role == Role.SUPER_ADMIN else tenant)
        browser = Client(raise_request_exception=False)
        response = browser.post("/admin/login/", {"username": user.email, "password": PASSWORD})
        assert response.status_code == 302, response.content
        browser.user = user
        return browser

    return make
