"""The settings of the tests: those of production, with a server for tests only and fast password hashes."""

import os

os.environ.setdefault("DEMO", "1")

from circe import embedded_postgres
from circe.settings import *
from circe.settings import DATABASES, VAR

if "DATABASE_URL" not in os.environ:
    DATABASES["default"] |= embedded_postgres.database(VAR / "pg18-test", durable=False)
# Race tests need more connections than a pool has, and a database can't be dropped while a pool is connected to it.
# The application's role is set after the database was created, see conftest.py.
for option in ("pool", "options"):
    del DATABASES["default"]["OPTIONS"][option]

ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
# Tests read the addresses in mails, which would depend on PORT otherwise.
PUBLIC_URL = "http://localhost:8000"
PASSWORD_HASHERS = ["tenants.accounts.hashers.FastArgon2idPasswordHasher", *PASSWORD_HASHERS]  # noqa: F405
# Race tests sign in from more threads than a server has.
MAX_CONCURRENT_LOGINS = 100
# Race tests send more requests at the same time than a server accepts.
MAX_CONCURRENT_REQUESTS = MAX_CONCURRENT_WRITES = MAX_ACCEPTED_REQUESTS = MAX_ACCEPTED_WRITES = 1000
# Static files are found without collectstatic.
STATIC_ROOT = None
WHITENOISE_USE_FINDERS = True
# A static file is looked up when it is requested. Otherwise each test client would list all files first, which takes a
# third of the suite's time.
WHITENOISE_AUTOREFRESH = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
