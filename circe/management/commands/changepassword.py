"""Runs Django's `changepassword` for an account of any tenant."""

from typing import Any

from django.contrib.auth.management.commands import changepassword

from tenants.scope import ALL_TENANTS, tenant_scope


class Command(changepassword.Command):
    """Changes a password. Opens the scope of all tenants, in which the account is found."""

    examples = ("changepassword rina@lotus.test",)

    @tenant_scope(ALL_TENANTS)
    def handle(self, *args: Any, **options: Any) -> str | None:
        """Runs Django's command in the scope of all tenants."""
        return super().handle(*args, **options)
