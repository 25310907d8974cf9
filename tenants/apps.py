"""Registers the tenant scope and the audit context with `circe.db` and `circe.api` when Django starts."""

from pathlib import Path

from django.apps import AppConfig
from django.db.backends.signals import connection_created

from circe.api import time_zone
from circe.db import prepared, session_settings
from circe.db.citus import placement, sql_files
from circe.db.citus.placement import Placement
from tenants.sql_config import TABLES_WITHOUT_TENANT

# On a cluster these tables are copied to every node, since rows of tenants refer to them. A tenant's own row has no
# `tenant_id`, and neither has the account of a super_admin.
REFERENCE_TABLES = ("tenants_tenant", "tenants_user")
CLUSTER_SQL = Path(__file__).parent / "sql" / "cluster"


class TenantsConfig(AppConfig):
    """Makes every SQL statement carry the tenant in scope and who acts."""

    name = "tenants"
    # A tenant is a business to those who work there.
    verbose_name = "The business"

    def ready(self) -> None:
        from tenants.audit.context import current_actor
        from tenants.scope import PREPARED_SCOPES, current_zone, tenant_setting

        time_zone.register(current_zone)
        session_settings.register("circe.tenant", tenant_setting)
        session_settings.register("circe.actor", lambda: current_actor().as_json)
        prepared.register_scopes(PREPARED_SCOPES)
        placement.register(Placement.REFERENCE, *REFERENCE_TABLES)
        # They lie on the coordinator alone: no statement names them together with a tenant's table.
        placement.register(Placement.LOCAL, *TABLES_WITHOUT_TENANT)
        sql_files.register(CLUSTER_SQL / "circe_staff_names_for_customer.sql", CLUSTER_SQL / "tenants_staffname.sql")
        connection_created.connect(session_settings.install)
