"""Fields that keep references to an app's functions out of migrations.

A migration that names a function of an app breaks when the function is renamed or moved. So these fields leave their
`default` and `validators` out of migrations. A change of these two options makes no migration. In all else they are Django's
fields.
"""

from typing import Any

from django.db import models


class OmitCodeFromMigrationsMixin:
    """Leaves `default` and `validators` out of migrations."""

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {key: value for key, value in kwargs.items() if key not in {"default", "validators"}}


class ValidatedCharField(OmitCodeFromMigrationsMixin, models.CharField):
    """A CharField whose validators or default are functions of an app."""


class ValidatedDateField(OmitCodeFromMigrationsMixin, models.DateField):
    """A DateField whose validators or default are functions of an app."""


class OwningTenantKey(OmitCodeFromMigrationsMixin, models.ForeignKey):
    """A ForeignKey to the tenant that owns the row. Its default is the tenant in scope."""
