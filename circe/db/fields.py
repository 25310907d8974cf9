"""Fields that keep references to an app's functions out of migrations, and a field for local times.

A migration that names a function of an app breaks when the function is renamed or moved. So these fields leave their
`default` and `validators` out of migrations. A change of these two options makes no migration. In all else they are Django's
fields, except LocalDateTimeField.
"""

import datetime as dt
from typing import Any

from django.db import models
from django.utils.dateparse import parse_datetime


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


class LocalDateTimeField(OmitCodeFromMigrationsMixin, models.DateTimeField):
    """A local time of the tenant: a naive datetime, stored without a time zone."""

    def db_type(self, connection: Any) -> str:
        return "timestamp without time zone"

    def get_prep_value(self, value: Any) -> Any:
        # Django's own would take a naive datetime for an instant.
        return self.to_python(value)

    def to_python(self, value: Any) -> Any:
        if isinstance(value, dt.datetime):
            return value
        return parse_datetime(value) if isinstance(value, str) else super().to_python(value)
