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
    """Returns the language in which to write to a person who prefers `language`, a tag such as `nn-NO`: English if there are
    no texts in theirs.
    """
    return LANGUAGES.get(language.partition("-")[0].lower(), "en")


def translation_code(tenant: Tenant, language: str) -> str:
    """Returns the language for Django's translations, by which a customer of the business reads a text.

    Dates and numbers in English are as in the country of the business.
    """
    code = customer_language(language)
    return language_code(tenant.phone_region, tenant.language) if code == "en" else code


@contextmanager
def written_for(tenant: Tenant, language: str) -> Iterator[str]:
    """Writes in the block as a customer of the business reads it, and gives the code of the language: en, id or nb."""
    with translation.override(translation_code(tenant, language)):
        yield customer_language(language)


def format_day(day: dt.date, tenant: Tenant) -> str:
    """Returns the day with its weekday in the language of `written_for`: `Senin, 3 Juni 2030`, `mandag 3. juni 2030`."""
    language = translation.get_language() or "en"
    if pattern := DAY_FORMATS.get(language):
        return date_format(day, pattern)
    comma = "," if tenant.phone_region in MONTH_FIRST else ""
    return date_format(day, f"l{comma} {get_format('DATE_FORMAT')}")


def format_clock(time: dt.time, tenant: Tenant) -> str:
    """Returns the time in the language of `written_for`: `09.00`, `09:00`, or `9:00 a.m.` where English has it."""
    usual = "g:i A" if tenant.phone_region in MONTH_FIRST else "H:i"
    return time_format(time, TIME_FORMATS.get(translation.get_language() or "", usual))
