"""The database refuses references to another tenant's rows, even in raw SQL, and every key has the tenant."""

from io import BytesIO

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, models, transaction

from appointments.models import Appointment, AppointmentTombstone, StaffWithHours, TenantTotals, TimeOff
from appointments.tests.factories import AppointmentFactory, TimeOffFactory
from circe.db.ids import new_id
from circe.db.summary_tables import SummaryTable
from circe.tests.every_table import make_rows
from customers.models import Consent, Customer, Tombstone
from customers.models.imports import CustomerImport
from customers.models.name_keys import SearchableName
from customers.models.preferences import PreferredService
from customers.models.searchable import SearchableCustomer
from customers.tests.factories import CustomerFactory
from tenants.models import AuditEvent, IdempotencyRecord, Outlet, Service, Staff, StaffName, Tenant, TenantModel, User
from tenants.scope import ALL_TENANTS, TenantManager, tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory

TENANT_MODELS = [model for model in apps.get_models(include_auto_created=True) if issubclass(model, TenantModel)]


def tenant_references():
    """Returns (model, field) of every foreign key from a tenant's table to a tenant's table or to a user."""
    return [
        (model, field)
        for model in TENANT_MODELS
        for field in model._meta.local_concrete_fields
        if field.is_relation and field.related_model is not Tenant
    ]


def test_every_model_with_a_tenant_has_the_scoped_manager():
    with_tenant = {
        model for model in apps.get_models(include_auto_created=True)
        if any(field.name == "tenant" for field in model._meta.get_fields())
    }  # fmt: skip
    # Users are excluded, since a log-in looks them up before the tenant is known.
    totals = {model for model in with_tenant if issubclass(model, SummaryTable)}
    assert with_tenant - {User} == {
        *TENANT_MODELS,
        Staff,
        StaffName,
        StaffWithHours,
        AuditEvent,
        IdempotencyRecord,
        SearchableCustomer,
        SearchableName,
        TenantTotals,
        Tombstone,
        AppointmentTombstone,
        *totals,
    }
    for model in with_tenant - {User}:
        assert isinstance(model._default_manager, TenantManager)
        assert all(isinstance(manager, TenantManager) for manager in model._meta.managers)


def test_there_are_tenant_models_and_references_to_test():
    assert {Appointment, Customer, Outlet, Service, PreferredService} <= set(TENANT_MODELS)
    assert len(tenant_references()) == 23


def constraints(table, types):
    """Returns the columns of a table's constraints of these types (pg_constraint.contype), by name of the constraint."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT conname, ARRAY(
                SELECT attname::text FROM unnest(conkey) WITH ORDINALITY AS key_column(number, position)
                JOIN pg_attribute ON attrelid = conrelid AND attnum = key_column.number ORDER BY position
            ) FROM pg_constraint WHERE conrelid = %s::regclass AND contype = ANY(%s)
            """,
            [table, list(types)],
        )
        return dict(cursor.fetchall())


@pytest.mark.django_db
@pytest.mark.parametrize(("model", "field"), tenant_references(), ids=str)
def test_a_foreign_key_has_the_tenant_in_the_database(model, field):
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT conkey, confkey, convalidated, array_agg(own.attname::text ORDER BY key_column.position),
                   array_agg(target.attname::text ORDER BY key_column.position)
            FROM pg_constraint, unnest(conkey, confkey) WITH ORDINALITY AS key_column(own_number, target_number, position)
            JOIN pg_attribute own ON own.attnum = key_column.own_number
            JOIN pg_attribute target ON target.attnum = key_column.target_number
            WHERE contype = 'f' AND conrelid = %s::regclass AND confrelid = %s::regclass
              AND own.attrelid = conrelid AND target.attrelid = confrelid
            GROUP BY conname, conkey, confkey, convalidated
            """,
            [model._meta.db_table, field.related_model._meta.db_table],
        )
        keys = [(own, target, valid) for _, _, valid, own, target in cursor.fetchall()]
    assert (["tenant_id", field.column], ["tenant_id", "id"], True) in keys
    assert not [own for own, *_ in keys if field.column in own and "tenant_id" not in own]


@pytest.mark.django_db
@pytest.mark.parametrize("model", TENANT_MODELS, ids=str)
def test_every_key_of_a_tenants_table_has_the_tenant(model):
    # A table can be distributed by tenant only with the tenant in its keys.
    keys = constraints(model._meta.db_table, "puxf")
    assert [name for name, columns in keys.items() if "tenant_id" not in columns] == []
    assert ["tenant_id", "id"] in keys.values()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexdef FROM pg_indexes WHERE tablename = %s AND indexdef LIKE 'CREATE UNIQUE%%'",
            [model._meta.db_table],
        )
        assert [definition for (definition,) in cursor.fetchall() if "tenant_id" not in definition] == []
        cursor.execute(
            "SELECT is_nullable FROM information_schema.columns WHERE table_name = %s AND column_name = 'tenant_id'",
            [model._meta.db_table],
        )
        assert cursor.fetchall() == [("NO",)]


def create_rows(tenant):
    """Creates a row of each model in the tenant. Returns them by model, or by model and field."""
    visit = make_rows(tenant)
    customer = CustomerFactory(tenant=tenant)
    with tenant_scope(tenant):
        customer.change(
            {
                "preferred_outlet_id": OutletFactory(tenant=tenant).pk,
                "preferred_services": [ServiceFactory(tenant=tenant).pk],
                "preferred_staff_ids": [UserFactory(tenant=tenant).pk],
            }
        )
        closed = TimeOffFactory(tenant=tenant, outlet=OutletFactory(tenant=tenant), staff_id=None)
        away = TimeOffFactory(tenant=tenant)
        CustomerImport.objects.create(tenant=tenant, file_name="customers.csv").store("file", BytesIO(b"first_name"))
        rows = {model: model.objects.last() for model in TENANT_MODELS}
    return rows | {
        Customer: customer,
        Appointment: visit,
        Staff: UserFactory(tenant=tenant),
        (TimeOff, "outlet"): closed,
        (TimeOff, "staff"): away,
    }


@pytest.mark.parametrize(("model", "field"), tenant_references(), ids=str)
def test_the_database_refuses_a_reference_to_another_tenants_row(model, field, tenant, other_tenant):
    own_rows, foreign_rows = create_rows(tenant), create_rows(other_tenant)
    table, row = model._meta.db_table, own_rows.get((model, field.name), own_rows[model])
    columns = [c.column for c in model._meta.local_concrete_fields if not isinstance(c, models.GeneratedField)]
    copied = [
        {"id": "%(id)s", "sequence": "sequence + 1", field.column: "%(foreign)s"}.get(column, column)
        for column in columns
    ]
    foreign = {"id": new_id(), "foreign": foreign_rows[field.related_model].pk, "row": row.pk}
    with connection.cursor() as cursor:
        # Nobody may change an entry of the ledger of consents.
        for statement in (
            ()
            if model is Consent
            else (
                f"UPDATE {table} SET {field.column} = %(foreign)s WHERE id = %(row)s",
                f"UPDATE {table} SET tenant_id = '{other_tenant.pk}' WHERE id = %(row)s",
            )
        ):
            with pytest.raises(IntegrityError, match="violates foreign key"), transaction.atomic():
                cursor.execute(statement, foreign)
        # A copy of the row that differs only in the reference. Customers are soft-deleted, so that the contacts are free.
        cursor.execute("UPDATE customers_customer SET is_deleted = true, is_active = false")
        with pytest.raises(IntegrityError, match="violates foreign key"), transaction.atomic():
            cursor.execute(
                f"INSERT INTO {table} ({', '.join(columns)}) "
                f"SELECT {', '.join(copied)} FROM {table} WHERE id = %(row)s",
                foreign,
            )


def test_a_referenced_row_can_not_move_to_another_tenant(tenant, other_tenant):
    visit = AppointmentFactory(tenant=tenant)
    for table, pk in (("tenants_user", visit.staff_id), ("tenants_outlet", visit.outlet_id)):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE {table} SET tenant_id = %s WHERE id = %s", [other_tenant.pk, pk])


def test_validation_refuses_a_foreign_reference_with_a_message(tenant, other_tenant):
    visit, theirs = AppointmentFactory(tenant=tenant), OutletFactory(tenant=other_tenant)
    with tenant_scope(ALL_TENANTS):
        visit.validate_constraints()
        visit.outlet = theirs
        with pytest.raises(ValidationError) as refusal:
            visit.validate_constraints()
        assert refusal.value.message_dict == {"outlet": ["Choose one of the same business."]}
        visit.validate_constraints(exclude={"outlet"})
