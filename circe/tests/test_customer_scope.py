"""The scope of a customer of the portal: their own rows and what is public, held by the managers and by the database."""

import json
import re
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, ProgrammingError, connection, transaction

from appointments.models import Appointment, CustomerTotals
from appointments.tests.factories import AppointmentFactory, works_always
from circe.db.ids import new_id
from circe.db.roles import as_owner
from circe.tests.every_table import make_rows
from circe.tests.sources import find_files
from customers.models import Customer
from tenants import scope as scope_module
from tenants.models import IdempotencyRecord, LoginFailure, LoginSession, Outlet, Service, StaffName, Tenant, User
from tenants.scope import ALL_TENANTS, CrossTenantWrite, CustomerScope, TenantManager, tenant_scope


@pytest.fixture
def own(tenant):
    return AppointmentFactory(tenant=tenant)


@pytest.fixture
def others(tenant, other_tenant, own):
    """Creates an appointment of another customer of the business with the same person, and one of another business."""
    shared = {"staff": own.staff, "outlet": own.outlet, "service": own.service}
    return [
        AppointmentFactory(tenant=tenant, appointment_date="2030-02-02", **shared),
        AppointmentFactory(tenant=other_tenant),
    ]


@pytest.fixture
def scope(tenant, own, others):
    return CustomerScope(tenant, own.customer_id)


def sql(statement, *params):
    with connection.cursor() as cursor:
        cursor.execute(statement, params or None)
        return cursor.fetchall() if cursor.description else cursor.rowcount


@pytest.mark.parametrize("model", [Customer, Appointment, CustomerTotals])
def test_a_customer_sees_their_own_rows_alone(model, each_tenant_guard, scope):
    with tenant_scope(scope):
        rows = list(model.objects.values_list(model.customer_column, flat=True))
    assert rows == [scope.customer_id]


@pytest.mark.django_db
@pytest.mark.parametrize("model", [Customer, Appointment, CustomerTotals])
def test_raw_sql_shows_a_customers_own_rows_alone(model, scope):
    with tenant_scope(scope):
        assert sql(f"SELECT {model.customer_column} FROM {model._meta.db_table}") == [(scope.customer_id,)]


@pytest.mark.django_db
def test_a_customer_reads_what_is_public_and_no_account(scope, own):
    with tenant_scope(scope):
        assert [row.name for row in StaffName.objects.filter(pk=own.staff_id)] == [own.staff.full_name]
        assert {row.tenant_id for model in (Outlet, Service) for row in model.objects.all()} == {own.tenant_id}
        assert [row.pk for row in Tenant.objects.all()] == [own.tenant_id]
        assert not User.objects.exists()
        assert sql("UPDATE tenants_outlet SET name = 'Mine'") == 0


@pytest.mark.django_db
def test_a_customer_writes_no_row_of_another(scope, own, others):
    with tenant_scope(scope):
        with pytest.raises(CrossTenantWrite):
            others[0].save()
        assert sql(f"UPDATE appointments_appointment SET notes = 'mine' WHERE id = '{others[0].pk}'") == 0
        assert sql(f"DELETE FROM customers_customer WHERE id = '{own.customer_id}'") == 0
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            sql(f"UPDATE appointments_appointment SET customer_id = '{others[0].customer_id}' WHERE id = '{own.pk}'")


# --- raw SQL over every table of the database -----------------------------------------------------------------------

# The tables whose rows belong to a customer: the column with the customer's id, and what a customer may do beside reading.
OWN = {
    "customers_customer": ("id", "UPDATE"),
    "customers_consent": ("customer_id", "INSERT"),
    "customers_customersession": ("customer_id", "UPDATE"),
    "customers_deletionrequest": ("customer_id", "INSERT"),
    "customers_preferredservice": ("customer_id", "INSERT DELETE"),
    "customers_preferredstaff": ("customer_id", "INSERT DELETE"),
    "appointments_appointment": ("customer_id", "INSERT UPDATE"),
    "appointments_message": ("customer_id", "INSERT"),
    "appointments_customertotals": ("customer_id", ""),
    "tenants_idempotencyrecord": ("customer_id", "INSERT UPDATE DELETE"),
}
# The tables of which a customer may read the rows of the business, each with the column of the business's id. Every other
# table shows no row and takes none.
PUBLIC = {
    "tenants_tenant": "id",
    "tenants_outlet": "tenant_id",
    "tenants_service": "tenant_id",
    "tenants_servicestaff": "tenant_id",
    "tenants_staffname": "tenant_id",
}


def relations():
    """Returns the names of all tables and views that are not PostgreSQL's own."""
    return [
        name
        for (name,) in sql("""
            SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f')
            AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
            AND relpersistence <> 't' AND relnamespace::regnamespace::text NOT LIKE 'pg\\_%' ORDER BY 1
        """)
    ]


@pytest.fixture
def people(tenant, other_tenant):
    """Makes rows of every table of two customers of a business, and of one of another. Returns the first one's scope."""
    own, other, foreign = make_rows(tenant), make_rows(tenant), make_rows(other_tenant)
    for visit in (own, other, foreign):
        with tenant_scope(visit.tenant):
            IdempotencyRecord.objects.create(
                customer_id=visit.customer_id, key="own", fingerprint="print", status=201, headers={}, body="{}"
            )
        LoginSession.start(visit.staff)
        LoginFailure.objects.create(account=visit.customer.email, address="::")
    return CustomerScope(tenant, own.customer_id)


def is_refused(statement, *params):
    """Returns whether row-level security or the lack of a privilege refuses the statement, or it changes no row."""
    try:
        with transaction.atomic():
            changed = sql(statement, *params)
            transaction.set_rollback(True)
    except DatabaseError as error:
        # A constraint or a trigger speaks after row-level security has let the row through.
        return re.search("row-level security|permission denied|cannot insert into column", str(error)) is not None
    return changed == 0


def ids_of(table, column, value):
    """Returns the rows of the table, as its owner sees them."""
    with as_owner(), tenant_scope(ALL_TENANTS):
        return sql(f"SELECT t::text FROM {table} AS t WHERE {column} = %s ORDER BY 1", value)


@pytest.mark.django_db
def test_every_table_is_read_by_a_customer_as_listed(people):
    seen, listed = {}, {}
    for table in relations():
        with tenant_scope(people), transaction.atomic():
            may_read = sql("SELECT has_table_privilege(%s, 'SELECT')", table) == [(True,)]
            seen[table] = sql(f"SELECT t::text FROM {table} AS t ORDER BY 1") if may_read else []
        column = OWN[table][0] if table in OWN else PUBLIC.get(table)
        owner = people.tenant.pk if table in PUBLIC else people.customer_id
        listed[table] = ids_of(table, column, owner) if column else []
    assert seen == listed
    assert {table for table, rows in seen.items() if rows} == {*OWN, *PUBLIC}


def test_every_manager_shows_a_customer_what_their_table_shows(each_tenant_guard, people):
    models = [model for model in apps.get_models() if isinstance(model._default_manager, TenantManager)]
    assert {model._meta.db_table for model in models} > {*OWN, *PUBLIC} - {"tenants_tenant"}
    for model in models:
        table = model._meta.db_table
        column = OWN[table][0] if table in OWN else PUBLIC.get(table)
        owner = people.tenant.pk if table in PUBLIC else people.customer_id
        with tenant_scope(people):
            seen = model._default_manager.count()
        assert seen == (len(ids_of(table, column, owner)) if column else 0), model


# The statements that a customer's request sends in the scope of the whole business.
STATEMENTS = "|".join(
    [
        "EXECUTE circe_(free_times|schedules)",
        "SELECT DISTINCT .appointments_workinghours",
        r"SELECT .appointments_appointment.\..(service|staff)_id",
    ]
)


@pytest.mark.django_db
def test_a_request_of_a_customer_leaves_their_scope_for_few_statements(tenant, portal_client):
    own = AppointmentFactory(tenant=tenant, appointment_date="2030-06-03", status="confirmed")
    works_always(tenant, own.staff_id, own.outlet_id)
    client, sent = portal_client(own.customer), []

    def record(execute, sql, params, many, context):
        sent.append((scope_module.tenant_setting(), sql))
        return execute(sql, params, many, context)

    days = "from_date=2030-06-03&to_date=2030-06-03"
    time = {"appointment_date": "2030-06-03", "start_time": "17:00"}
    with connection.execute_wrapper(record):
        answers = [
            client.get(f"/api/v1/availability?service_id={own.service_id}&appointment_id={own.pk}&{days}"),
            client.get(f"/api/v1/customers/{own.customer_id}/recommendations"),
            client.get(f"{client.url}/recommendations"),
            client.get(f"{client.url}/export"),
            client.get(f"{client.url}/appointments"),
            client.post(f"{client.url}/appointments/{own.pk}/reschedule", time),
            client.post(
                f"{client.url}/appointments", time | {"service_id": own.service_id, "outlet_id": own.outlet_id}
            ),
            client.patch(client.url, {"last_name": "Lee"}),
            client.put(f"{client.url}/preferences", {"preferred_staff_ids": [own.staff_id], "marketing_consent": True}),
        ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 200, 200, 409, 200, 200]
    # `@-` finds the business by its id or slug.
    assert {setting for setting, _ in sent} == {f"{tenant.pk}/{own.customer_id}", tenant.pk, "@-"}
    wide = [sql for setting, sql in sent if setting == tenant.pk]
    assert [sql for sql in wide if not re.search(STATEMENTS, sql)] == []


def test_every_table_is_written_by_a_customer_as_listed(people):
    for table in relations():
        columns = [
            name
            for (name,) in sql(
                "SELECT quote_ident(column_name) FROM information_schema.columns "
                "WHERE table_name = %s AND is_generated = 'NEVER' AND is_identity = 'NO'",
                table,
            )
        ]
        with as_owner(), tenant_scope(ALL_TENANTS):
            rows = [json.loads(row) for (row,) in sql(f"SELECT to_jsonb(t) FROM {table} AS t")]
        column, allowed = OWN.get(table, (None, ""))
        names = ", ".join(columns)
        with tenant_scope(people):
            for command, statement in {
                "DELETE": f"DELETE FROM {table}",
                "UPDATE": f"UPDATE {table} SET {columns[0]} = {columns[0]}",
            }.items():
                assert is_refused(statement) == (command not in allowed), (table, command)
            for row in rows:
                is_own = column is not None and row[column] == people.customer_id
                copy = json.dumps(row | ({"id": new_id()} if isinstance(row.get("id"), str) and column != "id" else {}))
                insert = f"INSERT INTO {table} ({names}) SELECT {names} FROM json_populate_record(NULL::{table}, %s)"
                assert is_refused(insert, copy) == (not (is_own and "INSERT" in allowed)), (table, row)
            if "UPDATE" in allowed:
                others = {row[column] for row in rows} - {people.customer_id, None}
                for other in others:
                    assert is_refused(f"UPDATE {table} SET {column} = %s", other), (table, "gives a row away")
                    assert is_refused(f"UPDATE {table} SET tenant_id = tenant_id WHERE {column} = %s", other)


def test_a_customer_writes_by_one_function_alone(db):
    """It runs with its owner's rights, and adds an event to the audit trail."""
    assert sql("""
        SELECT proname FROM pg_proc WHERE prosecdef AND prorettype <> 'trigger'::regtype
        AND pronamespace = 'public'::regnamespace AND has_function_privilege('circe_app', oid, 'EXECUTE')
    """) == [("circe_record_event",)]


# The files in which a query leaves the scope of the customer who asks: its answer tells nothing of other customers.
WHOLE_BUSINESS = {
    "appointments/models/schedule.py": 2,
    "appointments/recommendations/best_slots.py": 1,
    "appointments/recommendations/favourites.py": 1,
    "appointments/recommendations/wanted.py": 1,
    # Counts a wrong password, and starts a session.
    "customers/portal/accounts/credentials.py": 2,
    # Finds out where a phone is stored, of which the answer tells nothing.
    "customers/portal/profile/serializers.py": 1,
}


def test_few_queries_leave_the_scope_of_a_customer():
    root = Path(settings.BASE_DIR)
    found = {
        str(path.relative_to(root)): len(re.findall(r"with whole_business\(\)", path.read_text()))
        for path in find_files("*.py")
        if "tests" not in path.parts
    }
    assert {path: number for path, number in found.items() if number} == WHOLE_BUSINESS
