"""Fills an empty database with demo data."""

import hashlib
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from circe.db.roles import as_owner
from circe.demo.accounts import DOCUMENTED_TENANTS, LOGIN_EMAILS, PASSWORD, PORTAL_LOCAL_PART, SUPER_ADMIN_EMAIL
from circe.demo.business import Business, split_in_proportion
from circe.demo.loading import lock_tenants_and_users, replace_everything
from customers.models import Customer
from tenants.models import Role, Tenant, User
from tenants.scope import ALL_TENANTS, tenant_scope

CUSTOMERS_PER_TENANT = 500
APPOINTMENTS_PER_CUSTOMER = 6
# Up to this number of customers, the two tenants with log-ins have equal shares.
MAX_CUSTOMERS_SHARED_EVENLY = 10_000
EXIT_CODE_REFUSED = 2


class Command(BaseCommand):
    """Loads the demo data. If it refuses to run, it changes nothing and exits with 2."""

    examples = (
        "seed_demo --if-empty",
        "seed_demo --reset --customers 1000000 --appointments 5000000",
    )
    help = (
        "Fill an empty database with demo data: tenants with three years of customers and appointments, and log-ins "
        "for every role. The same seed gives the same data on the same day. All of it is loaded, or nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the options. Numbers are totals over all tenants."""
        parser.add_argument("--seed", type=int, default=1, help="seed of the random data (default 1)")
        parser.add_argument(
            "--tenants",
            type=int,
            default=len(DOCUMENTED_TENANTS),
            help="how many: lotus, nordlys, and others that nobody signs in to (default 2)",
        )
        parser.add_argument(
            "--customers",
            type=int,
            help=f"how many in all, soft-deleted ones included (default {CUSTOMERS_PER_TENANT} per tenant). All tenants "
            f"have the same number. But if they are more than {MAX_CUSTOMERS_SHARED_EVENLY:,}, or if there are more than 2 "
            "tenants, lotus has nine tenths of them",
        )
        parser.add_argument(
            "--appointments",
            type=int,
            help=f"how many in all, upcoming ones included (default {APPOINTMENTS_PER_CUSTOMER} per customer). "
            "Each tenant has as large a share of them as of the customers",
        )
        group = parser.add_mutually_exclusive_group()
        group.add_argument("--if-empty", action="store_true", help="leave demo data that are there already as they are")
        group.add_argument(
            "--reset", action="store_true", help="remove the demo data first, with all that was added to them by hand"
        )

    def handle(
        self,
        *args: Any,
        seed: int,
        tenants: int,
        customers: int | None,
        appointments: int | None,
        if_empty: bool,
        reset: bool,
        **options: Any,
    ) -> None:
        """Raises CommandError for impossible numbers, in production, and for a database with other data."""
        started = time.monotonic()
        customers = CUSTOMERS_PER_TENANT * max(tenants, 0) if customers is None else customers
        appointments = APPOINTMENTS_PER_CUSTOMER * max(customers, 0) if appointments is None else appointments
        _check_numbers(tenants=tenants, customers=customers, appointments=appointments)
        if settings.PRODUCTION:
            raise CommandError(
                "Demo accounts have a known password: not with production settings.", returncode=EXIT_CODE_REFUSED
            )
        with as_owner(), lock_tenants_and_users():
            keep = if_empty and Tenant.objects.filter(is_demo=True).exists()
            if not keep:
                _check_database(reset=reset)
                _load_demo(seed=seed, tenants=tenants, customers=customers, appointments=appointments)
        self.stdout.write(
            "The demo data are there already."
            if keep
            else f"{tenants:,} tenants, {customers:,} customers and {appointments:,} appointments "
            f"in {time.monotonic() - started:.1f} seconds."
        )
        self._print_logins()

    @tenant_scope(ALL_TENANTS)
    def _print_logins(self) -> None:
        users = User.objects.filter(email__in=LOGIN_EMAILS).select_related("tenant")
        rows = [("E-mail", "Password", "Role", "Tenant")] + [
            (user.email, PASSWORD, user.role, str(user.tenant or "every tenant"))
            for user in sorted(users, key=lambda user: LOGIN_EMAILS.index(user.email))
        ]
        customers = Customer.objects.filter(tenant__is_demo=True, email__startswith=f"{PORTAL_LOCAL_PART}@")
        rows += [
            (customer.email or "", PASSWORD, "customer (portal)", str(customer.tenant))
            for customer in customers.select_related("tenant").order_by("email")
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        self.stdout.write("")
        for row in rows:
            self.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _check_numbers(*, tenants: int, customers: int, appointments: int) -> None:
    if tenants < 1:
        raise CommandError("--tenants must be at least 1.", returncode=EXIT_CODE_REFUSED)
    for name, value in (("--customers", customers), ("--appointments", appointments)):
        if value < 0:
            raise CommandError(f"{name} can't be negative.", returncode=EXIT_CODE_REFUSED)
    if appointments and not customers:
        raise CommandError("--appointments need --customers to come to them.", returncode=EXIT_CODE_REFUSED)


def _check_database(*, reset: bool) -> None:
    other_users = User.objects.exclude(tenant__is_demo=True).exclude(email=SUPER_ADMIN_EMAIL)
    if Tenant.objects.filter(is_demo=False).exists() or other_users.exists():
        raise CommandError(
            "The database holds tenants or users that are not demo data: choose an empty one.",
            returncode=EXIT_CODE_REFUSED,
        )
    if not reset and (Tenant.objects.exists() or User.objects.exists()):
        raise CommandError("The demo data are there already: --reset would replace them.", returncode=EXIT_CODE_REFUSED)


def _load_demo(*, seed: int, tenants: int, customers: int, appointments: int) -> None:
    now = timezone.now()
    password = make_password(PASSWORD, salt=hashlib.sha256(str(seed).encode()).hexdigest()[:32])
    is_even = tenants <= len(DOCUMENTED_TENANTS) and customers <= MAX_CUSTOMERS_SHARED_EVENLY
    customers_by_tenant = split_in_proportion(
        customers, [1 if is_even else 9 * (tenants - 1) or 1, *[1] * (tenants - 1)]
    )
    appointments_by_tenant = split_in_proportion(appointments, customers_by_tenant)
    counts = zip(customers_by_tenant, appointments_by_tenant, strict=True)
    businesses = [
        Business(
            number=number,
            seed=seed,
            customer_count=customer_count,
            appointment_count=appointment_count,
            now=now,
            password=password,
        )
        for number, (customer_count, appointment_count) in enumerate(counts)
    ]
    lotus = businesses[0]
    super_admin = User(
        id=lotus.new_id(lotus.opened_at_seconds),
        email=SUPER_ADMIN_EMAIL,
        role=Role.SUPER_ADMIN,
        first_name="Circe",
        password=password,
        tokens_valid_from=lotus.tenant.created_at,
        created_at=lotus.tenant.created_at,
        updated_at=lotus.tenant.created_at,
    )
    replace_everything(businesses, super_admin)
