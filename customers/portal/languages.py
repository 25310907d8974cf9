"""The languages of mails to customers and of the portal's pages, and how days and times are written in them."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

from django.utils import translation
from django.utils.formats import date_format, get_format, time_format

from circe.backoffice.regional import MONTH_FIRST, language_code
from tenants.models import Tenant

LANGUAGES = {"en": "en", "id": "id", "nb": "nb", "nn": "nb", "no": "nb"}
# The languages that have texts, with the names by which staff know them.
LANGUAGE_CHOICES = [("en", "English"), ("id", "Indonesian"), ("nb", "Norwegian")]
DAY_FORMATS = {"id": "l, j F Y", "nb": "l j. F Y"}
TIME_FORMATS = {"id": "H.i", "nb": "H:i"}


def customer_language(language: str) -> str:
    """Returns the language in which to write to a person who prefers `language`, a tag such as `nn-NO`. Returns English
    if there are no texts in the person's language.
    """
    return LANGUAGES.get(language.partition("-")[0].lower(), "en")


def translation_code(tenant: Tenant, language: str) -> str:
    """Returns the language code of Django for texts to a customer of the business who prefers `language`. For English
    it is the code of the business's country, so that dates and numbers are written as there.
    """
    code = customer_language(language)
    return language_code(tenant.phone_region, tenant.language) if code == "en" else code


@contextmanager
def written_for(tenant: Tenant, language: str) -> Iterator[str]:
    """Within the block, texts, dates and numbers are written for a customer of the business who prefers `language`.
    Yields the code of the language that is used: en, id or nb.
    """
    with translation.override(translation_code(tenant, language)):
        yield customer_language(language)


def format_day(day: dt.date, tenant: Tenant) -> str:
    """Returns the day with its weekday in the language of the surrounding `written_for`: `Senin, 3 Juni 2030`, `mandag
    3. juni 2030`.
    """
    language = translation.get_language() or "en"
    if pattern := DAY_FORMATS.get(language):
        return date_format(day, pattern)
    comma = "," if tenant.phone_region in MONTH_FIRST else ""
    return date_format(day, f"l{comma} {get_format('DATE_FORMAT')}")


def format_clock(time: dt.time, tenant: Tenant) -> str:
    """Returns the time in the language of the surrounding `written_for`: `09.00`, `09:00`, or `9:00 AM` in English of a
    country such as the United States.
    """
    usual = "g:i A" if tenant.phone_region in MONTH_FIRST else "H:i"
    return time_format(time, TIME_FORMATS.get(translation.get_language() or "", usual))
