"""The model that remembers how a person has mapped the columns of a file. It applies to files with the same headers."""

from typing import Any

from django.db import models

from tenants.models import TENANT_CONSTRAINTS, TenantModel


class ColumnMapping(TenantModel):
    """Maps the columns of a file to columns of Circe, for all files of the business with the same headers.

    The keys of `columns` are normalized headers of the file. The values are names of columns of Circe, or "" for a
    column of the file that is not imported. `day_order` is empty if nothing was decided about dates that can be read in
    two ways.
    """

    header_digest = models.CharField(max_length=64)
    columns: Any = models.JSONField(default=dict)
    day_order = models.CharField(max_length=20, blank=True)

    class Meta(TenantModel.Meta):
        # It is not audited: it holds the headers of a file, and says nothing about a customer.
        constraints = [
            *TENANT_CONSTRAINTS,
            models.UniqueConstraint(fields=["tenant", "header_digest"], name="%(class)s_header"),
        ]

    def __str__(self) -> str:
        return ", ".join(self.columns)
