"""Django's `changepassword`, for the account of any business."""

from typing import Any

from django.contrib.auth.management.commands import changepassword

from tenants.scope import ALL_TENANTS, tenant_scope


class Command(changepassword.Command):
    """Finds the account in the scope of every tenant."""

    @tenant_scope(ALL_TENANTS)
    def handle(self, *args: Any, **options: Any) -> str | None:
        """As Django's."""
        return super().handle(*args, **options)
