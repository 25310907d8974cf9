"""Keeps a migrated database on the tests' own server, of which the next test databases are copies.

`migrate` then finds nothing to do: a database takes 0.3 s of the processor instead of 1.8 s.
"""

import hashlib

import psycopg
from django.conf import settings
from psycopg import sql

# A migrated database depends on these files: migrations import nothing else of Circe. The lock file has Django's version.
SOURCES = ("*/migrations/*.py", "circe/db/**/*.py", "circe/settings.py", "requirements-dev.lock")
PREFIX = "migrated_"


def template_name():
    """Returns a name that changes with the sources."""
    return PREFIX + digest_files(*SOURCES)


def digest_files(*patterns):
    """Returns sixteen characters that change with the names and contents of the project's files of these patterns."""
    digest = hashlib.sha256()
    for pattern in patterns:
        for file in sorted(settings.BASE_DIR.glob(pattern)):
            digest.update(f"{file}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def use_template(server):
    """Has Django copy the template of these sources, if the server has one. `server` is the entry of DATABASES."""
    server["EMBEDDED_SERVER"].ensure_running()
    with _connect(server) as session:
        if template_name() in _find_templates(session):
            server["TEST"]["TEMPLATE"] = template_name()


def keep_template(server):
    """Makes the template from the test database, to which nobody is connected, unless there is one. Drops older ones."""
    name = template_name()
    with _connect(server) as session:
        # The workers of a suite come here at the same moment.
        session.execute("SELECT pg_advisory_lock(1)")
        templates = _find_templates(session)
        if name not in templates:
            statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
            session.execute(statement.format(sql.Identifier(name), sql.Identifier(server["NAME"])))
        for older in templates - {name}:
            session.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(older)))


def _connect(server):
    return psycopg.connect(
        host=server["HOST"], port=server["PORT"], dbname="postgres", user=server["USER"], autocommit=True
    )


def _find_templates(session):
    found = session.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [PREFIX])
    return {name for (name,) in found}
