"""The texts of customers' names. A search with a misspelled name is compared with them, to find the nearest names.

Triggers of the database write them. The view `customers_searchable_names` shows them to the application, as
`customers_searchable` shows the customers.
"""

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from circe.db.ids import IdField
from circe.db.summary_tables import SummaryTable
from tenants.models import Tenant
from tenants.scope import TenantManager


class NameKeyFields(models.Model):
    """A word of an undeleted customer's names, or the whole name, folded. One row of each text is its representative."""

    pk = models.CompositePrimaryKey("tenant", "is_whole_name", "text", "created_at", "customer_id")
    tenant = models.ForeignKey(Tenant, models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False)
    is_whole_name = models.BooleanField()
    text = models.TextField(db_collation="C")
    # When the customer was created. It is in the primary key, so that the newest customers with a text are read first.
    created_at = models.DateTimeField()
    customer_id = IdField()
    is_representative = models.BooleanField()

    objects = TenantManager()

    class Meta:
        abstract = True


class NameKey(NameKeyFields, SummaryTable):
    """A stored name key. `check_totals` compares the number of customers with each text."""

    key_columns = ("is_whole_name", "text")
    value_columns = ("customers", "is_represented")
    row_columns = ("is_whole_name", "text", "created_at", "customer_id", "is_representative")
    rows_sql = """
        SELECT is_whole_name, text, created_at, id AS customer_id,
            row_number() OVER (PARTITION BY is_whole_name, text) = 1 AS is_representative
        FROM customers_customer, circe_name_texts(search_text)
        WHERE tenant_id = %(tenant)s AND NOT is_deleted
    """
    expected_sql = (
        f"SELECT is_whole_name, text, count(*) AS customers, true AS is_represented FROM ({rows_sql}) AS name "  # noqa: S608
        "GROUP BY is_whole_name, text"
    )

    class Meta(SummaryTable.Meta):
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

    @classmethod
    def stored_sql(cls) -> str:
        return (
            "SELECT is_whole_name, text, count(*) AS customers, bool_or(is_representative) AS is_represented "
            "FROM customers_namekey WHERE tenant_id = %(tenant)s GROUP BY is_whole_name, text"
        )


class SearchableName(NameKeyFields):
    """A row of the view `customers_searchable_names`."""

    class Meta:
        managed = False
        db_table = "customers_searchable_names"
