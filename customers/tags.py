"""Tags of customers: the form in which they are stored and compared, and the rules of a valid tag."""

import unicodedata
from collections.abc import Iterable

import regex
from django.core.exceptions import ValidationError

from tenants.characters import without_invisible_marks

MAX_TAGS = 50
MAX_TAG_LENGTH = 50

# The parts of a tag that are brought into NFKC, which writes full-width and half-width letters in their usual form. The
# other characters stay as they are, since NFKC would take them apart: SARA AM of Thai and of Lao, and single letters of
# Hangul.
_NFKC_RUN = regex.compile(r"[^\u0e33\u0eb3\u3131-\u318e]+")
# The letter SARA AM of Thai and of Lao, by the two parts that NFKC makes of it. Another program may have done so
# before.
_SARA_AM_BY_PARTS = {"\u0e4d\u0e32": "\u0e33", "\u0ecd\u0eb2": "\u0eb3"}
_DOTTED_I = "i\u0307"  # case folding makes this of İ; it looks like an i
_HYPHEN = "\u2010"  # text processors write it, or its non-breaking form, of which NFKC makes this one
# Case folding writes every sigma as σ. At the end of a word Greek writes ς.
_FINAL_SIGMA = regex.compile(r"(?<=[\p{L}\p{M}])σ(?![\p{L}\p{M}])")
_VALID_TAG = regex.compile(r"[\p{L}\p{N}][\p{L}\p{M}\p{N}_-]*")


def clean_tag(text: str) -> str:
    """Returns the tag as it is stored and compared: trimmed, without case, width, or marks that nobody sees.

    So `VIP`, `ｖｉｐ` and `vip` with a soft hyphen are one tag. An é typed as one character, or as e and an accent, gives
    the same tag.
    """
    if text.isascii():
        return text.lower().strip()
    # The first pass writes İ as i. An accent after it is joined to this i by the second pass only.
    tag = _fold_case_and_width(_fold_case_and_width(without_invisible_marks(text)))
    return _FINAL_SIGMA.sub("ς", tag).strip()


def _fold_case_and_width(text: str) -> str:
    text = _NFKC_RUN.sub(lambda run: unicodedata.normalize("NFKC", run[0]), text).casefold()
    for parts, letter in _SARA_AM_BY_PARTS.items():
        text = text.replace(parts, letter)
    return unicodedata.normalize("NFC", text).replace(_DOTTED_I, "i").replace(_HYPHEN, "-")


def clean_tags(tags: Iterable[str]) -> list[str]:
    """Returns the tags in the form in which they are stored: each tag once, in the given order."""
    return list(dict.fromkeys(map(clean_tag, tags)))


def validate_tag(tag: str) -> None:
    """Raises ValidationError for a tag, in its stored form, that holds anything but letters, digits, hyphens and
    underscores of any script, or that begins with a hyphen or an underscore.
    """
    if not _VALID_TAG.fullmatch(tag):
        raise ValidationError(
            f"“{tag}” is no tag. A tag is made of letters, digits, hyphens and underscores.", code="invalid"
        )
