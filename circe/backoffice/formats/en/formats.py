"""Answers Django's questions for a format by the country in the active language, see `circe.backoffice.regional`.

Django keeps each answer by its language. So a module per country is not needed.
"""

from typing import Any

from circe.backoffice.regional import current_formats


def __getattr__(name: str) -> Any:
    try:
        return current_formats()[name]
    except KeyError:
        raise AttributeError(name) from None
