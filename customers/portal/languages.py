"""The languages of mails to customers and of the portal's pages."""

LANGUAGES = {"en": "en", "id": "id", "nb": "nb", "nn": "nb", "no": "nb"}


def customer_language(language: str) -> str:
    """Returns the language in which to write to a person who prefers `language`, a tag such as `nn-NO`: English if there are
    no texts in theirs.
    """
    return LANGUAGES.get(language.partition("-")[0].lower(), "en")
