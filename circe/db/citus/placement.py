"""Says where each table lies on a cluster of Citus. A server without Citus has no use for placements.

A table whose rows always have a tenant is distributed by `tenant_id`: the rows of a tenant lie on one node. The other tables
are registered by an app: a reference table is copied to every node, since rows of tenants refer to it. A local table lies on
the coordinator alone.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from django.apps import apps
from django.db import models

from circe.db.tenant_key import TenantPrimaryKey

DISTRIBUTION_COLUMN = "tenant_id"


class Placement(StrEnum):
    """Where the rows of a table lie."""

    DISTRIBUTED = "distributed"
    REFERENCE = "reference"
    LOCAL = "local"


# PostgreSQL creates every table as a local one. Citus moves it to one of these placements.
MOVED_PLACEMENTS = {Placement.REFERENCE, Placement.DISTRIBUTED}
# By name of a table that may have rows without a tenant: its placement.
_registered_placements: dict[str, Placement] = {}


def register(placement: Placement, *tables: str) -> None:
    """Sets the placement of tables that may have rows without a tenant."""
    _registered_placements.update(dict.fromkeys(tables, placement))


def reference_table() -> str:
    """Returns the name of a table that is on every node."""
    return next(name for name, placement in _registered_placements.items() if placement is Placement.REFERENCE)


def placement_of(model: type[models.Model]) -> Placement | None:
    """Returns the placement of the model's table, or None for an unregistered table whose rows need no tenant."""
    has_key = any(isinstance(constraint, TenantPrimaryKey) for constraint in model._meta.constraints)
    columns = [field for field in model._meta.concrete_fields if field.column == DISTRIBUTION_COLUMN]
    if any(has_key or not field.null for field in columns):
        return Placement.DISTRIBUTED
    return _registered_placements.get(model._meta.db_table)


def placements() -> dict[str, Placement | None]:
    """Returns the placement of every table, by name: reference tables first, as other tables refer to them."""
    found: dict[str, Any] = dict(_registered_placements)
    found |= {model._meta.db_table: placement_of(model) for model in _models_with_a_table()}
    return dict(sorted(found.items(), key=lambda item: (item[1] is not Placement.REFERENCE, item[0])))


def _models_with_a_table() -> Iterable[type[models.Model]]:
    every_model = apps.get_models(include_auto_created=True)
    return [model for model in every_model if model._meta.managed and not model._meta.proxy]
