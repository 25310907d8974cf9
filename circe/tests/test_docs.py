"""The paths, modules, links, triggers, functions and columns that the documents name exist."""

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
# A name of two or more words, as functions, columns and settings have.
NAME = re.compile(r"[a-z]+(?:_[a-z]+)+")
# Names of PostgreSQL and Citus that Circe's code does not use, and an index that a decision removed.
NAMES_OF_OTHERS = re.compile(r"(?:pg|citus)_.*|btree_gist|max_prepared_transactions|block_writes|customertotals_vip")
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


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_name_occurs_in_the_code(document, words_of_the_code):
    names = {span.removesuffix("()") for span in CODE.findall((ROOT / document).read_text())}
    names = {name for name in names if NAME.fullmatch(name) and not NAMES_OF_OTHERS.fullmatch(name)}
    assert names - words_of_the_code == set()


@pytest.fixture(scope="module")
def words_of_the_code():
    """Returns all words of the files with code, except this one."""
    files = {*ROOT.glob("*.*"), *(file for folder in FOLDERS for file in (ROOT / folder).rglob("*.*"))}
    code = [
        file
        for file in files
        if file.suffix in {".py", ".sql", ".toml", ".yaml", ".conf"} and file.name != "test_docs.py"
    ]
    return {word for file in code for word in re.findall(r"\w+", file.read_text())}


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
