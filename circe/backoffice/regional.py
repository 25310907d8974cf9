"""How a country writes dates, clock times and numbers. The texts of the back office stay English.

The active language names the country: `en-no-x-nb` is English as in Norway, at a business whose language is Norwegian
Bokmål. Django's own formats of that country's main language say how dates and numbers are shown. Input is read
strictly: a text that could mean two days or two numbers is refused. Without a country, as for a super_admin and in the
API, full dates and clock times are ISO 8601.
"""

import datetime as dt
import re
import unicodedata
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format, get_format, number_format, time_format
from django.utils.translation import get_language

# The regions of each set of Django's formats. A region that is missing here has the British formats.
REGIONS = {
    "en": "US AS GU MH MP PR UM VI PH FM PW",
    "ar_DZ": "DZ MA TN MR",
    "az": "AZ",
    "bg": "BG",
    "bs": "BA",
    "cs": "CZ",
    "da": "DK FO GL",
    "de": "DE AT LI",
    "de_CH": "CH",
    "el": "GR CY",
    "es": "ES",
    "es_AR": "AR BO CL CO CR EC PY UY VE",
    "es_MX": "MX CU DO GT HN NI PA PE SV",
    "et": "EE",
    "fi": "FI AX",
    "fr": "FR BF BJ CD CF CG CI CM GA GF GN GP LU MC MG ML MQ NC NE PF RE SN TD TG",
    "hr": "HR",
    "hu": "HU",
    "id": "ID TL",
    "is": "IS",
    "it": "IT SM VA",
    "ja": "JP",
    "ka": "GE",
    "ko": "KR KP",
    "lt": "LT",
    "lv": "LV",
    "mk": "MK",
    "nb": "NO SJ",
    "nl": "NL AW BE BQ CW SR SX",
    "pl": "PL",
    "pt": "PT AO CV GW MZ ST",
    "pt_BR": "BR",
    "ro": "RO MD",
    "ru": "RU AM BY KG KZ TJ TM UZ",
    "sk": "SK",
    "sl": "SI",
    "sq": "AL XK",
    "sr_Latn": "RS ME",
    "sv": "SE",
    "tr": "TR",
    "uk": "UA",
    "vi": "VN",
    "zh_Hans": "CN",
    "zh_Hant": "TW",
}
MODULE_BY_REGION = {region: module for module, regions in REGIONS.items() for region in regions.split()}
MONTH_FIRST = {*REGIONS["en"].split()}
# Canada writes both orders with slashes; its standard is ISO 8601.
YEAR_FIRST = {"CA", "CN", "HU", "JP", "KP", "KR", "LT", "MN", "SE", "TW", "IR", "BT"}
# The last three digits form one group, and the digits before them groups of two: 12,50,000.
GROUPS_OF_TWO = {"IN", "BD", "NP", "PK", "BT"}
# Decimals of an amount that is paid in cash (Unicode CLDR 47, `cashDigits`), where they are not two.
DECIMALS_BY_CURRENCY = {
    currency: decimals
    for decimals, currencies in {
        0: "AFN ALL AMD BIF CLP COP CRC CZK DJF GNF GYD HUF IDR IQD IRR ISK JPY KMF KPW KRW LAK LBP MGA MMK MNT MUR NOK PKR "
        "PYG RSD RWF SEK SOS SYP TZS TWD UGX UZS VND VUV XAF XOF XPF YER",
        3: "BHD JOD KWD LYD OMR TND",
    }.items()
    for currency in currencies.split()
}
# A year has four digits: `03/04/26` could be of 1926 or 2026, of the Buddhist year 2526, or begin with the year.
INPUT_FORMATS_BY_ORDER = {
    "": [],
    # A date with dots or blanks is not read month first: it would be ambiguous.
    "month": ["%m/%d/%Y", "%m-%d-%Y", "%B %d, %Y", "%b %d, %Y", "%B %d %Y", "%b %d %Y"],
    "day": [
        *(f"%d{mark}%m{mark}%Y" for mark in "./- "),
        *("%d. %m. %Y", "%d %B %Y", "%d %b %Y", "%d. %B %Y", "%d. %b %Y"),
    ],
    "year": [
        "%Y/%m/%d",
        "%Y.%m.%d",
        "%Y.%m.%d.",
        "%Y. %m. %d.",
        "%Y. %m. %d",
        "%Y年%m月%d日",
        "%Y년 %m월 %d일",
        "%Y%m%d",
    ],
}
TIME_INPUT_FORMATS = ["%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%H.%M", "%I:%M %p", "%I:%M%p", "%I %p", "%I%p"]
# Dates with words or marks of another language would read badly between English month names.
_reads_well_in_english = re.compile("[jFY ,.n年月日년월일]+").fullmatch


def language_code(region: str, language: str) -> str:
    """Returns the language in which pages are shown to a business: English, with the formats of its country."""
    return f"en-{region}-x-{language.partition('-')[0]}".lower()


def current_formats() -> dict[str, Any]:
    """Returns the formats of the country in the active language, by the names of Django's settings."""
    return formats_of(get_language() or "")


@cache
def formats_of(code: str) -> dict[str, Any]:
    """Returns the formats of a code that `language_code` returned; those of ISO 8601 for any other."""
    match = re.fullmatch("en-([a-z]{2})-x-([a-z]+)", code)
    region, language = (match[1].upper(), match[2]) if match else ("", "")
    order = "" if not region else "month" if region in MONTH_FIRST else "year" if region in YEAR_FIRST else "day"
    shown = {
        "": {"DATE_FORMAT": "Y-m-d", "SHORT_DATE_FORMAT": "Y-m-d", "YEAR_MONTH_FORMAT": "F Y"},
        "month": {"DATE_FORMAT": "F j, Y", "SHORT_DATE_FORMAT": "m/d/Y", "YEAR_MONTH_FORMAT": "F Y"},
        "day": {"DATE_FORMAT": "j F Y", "SHORT_DATE_FORMAT": "d/m/Y", "YEAR_MONTH_FORMAT": "F Y"},
        "year": {"DATE_FORMAT": "Y-m-d", "SHORT_DATE_FORMAT": "Y-m-d", "YEAR_MONTH_FORMAT": "F Y"},
    }[order]
    module = _django_formats(region, language) if region else None
    if module:
        # Django's N, E and M are other forms of a month's name. English pages show the whole name, F.
        theirs = {name: re.sub("[NEM]", "F", getattr(module, name, "")) for name in shown}
        shown |= {name: text for name, text in theirs.items() if _is_usable(name, text, order)}
    clock = "g:i A" if order == "month" else "H:i"
    return shown | {
        "DATETIME_FORMAT": f"{shown['DATE_FORMAT']}, {clock}",
        "SHORT_DATETIME_FORMAT": f"{shown['SHORT_DATE_FORMAT']} {clock}",
        "TIME_FORMAT": clock,
        "WEEKDAY_FORMAT": "D, M j" if order == "month" else "D j M",
        "MONTH_DAY_FORMAT": "F j" if order in ("month", "year") else "j F",
        "DATE_INPUT_FORMATS": ["%Y-%m-%d", *INPUT_FORMATS_BY_ORDER[order]],
        "TIME_INPUT_FORMATS": TIME_INPUT_FORMATS,
        "FIRST_DAY_OF_WEEK": getattr(module, "FIRST_DAY_OF_WEEK", 1),
        "DECIMAL_SEPARATOR": getattr(module, "DECIMAL_SEPARATOR", "."),
        "THOUSAND_SEPARATOR": getattr(module, "THOUSAND_SEPARATOR", "") or ",",
        "NUMBER_GROUPING": (3, 2, 0) if region in GROUPS_OF_TWO else 3,
    }


def _django_formats(region: str, language: str) -> ModuleType:
    """Returns the formats of the business's language in its country where Django knows these, else the country's."""
    try:
        return import_module(f"django.conf.locale.{language}_{region}.formats")
    except ImportError:
        return import_module(f"django.conf.locale.{MODULE_BY_REGION.get(region, 'en_GB')}.formats")


def _is_usable(name: str, text: str, order: str) -> bool:
    """Returns whether Django's format reads well in English, and has the country's order of day, month and year."""
    if name == "SHORT_DATE_FORMAT":
        return re.sub("[^a-zA-Z]", "", text) == {"month": "mdY", "day": "dmY", "year": "Ymd"}[order]
    return bool(_reads_well_in_english(text))


def format_number(value: float, decimals: int | None = None) -> str:
    """Returns a number as the country writes it, with its thousands apart: `1.250.000`."""
    return number_format(value, decimals, force_grouping=True)


def format_amount(value: float, currency: str = "") -> str:
    """Returns an amount such as `1.250.000 IDR` or `45.00 USD`. With a currency, it has as many decimals as the currency."""
    decimals = DECIMALS_BY_CURRENCY.get(currency, 2) if currency else None
    return f"{format_number(value, decimals)} {currency}".strip()


def format_clock(time: dt.time | dt.datetime) -> str:
    """Returns a clock time such as `14:30` or `2:30 PM`."""
    return time_format(time, "TIME_FORMAT")


def format_time_range(start: dt.time | dt.datetime, end: dt.time | dt.datetime) -> str:
    """Returns the time between two clock times, such as `14:30–15:30`."""
    return f"{format_clock(start)}–{format_clock(end)}"


def format_day_and_weekday(day: dt.date) -> str:
    """Returns a day such as `Sat 28 Nov`, with its year unless that is this year's: `Sun 29 Nov 2026`."""
    pattern = current_formats()["WEEKDAY_FORMAT"]
    is_month_first = pattern.endswith("j")
    year = "" if day.year == timezone.localdate().year else ", Y" if is_month_first else " Y"
    return date_format(day, f"{pattern}{year}")


def parse_whole_number(text: str) -> int:
    """Returns the number that a person wrote, with the thousands apart or not. Raises ValueError for a fraction, and for a
    text that is 350 in one country and 350,000 in another, unless the country decides.
    """
    text = unicodedata.normalize("NFKC", text).strip().replace("’", "'")
    sign, text = (-1, text[1:]) if text[:1] in ("-", "−") else (1, text)
    # Decimals of one or two zeros are no fraction, in whichever country.
    fraction = re.search(r"(?<=\d)([.,])0{1,2}\Z", text)
    text = text[: fraction.start()] if fraction else text
    if text.isdecimal():
        return sign * int(text)
    match = re.fullmatch(r"[1-9]\d{0,2}(?:([ .,'])\d{3}(?:\1\d{3})*|,(?:\d\d,)+\d{3})", text)
    if not match:
        raise ValueError(text)
    mark, groups = match[1] or ",", re.split("[ .,']", text)
    if len(groups) == 2 and mark == (fraction[1] if fraction else get_format("DECIMAL_SEPARATOR")):
        raise ValueError(text)
    return sign * int("".join(groups))
