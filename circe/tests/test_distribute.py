"""`manage.py distribute` without a cluster: what it refuses, and where each table belongs.

The tests on a cluster are in circe/tests/citus.
"""

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.test.utils import isolate_apps

from circe.db.citus.placement import Placement, placement_of, placements
from circe.db.citus.tables import database_tables
from tenants.models import Tenant
from tenants.models.base import TenantModel


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_without_citus_it_says_what_to_install(options):
    with pytest.raises(CommandError) as refused:
        call_command("distribute", *options)
    assert refused.value.returncode == 2
    assert str(refused.value) == (
        "This database has no Citus. Install Citus 13.0 or later on each node, add it to shared_preload_libraries, and run "
        "CREATE EXTENSION citus in the database on each node: see “Scale out” in docs/operating.md."
    )


@pytest.mark.django_db
def test_it_knows_where_every_table_of_the_database_belongs():
    with connection.cursor() as cursor:
        tables = database_tables(cursor)
    assert {table: None for table in tables if placements().get(table) is None} == {}
    assert placements().keys() == tables


def test_every_table_of_a_tenant_is_distributed():
    owned = [
        model
        for model in apps.get_models()
        if model._meta.managed and not model._meta.proxy and hasattr(model, "tenant") and model.__name__ != "User"
    ]
    assert len(owned) > 20
    assert {model.__name__: placement_of(model) for model in owned} == {
        model.__name__: Placement.DISTRIBUTED for model in owned
    }


def test_these_tables_are_copied_to_each_node_or_stay_on_the_coordinator():
    by_placement = {
        placement: [table for table, its in placements().items() if its is placement] for placement in Placement
    }
    assert by_placement[Placement.REFERENCE] == ["tenants_tenant", "tenants_user"]
    assert by_placement[Placement.LOCAL] == [
        "auth_group",
        "auth_group_permissions",
        "auth_permission",
        "django_admin_log",
        "django_content_type",
        "django_migrations",
        "django_session",
        "tenants_loginfailure",
        "tenants_loginsession",
    ]


@isolate_apps("customers")
def test_a_new_table_of_a_tenant_is_distributed_without_further_ado():
    class Visit(TenantModel):
        class Meta:
            app_label = "customers"

    assert placement_of(Visit) is Placement.DISTRIBUTED


@isolate_apps("customers")
def test_nobody_knows_where_a_table_belongs_whose_tenant_may_be_null():
    class Note(models.Model):
        tenant = models.ForeignKey(Tenant, models.CASCADE, null=True)

        class Meta:
            app_label = "customers"

    assert placement_of(Note) is None
