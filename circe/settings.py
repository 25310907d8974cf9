"""All settings. The README has a table of the environment variables from which they are read.

Three modes: production (the default; it does not start without secrets), `DEMO` (one machine, plain http, generated
secrets under `var/`) and `DEBUG` (development).
"""

import os
import re
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key
from psycopg import ProgrammingError
from psycopg.conninfo import make_conninfo

from circe.db import postgresql
from circe.db.roles import APPLICATION_OPTIONS
from circe.startup import read_log_level, read_switch, read_whole_number

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = BASE_DIR / "var"
env = environ.Env()
# Values are taken literally. By default django-environ reads `$NAME` as the value of another variable. So `$` is escaped
# here, and django-environ removes the escape.
env.escape_proxy = True
env.ENVIRON = {name: value.replace("$", r"\$") for name, value in os.environ.items()}

DEBUG = read_switch("DEBUG", False)
DEMO = read_switch("DEMO", False)
PRODUCTION = not (DEBUG or DEMO)
MIN_SECRET_LENGTH = 50
MIN_METRICS_TOKEN_LENGTH = 32


def secret(name: str) -> str:
    """Returns the secret `name` from the environment. Outside production a missing secret is generated and stored in `var/`.

    It is stored so that sessions outlive a restart. Raises ImproperlyConfigured in production if the secret is missing or
    shorter than MIN_SECRET_LENGTH characters, outside production if it can't be stored.
    """
    value = env.str(name, "")
    if PRODUCTION:
        if len(value) < MIN_SECRET_LENGTH:
            raise ImproperlyConfigured(f"{name} must be set to at least {MIN_SECRET_LENGTH} random characters.")
        return value
    if value:
        return value
    file = VAR / f"{name.lower()}.key"
    try:
        value = read_or_generate(file)
    except OSError as error:
        sentence = f"{VAR} must be a directory that can be written, or {name} be set."
        raise ImproperlyConfigured(f"{sentence} {error.filename or file}: {error.strerror}.") from error
    if not value.strip():
        raise ImproperlyConfigured(f"{file} must hold a key, and is empty: remove it, and a new one is made.")
    return value


def read_or_generate(file: Path) -> str:
    """Returns the secret in the file. If there is no such file, generates the secret and stores it."""
    if not file.exists():
        file.parent.mkdir(exist_ok=True)
        # The link appears with the complete text. If several processes start, the first one creates it. The mode is 0600.
        with NamedTemporaryFile("w", dir=file.parent) as draft, suppress(FileExistsError):
            draft.write(get_random_secret_key())
            draft.flush()
            os.link(draft.name, file)
    return file.read_text()


def default_database() -> dict[str, Any]:
    """Returns the database of DATABASE_URL. If that is not set outside production, returns the embedded PostgreSQL.

    Raises ImproperlyConfigured if production has no DATABASE_URL, or if it is not the address of a PostgreSQL database.
    """
    if "DATABASE_URL" not in env.ENVIRON and not PRODUCTION:
        # The embedded server is for development and demos. The container image does not have it.
        from circe import embedded_postgres

        return embedded_postgres.database(VAR / "pg18")
    is_postgresql = env.str("DATABASE_URL", "").strip().startswith(("postgres://", "postgresql://", "pgsql://"))
    try:
        address = env.db_url("DATABASE_URL", default="", engine="circe.db.postgresql")
    except ValueError:
        address = {}
    if not is_postgresql or not address.get("NAME"):
        # The message leaves out the value, which contains a password.
        raise ImproperlyConfigured("DATABASE_URL must be set to postgres://user:password@host:5432/name.")
    try:
        make_conninfo(**address.get("OPTIONS", {}))
    except ProgrammingError as error:
        raise ImproperlyConfigured(
            f"DATABASE_URL has an option that PostgreSQL's client does not know: {str(error).strip()}."
        ) from None
    return address


def mail_settings() -> dict[str, Any]:
    """Returns Django's settings of the mail server in EMAIL_URL. Outside production the default keeps mails in `var/mail/`.

    Raises ImproperlyConfigured if EMAIL_URL is no such address.
    """
    if not env.str("EMAIL_URL", ""):
        return {} if PRODUCTION else {"EMAIL_BACKEND": "circe.demo.mails.mailbox.MailboxBackend"}
    try:
        values = env.email_url("EMAIL_URL")
    except (ImproperlyConfigured, ValueError):
        values = {}
    backend = values.get("EMAIL_BACKEND", "")
    if not backend or (".smtp." in backend and not values["EMAIL_HOST"]):
        # The message leaves out the value, which contains a password.
        raise ImproperlyConfigured(
            "EMAIL_URL must be smtp+tls://user:password@host:587, smtp+ssl://…:465, smtp://host:25, consolemail:// or "
            "filemail:///directory."
        )
    if ".smtp." in backend:
        # This backend tells whether a mail that was not acknowledged can have been accepted.
        values["EMAIL_BACKEND"] = "customers.messages.transport.SMTPBackend"
    return values


def address_in_mails(name: str, example: str, default: str, valid: str) -> str:
    """Returns the environment variable `name`: an address that mails contain. Production requires it beside EMAIL_URL.

    Raises ImproperlyConfigured if it is missing then, or does not match the regular expression `valid`.
    """
    value = env.str(name, "" if PRODUCTION else default).strip()
    if not re.fullmatch(valid, value) and (value or MAIL_SETTINGS):
        raise ImproperlyConfigured(f"{name} must be set to an address such as {example}.")
    return value.rstrip("/")


SECRET_KEY = secret("SECRET_KEY")
METRICS_TOKEN = env.str("METRICS_TOKEN", "")
if METRICS_TOKEN and len(METRICS_TOKEN) < MIN_METRICS_TOKEN_LENGTH:
    raise ImproperlyConfigured(f"METRICS_TOKEN must have at least {MIN_METRICS_TOKEN_LENGTH} random characters.")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[] if PRODUCTION else ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
for origin in CSRF_TRUSTED_ORIGINS:
    if not origin.startswith(("http://", "https://")):
        raise ImproperlyConfigured(f"CSRF_TRUSTED_ORIGINS must hold https://… addresses, and not {origin!r}.")
CSRF_FAILURE_VIEW = "circe.error_pages.csrf_failure"
# The number of our proxies that append to X-Forwarded-For. With 0 the header is ignored, since any client can send it.
NUM_PROXIES = read_whole_number("NUM_PROXIES", 0, maximum=100)
WEB_THREADS = read_whole_number("WEB_THREADS", 4, minimum=1, maximum=96)
# How many requests a worker handles at the same time (circe.concurrency). All but one may be writes. A single one may too.
MAX_CONCURRENT_REQUESTS = WEB_THREADS
MAX_CONCURRENT_WRITES = max(1, WEB_THREADS - 1)
# The number of requests that a worker accepts, with those that wait for a slot. circe/gunicorn.py has more threads.
MAX_ACCEPTED_REQUESTS = 96
MAX_ACCEPTED_WRITES = 64

INSTALLED_APPS = [
    "circe",
    "circe.api",
    "circe.backoffice",
    "tenants",
    "customers",
    "appointments",
    "analytics",
    "django_migrate_sql",
    "circe.admin_config.CirceAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
]
if not PRODUCTION:
    # The commands `seed_demo` and `pg`.
    INSTALLED_APPS += ["circe.demo", "circe.embedded_postgres"]

MIDDLEWARE = [
    # These two see also the requests that another middleware refuses.
    "tenants.middleware.AuditMiddleware",
    "circe.logs.AccessLogMiddleware",
    "circe.headers.HeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "tenants.middleware.SessionMiddleware",
    "circe.headers.HostMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "tenants.middleware.AuthenticationMiddleware",
    "tenants.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "circe.concurrency.ConcurrencyMiddleware",
    "tenants.middleware.TenantScopeMiddleware",
    "circe.api.errors.ProblemMiddleware",
]

ROOT_URLCONF = "circe.urls"
WSGI_APPLICATION = "circe.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- database -------------------------------------------------------------------------------------------------------

DATABASES = {"default": default_database()}
DATABASES["default"] |= {"CONN_MAX_AGE": 0}
DATABASES["default"]["OPTIONS"] = DATABASES["default"].get("OPTIONS", {}) | {
    # `migrate` and similar commands reset the role. libpq ignores PGOPTIONS where `options` is given, so it is added.
    "options": f"{APPLICATION_OPTIONS} {env.str('PGOPTIONS', '')}",
    "pool": {
        "min_size": 1,
        # A request uses one connection from its first query to its end.
        "max_size": WEB_THREADS + 2,
        "timeout": 2,
        # The requests that wait for a connection fail at the first failure to connect.
        "reconnect_timeout": 0,
        "reconnect_failed": postgresql.discard_pool,
    },
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- mail -------------------------------------------------------------------------------------------------------------

MAIL_SETTINGS = mail_settings()
# Where a demo keeps its mails.
MAIL_FOLDER = VAR / "mail"
vars().update(MAIL_SETTINGS)
# In seconds, for each answer of the mail server.
EMAIL_TIMEOUT = 30
DEFAULT_FROM_EMAIL = address_in_mails(
    "DEFAULT_FROM_EMAIL", "appointments@salon.example", "appointments@circe.test", r"[^@\s<>]+@[^@\s<>]+"
)
# Where customers reach this installation: the links in mails begin with it.
PUBLIC_URL = address_in_mails(
    "PUBLIC_URL", "https://circe.example", f"http://localhost:{env.str('PORT', '8000')}", r"https?://[^\s/?#]+/?"
)
# By channel of short texts: a function that sends a customers.messages.mail.TextMessage. There is no provider yet.
TEXT_MESSAGE_BACKENDS = dict.fromkeys(("sms", "push", "whatsapp"), "customers.messages.transport.print_text")

# --- accounts -------------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "tenants.User"
AUTHENTICATION_BACKENDS = ["tenants.accounts.authentication.AccountBackend"]
PASSWORD_HASHERS = [
    "tenants.accounts.hashers.Argon2idPasswordHasher",
    "tenants.accounts.hashers.PBKDF2PasswordHasher",
]
# The number of password checks at the same time. The other slots stay free for people who are signed in.
MAX_CONCURRENT_LOGINS = max(1, WEB_THREADS // 2)
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "tenants.accounts.passwords.MinimumLengthValidator"},
    {"NAME": "tenants.accounts.passwords.MaximumLengthValidator"},
    {"NAME": "tenants.accounts.passwords.CommonPasswordValidator"},
]
JWT_SIGNING_KEY = secret("JWT_SIGNING_KEY")
SIMPLE_JWT: dict[str, Any] = {
    "SIGNING_KEY": JWT_SIGNING_KEY,
    "ALGORITHM": "HS256",
    "USER_ID_CLAIM": "sub",
    "TOKEN_TYPE_CLAIM": "type",
    # Seconds by which the clocks of two servers may differ.
    "LEEWAY": 30,
}
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

# --- the API --------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["tenants.accounts.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["tenants.accounts.permissions.HasRole"],
    "DEFAULT_PARSER_CLASSES": ["circe.api.parsing.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["circe.api.rendering.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "circe.api.rendering.AlwaysJSON",
    "DEFAULT_FILTER_BACKENDS": ["circe.api.parameters.StrictFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "circe.api.pagination.NumberedPages",
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "circe.api.openapi.OperationSchema",
    "EXCEPTION_HANDLER": "circe.api.errors.handle_exception",
    "NUM_PROXIES": NUM_PROXIES,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
# The roles that the OpenAPI document names, the one with most rights first.
API_ROLES = ["super_admin", "tenant_admin", "outlet_manager", "staff", "customer"]
MAX_JSON_BYTES = 1024 * 1024
# The largest body of any request: a form with a file of customers (limits.MAX_UPLOAD_BYTES) and its other fields.
MAX_BODY_BYTES = 51 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FILES = 1
# The page of a week has six fields for each of up to 215 rows.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1_500

SPECTACULAR_SETTINGS = {
    "TITLE": "Circe",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVERS": [{"url": "/"}],
    # Requests and responses have separate components.
    "COMPONENT_SPLIT_REQUEST": True,
    "COMPONENT_SPLIT_PATCH": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    # Operations keep the order of urls.py, and the filters of an operation come before `page` and `size`.
    "SORT_OPERATIONS": False,
    "SORT_OPERATION_PARAMETERS": False,
    "APPEND_COMPONENTS": {
        "securitySchemes": {"bearerAuth": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enum_id_removal",
        "circe.document.hook.complete_document",
    ],
    # The pages work without internet: no content delivery network, no online validator.
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {
        "deepLinking": True,
        "persistAuthorization": True,
        "tryItOutEnabled": True,
        "displayRequestDuration": True,
        "defaultModelsExpandDepth": 0,
        "validatorUrl": None,
    },
}

# --- pages and files ------------------------------------------------------------------------------------------------

# English without a country: dates are in ISO 8601. The back office has the formats of each business's country.
LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = "circe.backoffice.formats"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT: Path | None = BASE_DIR / "staticfiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# --- https and cookies ------------------------------------------------------------------------------------------------

X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 12 * 60 * 60
if PRODUCTION:
    SECURE_SSL_REDIRECT = read_switch("SECURE_SSL_REDIRECT", True)
    # The health check of the container uses plain http.
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
    SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    if NUM_PROXIES:
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": "circe.log_format.RedactedJsonFormatter",
        },
        "plain": {"format": "{levelname} {name}: {message}", "style": "{"},
    },
    "filters": {"request_id": {"()": "circe.logs.RequestId"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "json" if PRODUCTION else "plain",
            "filters": ["request_id"],
        }
    },
    "root": {"handlers": ["stderr"], "level": read_log_level("INFO" if PRODUCTION else "WARNING")},
    "loggers": {
        "django.server": {"propagate": True},
        # circe.access has a line for each refused request; these loggers would add paths, queries and headers.
        "django.request": {"level": "ERROR"},
        "django.security": {"level": "CRITICAL"},
    },
}
