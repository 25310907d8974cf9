"""Finds, removes and refuses characters that are invisible. Two texts that differ only by them look the same."""

import unicodedata

import regex
from django.core.exceptions import ValidationError

# Unicode has no property for a glyph that is blank: of the symbols, these two are by their names (BRAILLE PATTERN BLANK,
# MUSICAL SYMBOL NULL NOTEHEAD).
_BLANK_SYMBOLS = "\u2800\U0001d159"
# Characters that are drawn as nothing (soft hyphen, joiners, fillers, variation selectors), control and format characters,
# unassigned and private ones, and separators, which are all spaces.
_INVISIBLE = rf"\p{{Default_Ignorable_Code_Point}}\p{{C}}\p{{Z}}{_BLANK_SYMBOLS}"
_INVISIBLE_CHARACTER = regex.compile(f"[{_INVISIBLE}]")
# Invisible characters that come with a pasted text; control characters are not among them.
_INVISIBLE_MARK = regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{Cf}]")
# Characters that are drawn as a space.
_BLANK = regex.compile("[\u2800\u3164\uffa0]")
_JOINER = "\u200c\u200d"
_VARIATION_SELECTOR = "\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"
_TAG = "\U000e0020-\U000e007f"
# Characters that nobody sees, with four exceptions: joiners; signs that enclose digits; what changes a picture or Chinese
# character before it (variation selectors, tags in a flag); and what reverses the text after it, which validators refuse.
_NEVER_SEEN = regex.compile(
    rf"[[\p{{Default_Ignorable_Code_Point}}\p{{Cf}}]"
    rf"--[\p{{Prepended_Concatenation_Mark}}\u202d\u202e{_JOINER}{_VARIATION_SELECTOR}{_TAG}]]"
    rf"|(?<![[\p{{Emoji}}\p{{Han}}\p{{Mongolian}}]--[0-9#*]])[{_VARIATION_SELECTOR}](?!\u20e3)"
    rf"|(?<!\U0001f3f4[{_TAG}]*)[{_TAG}]",
    regex.V1,
)
# A joiner that is not between two parts of a word or picture, or that follows another.
_STRAY_JOINER = regex.compile(
    rf"(?<![\p{{L}}\p{{M}}\p{{N}}\p{{S}}])[{_JOINER}]|[{_JOINER}](?![{_JOINER}]*[\p{{L}}\p{{M}}\p{{N}}\p{{S}}])"
)
# A letter, number, punctuation mark or symbol. A combining mark needs one of them before it.
_VISIBLE_CHARACTER = regex.compile(rf"(?![{_INVISIBLE}])[\p{{L}}\p{{N}}\p{{P}}\p{{S}}]")
# Control characters, and characters that reverse the text after them. `without_unseen_characters` leaves them in.
_CONTROL_CHARACTERS = regex.compile(r"[\x00-\x1f\x7f-\x9f\u202d\u202e]")


def has_invisible_character(text: str) -> bool:
    """Returns whether any character of `text` is invisible. A space is invisible."""
    return _INVISIBLE_CHARACTER.search(text) is not None


def has_visible_character(text: str) -> bool:
    """Returns whether any character of `text` is visible."""
    return _VISIBLE_CHARACTER.search(text) is not None


def without_invisible_marks(text: str) -> str:
    """Returns the text without marks of direction, joiners, soft hyphens and the like. Control characters stay."""
    return _INVISIBLE_MARK.sub("", text)


def without_unseen_characters(text: str) -> str:
    """Returns a name, in NFC, without the characters that nobody sees, and with spaces for those that are drawn as a space.

    The joiners ZWJ and ZWNJ stay within a word, where Indic scripts, Persian and emojis need them. Control characters, and a
    text of which nothing can be seen, stay too: validators refuse them.
    """
    if not has_visible_character(text):
        return text
    return unicodedata.normalize("NFC", _STRAY_JOINER.sub("", _NEVER_SEEN.sub("", _BLANK.sub(" ", text))))


def validate_name(value: str) -> None:
    """Raises ValidationError for a name without a visible character, or with control characters."""
    if _CONTROL_CHARACTERS.search(value) or not has_visible_character(value):
        raise ValidationError("A name is made of characters that can be seen.", code="invalid")
