"""In which encoding a text file is."""

import codecs
import io
from typing import BinaryIO

BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
NAMES = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "utf-16": "UTF-16", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16"}
# What Windows writes where it does not write Unicode goes by the language it is set to. Guessing by the bytes fails on
# lists of names: charset-normalizer reads Bjørn as Bjřrn.
CODE_PAGES = {
    **dict.fromkeys(["cs", "hr", "hu", "pl", "ro", "sk", "sl"], "cp1250"),
    **dict.fromkeys(["be", "bg", "mk", "ru", "sr", "uk"], "cp1251"),
    **dict.fromkeys(["et", "lt", "lv"], "cp1257"),
    "el": "cp1253",
    "tr": "cp1254",
    "he": "cp1255",
    "ar": "cp1256",
    "vi": "cp1258",
    "th": "cp874",
    "ja": "cp932",
    "zh": "gb18030",
    "ko": "cp949",
}
# Stands for bytes that are no character in the file's encoding: no text holds it.
BROKEN = "\udcff"
CHUNK = 1 << 16

codecs.register_error("circe-broken", lambda error: (BROKEN, error.end))


def code_page(language: str) -> str:
    """The code page that Windows uses for a language such as `en` or `zh-Hans`."""
    return CODE_PAGES.get(language.partition("-")[0], "cp1252")


def encoding_of(file: BinaryIO, code_page: str) -> str:
    """The encoding of a file, by its byte order mark, by its zeros (UTF-16), else UTF-8.

    Where most lines with other letters than ASCII's are no UTF-8, it is the code page; where few are, those few are broken.
    """
    head = _rewound(file).read(4096)
    for mark, encoding in BOMS.items():
        if head.startswith(mark):
            return encoding
    if head.count(0) > len(head) // 4:
        return "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
    return "utf-8" if _is_utf8(_rewound(file)) else code_page


class Text(io.TextIOWrapper):
    """A file as text, with line ends as they are. It leaves the file open, for whoever opened it to close."""

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        super().__init__(_rewound(file), encoding, errors="circe-broken", newline="")

    def close(self) -> None:
        """Nothing."""


def _rewound(file: BinaryIO) -> BinaryIO:
    file.seek(0)
    return file


def _is_utf8(file: BinaryIO) -> bool:
    sound = broken = 0
    for line in iter(lambda: file.readline(CHUNK), b""):
        if line.isascii():
            continue
        try:
            line.decode()
            sound += 1
        except UnicodeDecodeError:
            broken += 1
    return broken <= sound
