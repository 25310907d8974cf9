"""The roles of the database belong to the whole server: migrations of two databases may create them at the same moment."""

import os
import threading

import psycopg
import pytest
from django.conf import settings
from django.db import DataError, connection, transaction

from circe.db.roles import APPLICATION_ROLE, as_owner
from tenants.tests.locks import until_blocked

FILE = settings.BASE_DIR / "tenants" / "sql" / "application_roles.sql"


@pytest.mark.django_db(transaction=True)
def test_two_migrations_may_create_a_role_at_the_same_moment():
    # A role of this test's own: the one that the policies name is in use.
    role = f"circe_test_{os.getpid()}"
    statement = FILE.read_text().partition("$$;")[0].replace("circe_rls_bypass", role) + "$$"
    parameters = connection.get_connection_params()
    own = {name: value for name, value in parameters.items() if name in {"dbname", "host", "port", "user", "password"}}
    errors = []

    def create_too():
        try:
            second.execute(statement)
        except psycopg.Error as error:
            errors.append(str(error))

    with psycopg.connect(**own) as first, psycopg.connect(**own) as second:
        try:
            first.execute(statement)
            other = threading.Thread(target=create_too)
            other.start()
            until_blocked()
            first.commit()
            other.join()
            assert errors == []
        finally:
            second.rollback()
            first.execute(f"DROP ROLE IF EXISTS {role}")
            first.commit()


@pytest.mark.django_db
def test_an_error_of_the_owner_is_shown_and_its_rollback_gives_the_role_back():
    with (
        pytest.raises(DataError, match="division by zero"),
        transaction.atomic(),
        as_owner(),
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT 1 / 0")
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == (APPLICATION_ROLE,)


@pytest.mark.django_db
def test_the_plan_of_a_request_is_not_compiled():
    with connection.cursor() as cursor:
        cursor.execute("SHOW jit")
        assert cursor.fetchone() == ("off",)
