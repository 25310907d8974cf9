"""The view `customers_searchable`, with which customers are found, counted and sorted.

The planner merges the view into the query, so it costs nothing. It reads the table with the rights of its owner and filters
the tenant itself, because PostgreSQL cannot use indexes for LIKE and `&&` under row-level security. A query takes
ids from the view, or counts customers. The customers' data is then read from the table.
"""

from collections.abc import Collection
from typing import Any, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Func

from circe.db.ids import IdField
from customers.search import search_condition
from customers.tags import clean_tags
from tenants.models import Tenant
from tenants.scope import TenantManager


class SearchableQuerySet(models.QuerySet):
    """Queries that find customers."""

    def undeleted(self) -> Self:
        return self.filter(is_deleted=False)

    def tagged(self, tags: Collection[str]) -> Self:
        """Returns the customers with any of the tags."""
        return self.filter(tags__overlap=clean_tags(tags))

    def tag_counts(self) -> models.QuerySet[Any, Any]:
        """Returns `tag` and `customers` (a number) of each tag, the most frequent tag first, then by name. It reads
        every customer once.
        """
        tags = self.annotate(tag=Func("tags", function="unnest", output_field=models.CharField()))
        counted = tags.order_by().values("tag").annotate(customers=models.Count("pk"))
        return counted.order_by("-customers", "tag")

    def matching(self, text: str) -> Self:
        """Returns the customers in whose names, e-mail or phone every word of `text` occurs."""
        return self.filter(search_condition(text))


class SearchableCustomer(models.Model):
    """A row of the view. It says whether the customer has a password, and does not hold its hash."""

    id = IdField(primary_key=True)
    tenant = models.ForeignKey(Tenant, models.DO_NOTHING, related_name="+")
    created_at = models.DateTimeField()
    is_deleted = models.BooleanField()
    tags = ArrayField(models.CharField(max_length=50))
    has_password = models.BooleanField()
    email_verified = models.BooleanField()
    is_active = models.BooleanField()
    source = models.CharField(max_length=50, null=True)
    folded_name = models.TextField()
    phone = models.CharField(max_length=32, null=True)
    search_text = models.TextField()

    objects = TenantManager.from_queryset(SearchableQuerySet)()

    class Meta:
        managed = False
        db_table = "customers_searchable"
        ordering = ["-created_at", "-id"]
