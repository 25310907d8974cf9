"""The settings of the test suite: production's, but for a throwaway server and cheap password hashes."""

import os

os.environ.setdefault("DEMO", "1")

from circe import embedded_postgres
from circe.settings import *
from circe.settings import DATABASES, VAR

if "DATABASE_URL" not in os.environ:
    DATABASES["default"] |= embedded_postgres.database(VAR / "pg18-test", durable=False)
# Race tests hold more connections than a pool gives out; and the test database could not be dropped under a pool.
# The application's role comes in once the database is there, see conftest.py.
for option in ("pool", "options"):
    del DATABASES["default"]["OPTIONS"][option]

ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
PASSWORD_HASHERS = ["tenants.accounts.hashers.FastArgon2idPasswordHasher", *PASSWORD_HASHERS]  # noqa: F405
# Race tests sign in from more threads than a server has.
MAX_CONCURRENT_LOGINS = 100
# So does one browser of a test.
MAX_CONCURRENT_REQUESTS = MAX_CONCURRENT_WRITES = MAX_ACCEPTED_REQUESTS = MAX_ACCEPTED_WRITES = 1000
# No test waits for collectstatic.
STATIC_ROOT = None
WHITENOISE_USE_FINDERS = True
# A static file is looked for when it is asked for. Else each test client would list all of them first: a third of the
# suite's time.
WHITENOISE_AUTOREFRESH = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
