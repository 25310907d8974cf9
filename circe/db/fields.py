"""Fields whose default and validators are running code, and so no part of a migration.

A migration that names a function of an app breaks when the function is renamed or moved. These fields leave such options
out of what they write into it: changing them makes no migration. Everything else about them is as Django's.
"""

from typing import Any

from django.db import models


class RunningCodeMixin:
    """Leaves `default` and `validators` out of migrations."""

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {key: value for key, value in kwargs.items() if key not in {"default", "validators"}}


class ValidatedCharField(RunningCodeMixin, models.CharField):
    """A CharField with validators, or a default, of an app."""


class ValidatedDateField(RunningCodeMixin, models.DateField):
    """A DateField with validators, or a default, of an app."""


class OwnerKey(RunningCodeMixin, models.ForeignKey):
    """A ForeignKey to the business that a row belongs to, with the one in scope as default."""
