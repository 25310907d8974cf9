"""The catalogues of translations: whole, and the same in every language."""

import re

import pytest
from django.utils import translation
from django.utils.translation import gettext

from circe.backoffice.regional import language_code
from circe.tests.catalogues import APPS, LANGUAGES, as_mo, as_po, find_texts, po_path, read_catalog, update

CATALOGUES = [(app, language) for app in APPS for language in LANGUAGES]
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|\{\w+\}")


def texts_of(value):
    return [value] if isinstance(value, str) else list(value)


@pytest.mark.parametrize(("app", "language"), CATALOGUES)
def test_every_text_is_translated_and_none_is_left_over(app, language):
    stored = read_catalog(app, language)
    assert {message.id for message in stored} == {message.id for message in find_texts(app)}, "run `make messages`"
    for message in stored:
        if message.id:
            assert all(texts_of(message.string)), f"{message.id} has no translation"
            assert not message.fuzzy, f"{message.id} is fuzzy"
            assert len(texts_of(message.string)) == (1 if isinstance(message.id, str) else stored.num_plurals)


@pytest.mark.slow("reads all sources for texts")
@pytest.mark.parametrize(("app", "language"), CATALOGUES)
def test_the_files_are_what_make_messages_writes(app, language):
    path = po_path(app, language)
    po = as_po(update(app, language))
    assert path.read_bytes() == po, "run `make messages`"
    assert path.with_suffix(".mo").read_bytes() == as_mo(po, language), "run `make messages`"


@pytest.mark.parametrize(("app", "language"), CATALOGUES)
def test_a_translation_has_the_placeholders_of_its_text(app, language):
    for message in read_catalog(app, language):
        wanted = [sorted(PLACEHOLDER.findall(text)) for text in texts_of(message.id)]
        for text in texts_of(message.string):
            assert sorted(PLACEHOLDER.findall(text)) in wanted, message.id


@pytest.mark.parametrize(("region", "language"), [("NO", "nb"), ("ID", "id"), ("NO", "no"), ("GB", "en")])
def test_the_back_office_stays_english(region, language):
    with translation.override(language_code(region, language)):
        assert [gettext(text) for text in ("Service", "Time", "Save", "Monday")] == [
            "Service",
            "Time",
            "Save",
            "Monday",
        ]
