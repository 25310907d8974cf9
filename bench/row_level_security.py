"""Measures the cost of row-level security: every kind of request with it and without it, in turn.

    DEMO=1 .venv/bin/python manage.py seed_demo --reset --customers 100000 --appointments 300000
    DEMO=1 .venv/bin/python bench/row_level_security.py --tenant lotus

"Without" means: no table has row-level security, the view of searchable customers has no condition, and no statement carries
session settings. Prints the milliseconds of a request, as medians over all rounds, and their ratio. It measures the
processor time of this process and of its database session (on this machine), since other work on the machine changes that
little. The customers that it creates stay in the database.
"""
# ruff: noqa: E402 (first the settings)

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "circe.settings")

import django

django.setup()

from django.db import connection
from django.db.backends.utils import CursorWrapper
from rest_framework.test import APIClient

from circe.db.roles import as_owner
from customers.models import Customer
from tenants.models import LoginSession, Tenant, User
from tenants.scope import ALL_TENANTS, tenant_scope

CUSTOMERS = "/api/v1/customers"
number = count(int(time.time()) % 10**6 * 1000)


def requests(client: APIClient, tenant: Tenant) -> dict[str, Callable[[], object]]:
    """Returns the requests that are measured, by name."""
    with tenant_scope(tenant):
        some = Customer.objects.exclude(last_name=None).exclude(phone=None).order_by("pk")[1000]
        common = Customer.objects.order_by("-pk")[10].first_name[:3]
    searches = {
        "two words": f"{some.first_name} {some.last_name}",
        "phone": str(some.phone)[-7:],
        "e-mail": str(some.email or some.phone),
        "nobody": "zyxwvut",
        "common": common,
        "two letters": common[:2],
    }

    def get(url: str) -> Callable[[], object]:
        def ask() -> None:
            answer = client.get(url)
            assert answer.status_code == 200, answer.content

        return ask

    def create() -> None:
        answer = client.post(CUSTOMERS, {"first_name": "Bench", "phone": f"+62899{next(number):09}"}, format="json")
        assert answer.status_code == 201, answer.content

    return {
        "list": get(CUSTOMERS),
        "list, page 50": get(f"{CUSTOMERS}?page=50"),
        "list by tag": get(f"{CUSTOMERS}?tags=vip"),
        **{f"search, {name}": get(f"{CUSTOMERS}?search={quote(text)}") for name, text in searches.items()},
        "detail": get(f"{CUSTOMERS}/{some.pk}"),
        "appointments": get(f"{CUSTOMERS}/{some.pk}/appointments"),
        "create": create,
    }


@contextmanager
def without_row_level_security() -> Iterator[None]:
    """Removes row-level security and the session settings during the block."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SELECT oid::regclass::text FROM pg_class WHERE relrowsecurity")
        tables = [table for (table,) in cursor.fetchall()]
        cursor.execute("SELECT pg_get_viewdef('customers_searchable')")
        ((view,),) = cursor.fetchall()
        _execute(cursor, [f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY" for table in tables])
        _execute(cursor, [f"CREATE OR REPLACE VIEW customers_searchable AS {view.partition('WHERE')[0]}"])
    connection.ensure_connection()
    wrappers, connection.execute_wrappers[:] = connection.execute_wrappers[:], []
    try:
        yield
    finally:
        connection.execute_wrappers[:] = wrappers
        with as_owner(), connection.cursor() as cursor:
            _execute(cursor, [f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY" for table in tables])
            _execute(cursor, [f"CREATE OR REPLACE VIEW customers_searchable AS {view}"])


def _execute(cursor: CursorWrapper, statements: list[str]) -> None:
    for statement in statements:
        cursor.execute(statement)


def processor_time() -> float:
    """Returns the processor time of this process and of its PostgreSQL session, in seconds."""
    session = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat").read_text()
    return time.process_time() + int(session.split()[0]) / 1e9


def measure(requests_by_name: dict[str, Callable[[], object]], times: dict[str, list[float]], repeat: int) -> None:
    """Appends the seconds of `repeat` requests of each kind to `times`."""
    for name, ask in requests_by_name.items():
        ask()
        for _ in range(repeat):
            started = processor_time()
            ask()
            times[name].append(processor_time() - started)


def main() -> None:
    """Prints a line for each kind of request."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tenant", required=True)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--repeat", type=int, default=20)
    options = parser.parse_args()
    with tenant_scope(ALL_TENANTS):
        tenant = Tenant.objects.get(slug=options.tenant)
        user = User.objects.select_related("tenant").filter(tenant=tenant, role="tenant_admin")[0]
    # Parallel workers would be other processes.
    connection.settings_dict["OPTIONS"]["options"] += " -c max_parallel_workers_per_gather=0"
    connection.close()
    connection.close_pool()
    client = APIClient(headers={"host": "localhost"})
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {LoginSession.start(user).token_pair()['access']}")
    requests_by_name = requests(client, tenant)
    with_it: dict[str, list[float]] = {name: [] for name in requests_by_name}
    without: dict[str, list[float]] = {name: [] for name in requests_by_name}
    for _ in range(options.rounds):
        measure(requests_by_name, with_it, options.repeat)
        with without_row_level_security():
            measure(requests_by_name, without, options.repeat)
    print(f"{'':22}{'with':>8}{'without':>9}{'ratio':>7}")
    for name in requests_by_name:
        one, other = (1000 * statistics.median(times[name]) for times in (with_it, without))
        print(f"{name:22}{one:8.2f}{other:9.2f}{one / other:7.2f}")


if __name__ == "__main__":
    main()
