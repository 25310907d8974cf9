"""Limits the number of our files that a list request enters, since a newcomer has to read them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from customers.tests.bodies import CUSTOMERS
from customers.tests.factories import CustomerFactory

pytestmark = pytest.mark.slow("starts a process whose first request is cold")

# This script runs in a process of its own. Its first request is cold: only `circe.wsgi` was loaded before.
SCRIPT = """
import json, sys
from pathlib import Path
from django.conf import settings
from django.test.utils import override_settings
from circe.wsgi import application
from django.test import RequestFactory

root, database, url, token = sys.argv[1:]
settings.DATABASES["default"]["NAME"] = database
environ = RequestFactory(HTTP_HOST="localhost", HTTP_AUTHORIZATION=f"Bearer {token}").get(url).environ

def trace_files():
    files, statuses = [], []
    def profile(frame, event, arg):
        file = frame.f_code.co_filename
        if event == "call" and file.startswith(root) and "site-packages" not in file:
            files.append(file.removeprefix(root))
    sys.setprofile(profile)
    try:
        response = application(dict(environ), lambda status, headers: statuses.append(status))
        b"".join(response)
        response.close()
    finally:
        sys.setprofile(None)
    return statuses, list(dict.fromkeys(files))

print(json.dumps([trace_files() for _ in range(3)]))
"""
# The files that every request enters. docs/architecture.md explains what each does.
AMBIENT = {
    "circe/api/errors.py",
    "circe/api/parameters.py",
    "circe/api/parsing.py",
    "circe/api/rendering.py",
    "circe/concurrency.py",
    "circe/headers.py",
    "circe/logs.py",
    "circe/wsgi.py",
    "circe/db/ids.py",
    "circe/db/session_settings.py",
    "tenants/apps.py",
    "tenants/audit/context.py",
    "tenants/middleware.py",
    "tenants/models/user.py",
    "tenants/scope.py",
}
AMBIENT_FOLDERS = ("tenants/accounts/", "circe/db/postgresql/", "circe/embedded_postgres/")
READ_PATH = [
    "customers/views.py",
    "circe/api/pagination.py",
    "customers/customer_list.py",
    "circe/db/prepared.py",
]


def files_between_view_and_sql(files):
    return [file for file in files if file not in AMBIENT and not file.startswith(AMBIENT_FOLDERS)]


@pytest.mark.django_db(transaction=True)
def test_a_list_request_enters_four_files_between_the_view_and_the_sql_warm_and_cold(staff, tenant):
    CustomerFactory(tenant=tenant)
    root = f"{settings.BASE_DIR}{os.sep}"
    token = staff._credentials["HTTP_AUTHORIZATION"].split()[1]
    for url, filter_files, max_files in (
        (CUSTOMERS, [], 24),
        (f"{CUSTOMERS}?search=jane", ["circe/api/changes.py", "customers/filters.py", "customers/search.py"], 27),
    ):
        name = connection.settings_dict["NAME"]
        finished = subprocess.run(
            [sys.executable, "-c", SCRIPT, root, name, url, token],
            cwd=settings.BASE_DIR,
            env=os.environ | {"DJANGO_SETTINGS_MODULE": "circe.tests.settings"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, finished.stderr
        cold, *warm = json.loads(finished.stdout)
        for statuses, files in (cold, *warm):
            assert statuses == ["200 OK"]
            assert all(Path(root, file).exists() for file in files)
            assert sorted(files_between_view_and_sql(files)) == sorted([*READ_PATH, *filter_files]), files
            # The embedded server is for development only.
            assert len([file for file in files if not file.startswith("circe/embedded_postgres/")]) <= max_files, files
        # The first request of a process enters no file that the others do not, except to open the connection.
        opened = [file for file in cold[1] if file not in warm[0][1] and not file.startswith(AMBIENT_FOLDERS)]
        assert opened == [], opened
