"""The paths, modules, links and triggers that the documents name exist."""

import re
from importlib.util import find_spec

import pytest
from django.conf import settings
from django.db import connection

from circe.db.session_settings import SETTINGS

ROOT = settings.BASE_DIR
DOCUMENTS = ["README.md", "CONTRIBUTING.md", *(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))]
FOLDERS = ("analytics", "appointments", "bench", "circe", "customers", "deploy", "docs", "mutants", "tenants")
CODE = re.compile(r"`([^`\n]+)`")
# A path below one of FOLDERS, or the name of a file. `<app>/sql/`, `/docs` and an option of a command are neither.
PATH = re.compile(
    rf"(?<![\w./<>@-])((?:{'|'.join(FOLDERS)})/[\w./*-]*|[\w*-]+\.(?:py|toml|ini|yaml|sql)|requirements[\w*-]*\.(?:txt|lock))"
)
MODULE = re.compile(rf"(?<![\w./@-])((?:{'|'.join(FOLDERS)})(?:\.[a-z_]+)+)(?![\w/(])")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[\w-]+)?\)")
TRIGGER_ROW = re.compile(r"^\| `(\w+)` \| `(\w+)` \| ([A-Z ,a-z]+) \| `(\w+/sql/\w+\.sql)` \|", re.MULTILINE)
TRIGGER_SQL = re.compile(
    r"CREATE TRIGGER (\w+) ((?:BEFORE|AFTER) .+?) ON public\.(\w+) .*?FOR EACH (ROW|STATEMENT) .*EXECUTE FUNCTION (\w+)\("
)


def is_there(path):
    """A name without a folder may be that of a file in any folder, such as `sql_config.py`."""
    folders = ["."] if "/" in path else [".", *(f"{folder}/**" for folder in FOLDERS)]
    return any(any(ROOT.glob(f"{folder}/{path.rstrip('/')}")) for folder in folders)


def is_module_or_setting(name):
    """`circe.tenant` is a setting of the database session."""
    try:
        return name in SETTINGS or find_spec(name) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_module_and_link_leads_to_a_file(document):
    text = (ROOT / document).read_text()
    code = CODE.findall(text)
    missing = [path for span in code for path in PATH.findall(span) if not is_there(path)]
    missing += [name for span in code for name in MODULE.findall(span) if not is_module_or_setting(name)]
    missing += [link for link in LINK.findall(text) if not ((ROOT / document).parent / link).exists()]
    assert missing == []


@pytest.mark.django_db
def test_the_map_of_triggers_is_complete():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal")
        definitions = [sql for (sql,) in cursor.fetchall()]
    assert sorted(map(row_of, definitions)) == sorted(
        TRIGGER_ROW.findall((ROOT / "docs" / "architecture.md").read_text())
    )


def row_of(definition):
    """The columns of a trigger in the map: table, name, when it runs, and the file of its function."""
    name, when, table, level, function = TRIGGER_SQL.match(definition).groups()
    [file] = ROOT.glob(f"*/sql/{function}.sql")
    when = re.sub(r" OF .*", "", when)
    return table, name, f"{when}, each {level.lower()}", str(file.relative_to(ROOT))
