"""The paths, links and triggers that the documents name exist."""

import re

import pytest
from django.conf import settings
from django.db import connection

DOCUMENTS = [
    "README.md",
    "CONTRIBUTING.md",
    *(f"docs/{path.name}" for path in (settings.BASE_DIR / "docs").glob("*.md")),
]
DOCUMENTS += [f"docs/decisions/{path.name}" for path in (settings.BASE_DIR / "docs" / "decisions").glob("*.md")]
FOLDERS = "analytics|appointments|bench|circe|customers|docs|mutants|tenants"
PATH = re.compile(rf"`((?:{FOLDERS})/[\w./*-]*)`")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[\w-]+)?\)")
TRIGGER = re.compile(r"^\| `(\w+)` \| `(\w+)` \| `(\w+)` \|", re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_and_link_leads_to_a_file(document):
    file = settings.BASE_DIR / document
    text = file.read_text()
    missing = [path for path in PATH.findall(text) if not list(settings.BASE_DIR.glob(path.rstrip("/")))]
    missing += [link for link in LINK.findall(text) if not (file.parent / link).exists()]
    assert missing == []


@pytest.mark.django_db
def test_the_map_of_triggers_is_complete():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, tgname, proname FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid "
            "WHERE NOT tgisinternal"
        )
        triggers = cursor.fetchall()
    documented = TRIGGER.findall((settings.BASE_DIR / "docs" / "architecture.md").read_text())
    assert sorted(documented) == sorted(triggers)
