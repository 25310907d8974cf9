"""Makes the catalogues of translations, for `make messages`.

It adds new texts to the .po files, takes out those that are gone, and writes the .mo files. It needs babel alone, not
gettext's programs.
"""

import datetime as dt
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent.parent
APPS = ("tenants", "customers", "appointments")
LANGUAGES = ("en", "id", "nb")
KEYWORDS = DEFAULT_KEYWORDS | {"gettext_lazy": None, "ngettext_lazy": (1, 2)}


def find_texts(app: str) -> Catalog:
    """Returns the texts of the app's Python files and templates, without translations."""
    catalog = Catalog(fuzzy=False)
    for path in sorted((ROOT / app).rglob("*")):
        is_code = path.suffix == ".py" and "tests" not in path.parts and "migrations" not in path.parts
        if is_code or ("templates" in path.parts and path.suffix in (".html", ".txt")):
            for line, message, comments, context in _extract(path):
                where = [(str(path.relative_to(ROOT)), line)]
                flags = () if is_code else ("python-format",) if "%(" in "".join(message) else ()
                catalog.add(message, locations=where, auto_comments=comments, context=context, flags=flags)
    return catalog


def _extract(path: Path) -> Iterator[tuple]:
    source = path.read_text()
    if path.suffix != ".py":
        # Django turns the tags of a template into calls.
        source = templatize(source, origin=str(path))
    return extract("python", BytesIO(source.encode()), KEYWORDS, comment_tags=("Translators:",))


def po_path(app: str, language: str) -> Path:
    return ROOT / app / "locale" / language / "LC_MESSAGES" / "django.po"


def read_catalog(app: str, language: str) -> Catalog:
    """Returns the translations as they are stored."""
    with po_path(app, language).open("rb") as file:
        return read_po(file, locale=language)


def update(app: str, language: str) -> Catalog:
    """Returns the translations that are stored, for the texts that there are now. English is as the code has it."""
    texts, path = find_texts(app), po_path(app, language)
    catalog = read_catalog(app, language) if path.exists() else Catalog(locale=language, fuzzy=False)
    catalog.update(texts, no_fuzzy_matching=True)
    catalog.obsolete.clear()
    if language == "en":
        for message in catalog:
            if message.id:
                message.string = message.id
    return catalog


def as_po(catalog: Catalog) -> bytes:
    """Returns the text of the .po file. It has no line numbers and no dates, so that it changes only with the texts."""
    file = BytesIO()
    write_po(file, catalog, width=100, sort_output=True, omit_header=True, include_lineno=False, ignore_obsolete=True)
    rule = f'"Plural-Forms: {catalog.plural_forms}\\n"\n'
    header = (
        f'msgid ""\nmsgstr ""\n"Language: {catalog.locale}\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n{rule}\n'
    )
    return header.encode() + file.getvalue()


def as_mo(po: bytes, language: str) -> bytes:
    """Returns the .mo file for the text of a .po file."""
    catalog, file = read_po(BytesIO(po), locale=language), BytesIO()
    # Otherwise it would hold the time at which it was written.
    catalog.creation_date = catalog.revision_date = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    write_mo(file, catalog)
    return file.getvalue()


def main() -> None:
    """Writes every catalogue, and tells what is still to be translated."""
    for app in APPS:
        for language in LANGUAGES:
            catalog, path = update(app, language), po_path(app, language)
            path.parent.mkdir(parents=True, exist_ok=True)
            po = as_po(catalog)
            path.write_bytes(po)
            path.with_suffix(".mo").write_bytes(as_mo(po, language))
            missing = sum(1 for message in catalog if message.id and not all(message.string or [""]))
            sys.stdout.write(f"{path.relative_to(ROOT)}: {len(catalog)} texts, {missing} without a translation\n")


if __name__ == "__main__":
    main()
