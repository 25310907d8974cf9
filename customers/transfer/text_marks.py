"""Adds and removes the marks that make a spreadsheet keep a cell as text, and recognises its error values and the words
that databases write for no value.

`'0812` and `="0812"` are the text 0812, which a spreadsheet would otherwise turn into the number 812.
"""

import re

from customers.transfer.tables import FORMULA_WITHOUT_VALUE, MERGED_CELL

# The errors of Excel and LibreOffice, as each language writes them, and the texts that the reader of workbooks writes.
ERROR_VALUES = {
    *("#N/A", "#NV", "#N/D", "#N/B", "#YOK", "#Н/Д", "#HIÁNYZIK", "#PUUTTUU!", "#SAKNAS!", "#I/T", "#ND", "#N/DISP"),
    *("#REF!", "#BEZUG!", "#¡REF!", "#RIF!", "#VERW!", "#BAŞV!", "#ССЫЛКА!", "#HIV!", "#VIITTAUS!", "#REFERENS!"),
    *("#REFERENCE!", "#ADR!", "#ODKAZ!"),
    *("#VALUE!", "#WERT!", "#VALEUR!", "#¡VALOR!", "#VALOR!", "#VALORE!", "#WAARDE!", "#DEĞER!", "#ЗНАЧ!"),
    *("#ÉRTÉK!", "#ARVO!", "#VÄRDEFEL!", "#VÆRDI!", "#VERDI!", "#ARG!", "#HODNOTA!"),
    *("#DIV/0!", "#¡DIV/0!", "#DEEL/0!", "#SAYI/0!", "#ДЕЛ/0!", "#ZÉRÓOSZTÓ!", "#JAKO/0!", "#DIVISION/0!", "#DZIEL/0!"),
    *("#DĚLENÍ_NULOU!", "#DELENIENULOU!"),
    *("#NAME?", "#NOM?", "#¿NOMBRE?", "#NOME?", "#NAAM?", "#AD?", "#ИМЯ?", "#NÉV?", "#NIMI?", "#NAMN?", "#NAVN?"),
    *("#NAZWA?", "#NÁZEV?", "#NÁZOV?"),
    *(
        "#NULL!",
        "#NUL!",
        "#¡NULO!",
        "#NULO!",
        "#NULLO!",
        "#LEEG!",
        "#BOŞ!",
        "#ПУСТО!",
        "#NULLA!",
        "#TYHJÄ!",
        "#SKÄRNING!",
    ),
    *("#ZERO!", "#NUM!", "#ZAHL!", "#NOMBRE!", "#¡NUM!", "#NÚM!", "#GETAL!", "#SAYI!", "#ЧИСЛО!", "#SZÁM!", "#LUKU!"),
    *("#OGILTIGT!", "#LICZBA!", "#ČÍSLO!", "#TALL!"),
    *("#SPILL!", "#CALC!", "#GETTING_DATA", "#FIELD!", "#BLOCKED!", "#CONNECT!", "#BUSY!", "#UNKNOWN!", "#EXTERNAL!"),
    *("#PYTHON!", "#ÜBERLAUF!", "#KALK!", "#ERROR!", "#ERR!"),
    FORMULA_WITHOUT_VALUE,
    MERGED_CELL,
}
_ERRORS = "|".join(map(re.escape, sorted(ERROR_VALUES)))
# `########` is a number or a date in a column that is too narrow, in a copy of what the screen shows.
_ERROR = rf"(?i:{_ERRORS}|Err:[0-9]{{3}}|\#{{4,}})"
_ERROR_VALUE = re.compile(rf"{_ERROR}\Z")
# Words that databases and their tools write where there is no value: `\N` MySQL and PostgreSQL, `[NULL]` DBeaver.
_NULL = r"(?:\\N|NULL|\(null\)|\[NULL\]|<null>|<NULL>)\Z"
_NULL_VALUE = re.compile(_NULL)

# Text that a spreadsheet may take for a formula, by the OWASP page on CSV injection.
_FORMULA = r"[=+\-@\t\r\n＝＋－＠]"
# People mark a number, a date or a time with an apostrophe, so that a spreadsheet does not change it.
_NUMBER = r"[0-9][0-9\s.,:/()+\-TZ]*\Z"
_ADDRESS = r"[^\s@]+@[^\s@]+\Z"
# An export adds one apostrophe to a text that matches this, and an import removes one. So an import reads the exported
# text unchanged.
_NEEDS_APOSTROPHE = re.compile(rf"'*(?:{_FORMULA}|{_ERROR}\Z|{_NULL})|'+(?:{_NUMBER}|{_ADDRESS})")
# A phone number is harmless, and stays readable.
_PHONE = re.compile(r"\+[0-9]+\Z")
_TEXT_FORMULA = re.compile(r'="((?:[^"]|"")*)"\s*\Z')


def escape_cell(text: str) -> str:
    """Returns the text with an apostrophe before it if a spreadsheet would take it for a formula or an error, or an
    import for no value. A text that begins with such an apostrophe gets a second one.
    """
    return f"'{text}" if _NEEDS_APOSTROPHE.match(text) and not _PHONE.match(text) else text


def unescape_cell(text: str) -> str:
    """Returns the text that `escape_cell` was given."""
    return text[1:] if text.startswith("'") and _NEEDS_APOSTROPHE.match(text) else text


def remove_text_mark(cell: str) -> str:
    """Returns the cell without the mark that keeps it a text: an apostrophe as `escape_cell` adds it, or `="…"`."""
    cell = cell.strip(" ") if cell.lstrip(" ")[:2] == '="' else cell
    if text_formula := _TEXT_FORMULA.match(cell):
        return text_formula[1].replace('""', '"')
    return unescape_cell(cell)


def copy_cell(cell: str) -> str:
    """Returns a cell of an imported file as it is written to a file of refused rows or omitted cells. An import reads
    the two cells as the same text.
    """
    # An error value and a `NULL` get no apostrophe: an import would take them for a text.
    return cell if is_error_value(cell) or is_null(cell) else escape_cell(remove_text_mark(cell))


def is_error_value(cell: str) -> bool:
    """Returns whether the cell shows an error of a spreadsheet, such as #N/A, instead of a value."""
    return _ERROR_VALUE.match(cell.strip()) is not None


def is_null(cell: str) -> bool:
    """Returns whether the cell is what a database writes for no value, such as NULL or \\N."""
    return _NULL_VALUE.match(cell.strip()) is not None


def shorten(text: str) -> str:
    """Returns the beginning of a cell, to name it in a sentence."""
    return text if len(text) <= 40 else f"{text[:39]}…"
