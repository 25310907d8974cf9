"""What happens once, at the start."""

from django.apps import AppConfig
from django.db.backends.signals import connection_created

from circe.db.session_settings import install


class TenantsConfig(AppConfig):
    """Tells every connection to say with each statement for whom it is."""

    name = "tenants"
    # A tenant is a business to those who work there.
    verbose_name = "The business"

    def ready(self) -> None:
        connection_created.connect(install)
