"""The numbers of customers by month of creation. Triggers of the database update them."""

from django.db import models
from django.db.models import Sum
from django.db.models.functions import Coalesce

from circe.db.summary_tables import ShardedCounter
from tenants.models import Tenant
from tenants.scope import TenantManager

NUMBERS = (
    "total_customers",
    "active_customers",
    "deleted_customers",
    "verified_emails",
    "customers_with_password",
    "total_loyalty_points",
)


class CustomerMonthlyCountsQuerySet(models.QuerySet):
    """Queries of the counts."""

    def numbers(self) -> dict[str, int]:
        """Returns the sums of NUMBERS over all months, by name. Soft-deleted customers count as `deleted_customers` and
        nowhere else.
        """
        return self.aggregate(
            **{name: Coalesce(Sum(name), 0, output_field=models.BigIntegerField()) for name in NUMBERS}
        )

    def count_undeleted(self) -> int:
        """Returns how many customers in scope are not soft-deleted. It adds up the monthly counts, and reads no
        customer.
        """
        return self.numbers()["total_customers"]


class CustomerMonthlyCounts(ShardedCounter):
    """Customers by the month, in UTC, in which they were created. `tagged_vip` are those with the tag `vip`."""

    pk = models.CompositePrimaryKey("tenant", "month", "shard")
    tenant = models.ForeignKey(Tenant, models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False)
    month = models.DateField()
    total_customers = models.BigIntegerField()
    active_customers = models.BigIntegerField()
    deleted_customers = models.BigIntegerField()
    verified_emails = models.BigIntegerField()
    customers_with_password = models.BigIntegerField()
    total_loyalty_points = models.BigIntegerField()
    tagged_vip = models.BigIntegerField()

    objects = TenantManager.from_queryset(CustomerMonthlyCountsQuerySet)()

    key_columns = ("month",)
    value_columns = (*NUMBERS, "tagged_vip")
    expected_sql = """
        SELECT date_trunc('month', created_at AT TIME ZONE 'UTC')::date AS month,
            count(*) FILTER (WHERE NOT is_deleted) AS total_customers,
            count(*) FILTER (WHERE NOT is_deleted AND is_active) AS active_customers,
            count(*) FILTER (WHERE is_deleted) AS deleted_customers,
            count(*) FILTER (WHERE NOT is_deleted AND email_verified) AS verified_emails,
            count(*) FILTER (WHERE NOT is_deleted AND password IS NOT NULL) AS customers_with_password,
            coalesce(sum(loyalty_points) FILTER (WHERE NOT is_deleted), 0) AS total_loyalty_points,
            count(*) FILTER (WHERE NOT is_deleted AND 'vip' = ANY (tags)) AS tagged_vip
        FROM customers_customer WHERE tenant_id = %(tenant)s GROUP BY 1
    """
