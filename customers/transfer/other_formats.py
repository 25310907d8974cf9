"""Recognises files that are no table of Circe's formats by their first bytes, and says what to do instead.

The child process imports this module, so it uses no Django.
"""

import re

HEAD_BYTES = 512
_BEFORE_TEXT = b"\xef\xbb\xbf \t\r\n"
_WEB_PAGE = "The file is a web page or XML, whatever its name: open it in a spreadsheet and save it as .xlsx."
_PACKED = "The file is packed: unpack it, and send the file in it."
_PICTURE = "The file is a picture, from which no table can be read: export the customers as .csv or .xlsx."
# In lower case.
_SENTENCES = {
    rb"begin:vcard": (
        "The file has vCards: import it into Google Contacts or Outlook, and export the contacts from there as .csv."
    ),
    rb"<(?:!doctype|\?xml|html|head|meta|body|table|div|style|workbook)\b": _WEB_PAGE,
    rb"<!--": _WEB_PAGE,
    rb"%pdf-": "The file is a PDF, from which no table can be read: export the customers as .csv or .xlsx.",
    rb"\{\\rtf": "The file is a text document: copy its table into a spreadsheet and save it as .xlsx.",
    rb"[\[{]\s*[\[{\"]\s*[\w\"{]": "The file is JSON: export the customers as .csv or .xlsx.",
    rb"(?:\x1f\x8b|rar!\x1a|7z\xbc\xaf)": _PACKED,
    rb"(?:\x89png|\xff\xd8\xff|gif8[79]a)": _PICTURE,
    rb"sqlite format 3\0": "The file is a database: export the customers from it as .csv or .xlsx.",
}


def explain_other_format(head: bytes) -> str | None:
    """Returns advice about a file with these first bytes. Returns None for a file that may be a table."""
    text = head.lstrip(_BEFORE_TEXT).lower()
    return next((sentence for pattern, sentence in _SENTENCES.items() if re.match(pattern, text)), None)
