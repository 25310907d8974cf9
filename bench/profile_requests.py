"""Profiles requests: shows in which components the Python code spends its time.

    DEMO=1 .venv/bin/python bench/profile_requests.py --tenant lotus

Prints for each endpoint the number of function calls of a request, and the share of each component in percent. The profiler
makes calls slower, so the shares show where to look, not how long it takes. `database` is the wait for PostgreSQL; `driver`
is psycopg and Django's ORM; `authentication` excludes the wait for its query; `answer` is the pagination and the JSON.
"""
# ruff: noqa: E402 (first the settings)

import argparse
import cProfile
import os
import pstats
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "circe.settings")

import django

django.setup()

from django.test import RequestFactory

from appointments.models import Appointment
from circe.wsgi import application
from tenants.models import LoginSession, Tenant, User
from tenants.scope import ALL_TENANTS, tenant_scope

CUSTOMERS = "/api/v1/customers"
# By component: parts of `file:function`. A function belongs to the first component that has a part of its name.
COMPONENTS = {
    "database": ("psycopg/connection.py:wait", "_exec_command", "_execute_send"),
    "authentication": (
        "jwt/",
        "tenants/accounts/authentication.py",
        "tenants/accounts/tokens.py",
        "tenants/accounts/managers.py",
        "throttling.py",
    ),
    "answer": (
        "renderers.py",
        "circe/api/rendering.py",
        "circe/api/pagination.py",
        "rest_framework/response.py",
        "orjson",
    ),
    "driver": ("psycopg", "django/db/", "circe/db/prepared.py", "circe/db/session_settings.py"),
    "filters": ("django_filters", "circe/api/parameters.py", "django/forms/", "copy.py"),
    "log": ("logging/", "pythonjsonlogger", "circe/logs.py"),
    "REST framework": ("rest_framework",),
    "Django": ("django/", "asgiref", "whitenoise"),
}
ALL_COMPONENTS = (*COMPONENTS, "Circe", "Python")


def find_component(file: str, function: str) -> str:
    """Returns the component of a function."""
    name = f"{file}:{function}"
    for one, marks in COMPONENTS.items():
        if any(mark in name for mark in marks):
            return one
    return "Python" if file == "~" or "/lib/python3" in file or file.startswith("<") else "Circe"


def ask(environ: dict[str, Any]) -> None:
    """Sends a request to the WSGI application."""

    def begin(status: str, *rest: Any) -> Any:
        assert status == "200 OK", status

    answer = application(dict(environ), begin)
    assert b"".join(answer)
    answer.close()


def profiled(ask: Callable[[], object], times: int) -> tuple[float, Counter[str]]:
    """Returns the function calls of a request, and the seconds by component. A C function counts for its callers."""
    for _ in range(20):
        ask()
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(times):
        ask()
    profiler.disable()
    stats = pstats.Stats(profiler)
    spent: Counter[str] = Counter()
    for (file, _, function), (_, _, own, _, callers) in stats.stats.items():  # type: ignore[attr-defined]
        if file != "~" or not callers:
            spent[find_component(file, function)] += own
            continue
        for (caller, _, name), (_, _, of_caller, _) in callers.items():
            spent[find_component(caller, name) if caller != "~" else "Python"] += of_caller
    return stats.total_calls / times, spent  # type: ignore[attr-defined]


def main() -> None:
    """Prints a line for each endpoint."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tenant", required=True)
    parser.add_argument("--times", type=int, default=200)
    options = parser.parse_args()
    with tenant_scope(ALL_TENANTS):
        tenant = Tenant.objects.get(slug=options.tenant)
        user = User.objects.select_related("tenant").filter(tenant=tenant, role="tenant_admin")[0]
        customer = Appointment.objects.filter(tenant=tenant, customer__is_deleted=False)[0].customer
    token = LoginSession.start(user).token_pair()["access"]
    factory = RequestFactory(HTTP_HOST="localhost", HTTP_AUTHORIZATION=f"Bearer {token}")
    urls = {
        "who asks": "/api/v1/auth/me",
        "list": CUSTOMERS,
        "search": f"{CUSTOMERS}?search={customer.last_name or customer.first_name}",
        "detail": f"{CUSTOMERS}/{customer.pk}",
        "history": f"{CUSTOMERS}/{customer.pk}/appointments",
        "statistics": f"{CUSTOMERS}/statistics/summary",
    }
    print(f"{'':12}{'calls':>7}{''.join(f'{name:>16}' for name in ALL_COMPONENTS)}")
    for name, url in urls.items():
        calls, spent = profiled(partial(ask, factory.get(url).environ), options.times)
        shares = "".join(f"{100 * spent[one] / spent.total():15.0f}%" for one in ALL_COMPONENTS)
        print(f"{name:12}{calls:7,.0f}{shares}")


if __name__ == "__main__":
    main()
