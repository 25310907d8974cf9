"""Reads from a search that found nobody the fields with which the form of a new customer begins."""

import re

# Digits, and what is written between them.
PHONE_LIKE = re.compile(r"\s*\+?[\d\s().-]+").fullmatch


def read_person(text: str) -> dict[str, str]:
    """Returns the fields of a new customer for whom somebody searched: an e-mail address, a phone number, or names."""
    words = text.split()
    if "@" in text:
        return {"email": next(word for word in words if "@" in word).strip('<>,;"')}
    if PHONE_LIKE(text):
        return {"phone": text.strip()}
    return {"first_name": words[0], "last_name": " ".join(words[1:])}
