"""Models of what a person has decided about the columns of a file. A file with the same headers is read alike."""

from typing import Any

from django.db import models

from tenants.models import TENANT_CONSTRAINTS, TenantModel


class ColumnMapping(TenantModel):
    """The columns of Circe to which the columns of a file go, for all files of the business with the same headers.

    `columns` has the name of a column of Circe, or "" for one that is not imported, by normalized header. `day_order` is
    empty if nothing was decided about dates that can be read in two ways.
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
