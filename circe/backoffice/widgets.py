"""Form fields in which a person chooses a row while typing, a language or a time zone."""

import zoneinfo
from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.admin.widgets import AutocompleteSelect, AutocompleteSelectMultiple

from circe.db.ids import is_id


class _ValidIdsMixin:
    """Drops malformed ids, so that an invalid form can be shown again: Django's widget would look them up and fail."""

    def optgroups(self, name: str, value: list[str], attr: Any = None) -> Any:
        return super().optgroups(name, [pk for pk in value if is_id(pk)], attr)  # type: ignore[misc]


class ChoiceWidget(_ValidIdsMixin, AutocompleteSelect):
    """A widget that finds one row while the person types."""


class MultipleChoiceWidget(_ValidIdsMixin, AutocompleteSelectMultiple):
    """A widget that finds several rows while the person types."""


class PhoneInput(forms.TextInput):
    """An input for a phone number, with the keys of a phone."""

    input_type = "tel"

    def __init__(self, attrs: Any = None) -> None:
        super().__init__({"class": "vTextField", "inputmode": "tel", "autocomplete": "off"} | (attrs or {}))


class EmailInput(forms.TextInput):
    """An input for an e-mail address. It is no `email` input, in which browsers rewrite domains such as müller.example."""

    def __init__(self, attrs: Any = None) -> None:
        shared = {"class": "vTextField", "inputmode": "email", "autocomplete": "off"}
        super().__init__(shared | {"autocapitalize": "none", "spellcheck": "false"} | (attrs or {}))


class CodeInput(forms.TextInput):
    """An input for a short code, such as IDR, that no keyboard should correct."""

    def __init__(self, attrs: Any = None) -> None:
        shared = {"class": "vTextField", "inputmode": "text", "autocomplete": "off", "spellcheck": "false"}
        super().__init__(shared | {"autocapitalize": "characters"} | (attrs or {}))


class OpenSelect(forms.Select):
    """A list of choices for a text field. A value that is not in the list stays as it is, since the API accepts other values
    too.
    """

    def __init__(self, choices: Callable[[], Iterable[tuple[str, str]]]) -> None:
        super().__init__(choices=choices)

    def optgroups(self, name: str, value: list[str], attrs: Any = None) -> Any:
        known = {choice for choice, _ in self.choices}
        self.choices = [*self.choices, *((one, one) for one in value if one and one not in known)]
        return super().optgroups(name, value, attrs)


def language_choices() -> list[tuple[str, str]]:
    """Returns the languages that Django knows, as `(tag, English name)`, by name."""
    return sorted(((tag, str(name)) for tag, name in settings.LANGUAGES), key=lambda language: language[1])


def time_zone_choices() -> list[tuple[str, str]]:
    """Returns the time zones of the IANA database that are named by a region and a place, and UTC."""
    return [(name, name.replace("_", " ")) for name in sorted(zoneinfo.available_timezones()) if _is_place(name)]


def _is_place(name: str) -> bool:
    return name == "UTC" or ("/" in name and not name.startswith(("Etc/", "SystemV/", "US/", "posix/", "right/")))
