"""How the admin names this room."""

from django.apps import AppConfig


class TenantsConfig(AppConfig):
    """A tenant is a business to those who work there."""

    name = "tenants"
    verbose_name = "The business"
