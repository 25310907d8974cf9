"""The texts by which the customers are found whose names are nearest to a misspelled one.

Triggers of the database write them. The view `customers_searchable_names` shows them to the application, as
`customers_searchable` shows the customers.
"""

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from circe.db.ids import IdField
from circe.db.row_level_security import RowLevelSecurity
from tenants.models import Tenant
from tenants.scope import TenantManager


class NameKeyFields(models.Model):
    """A word of a customer's names, or the whole name, folded. One row of each text is its representative."""

    pk = models.CompositePrimaryKey("tenant", "is_whole_name", "text", "created_at", "customer_id")
    tenant = models.ForeignKey(Tenant, models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False)
    is_whole_name = models.BooleanField()
    text = models.TextField(db_collation="C")
    # Of the customer. The primary key has the newest customers with a text side by side.
    created_at = models.DateTimeField()
    customer_id = IdField()
    is_representative = models.BooleanField()

    objects = TenantManager()

    class Meta:
        abstract = True


class NameKey(NameKeyFields):
    """A row of the table. The application does not read it."""

    class Meta:
        constraints = [RowLevelSecurity(name="%(class)s_rls")]
        indexes = [
            # A trigger looks for the representative of a text.
            models.Index(
                fields=["tenant", "is_whole_name", "text"],
                condition=Q(is_representative=True),
                name="name_representative",
            ),
            GinIndex(
                fields=["text"],
                opclasses=["gin_trgm_ops"],
                condition=Q(is_representative=True, is_whole_name=False),
                name="name_word_trigrams",
            ),
            GinIndex(
                fields=["text"],
                opclasses=["gin_trgm_ops"],
                condition=Q(is_representative=True, is_whole_name=True),
                name="whole_name_trigrams",
            ),
        ]


class SearchableName(NameKeyFields):
    """A row of the view."""

    class Meta:
        managed = False
        db_table = "customers_searchable_names"
