"""Runs Django's `shell` in the scope of a tenant."""

import sys
from contextlib import ExitStack
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import shell

from tenants.audit.context import audit_context
from tenants.models import Tenant
from tenants.scope import ALL_TENANTS, tenant_scope

WITHOUT_A_TENANT = (
    "A query on a tenant's table needs a scope: `manage.py shell --tenant lotus` opens one for the session, "
    "`with tenant_scope(ALL_TENANTS):` one for a block."
)


class Command(shell.Command):
    """Opens a tenant's scope for the session. Without one, every query on a tenant's table raises an exception."""

    examples = ("shell --tenant lotus",)

    def add_arguments(self, parser: CommandParser) -> None:
        """Adds the option --tenant."""
        super().add_arguments(parser)
        parser.add_argument("--tenant", metavar="SLUG", help="the business whose rows the session sees and writes")

    def get_auto_imports(self) -> list[str]:
        """Returns Django's list of imports, which has every model, and what is needed to open a scope."""
        return [*super().get_auto_imports(), "tenants.scope.tenant_scope", "tenants.scope.ALL_TENANTS"]

    def handle(self, *args: Any, tenant: str | None = None, **options: Any) -> None:
        """Runs Django's shell in the scope of the tenant. Raises CommandError if there is no such tenant."""
        with ExitStack() as session:
            session.enter_context(audit_context(command="shell"))
            if tenant:
                session.enter_context(tenant_scope(_find(tenant)))
            if sys.stdin.isatty() and not options["command"]:
                self.stdout.write(f"Queries see the rows of {tenant}." if tenant else WITHOUT_A_TENANT)
            super().handle(*args, **options)


@tenant_scope(ALL_TENANTS)
def _find(slug: str) -> Tenant:
    try:
        return Tenant.objects.get(slug=slug)
    except Tenant.DoesNotExist:
        raise CommandError(f"There is no tenant {slug}.", returncode=2) from None
