"""Finds characters that are invisible. Two texts that differ only by them look the same."""

import regex

# Unicode has no property for a glyph that is blank: of the symbols, these two are by their names (BRAILLE PATTERN BLANK,
# MUSICAL SYMBOL NULL NOTEHEAD).
_BLANK_SYMBOLS = "\u2800\U0001d159"
# Characters that are drawn as nothing (soft hyphen, joiners, fillers, variation selectors), control and format characters,
# unassigned and private ones, and separators, which are all spaces.
_INVISIBLE = rf"\p{{Default_Ignorable_Code_Point}}\p{{C}}\p{{Z}}{_BLANK_SYMBOLS}"
_INVISIBLE_CHARACTER = regex.compile(f"[{_INVISIBLE}]")
# Invisible characters that come with a pasted text; control characters are not among them.
_INVISIBLE_MARK = regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{Cf}]")
# A letter, number, punctuation mark or symbol. A combining mark needs one of them before it.
_VISIBLE_CHARACTER = regex.compile(rf"(?![{_INVISIBLE}])[\p{{L}}\p{{N}}\p{{P}}\p{{S}}]")


def has_invisible_character(text: str) -> bool:
    """Returns whether any character of `text` is invisible. A space is invisible."""
    return _INVISIBLE_CHARACTER.search(text) is not None


def has_visible_character(text: str) -> bool:
    """Returns whether any character of `text` is visible."""
    return _VISIBLE_CHARACTER.search(text) is not None


def without_invisible_marks(text: str) -> str:
    """Returns the text without marks of direction, joiners, soft hyphens and the like. Control characters stay."""
    return _INVISIBLE_MARK.sub("", text)
