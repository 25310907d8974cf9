"""Registers the tenant scope and the audit context with `circe.db` and `circe.api` when Django starts."""

from django.apps import AppConfig
from django.db.backends.signals import connection_created

from circe.api import time_zone
from circe.db import prepared, session_settings


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
        connection_created.connect(session_settings.install)
