"""The list of customers by the page: one statement finds the ids of the page and the total, another reads the profiles."""

from typing import Any

import orjson
from django.contrib.postgres.fields import ArrayField
from django.db import connection
from django.db.models import BigIntegerField, BooleanField, Func, QuerySet

from circe.api.pagination import PagedQuery
from circe.db.ids import IdField
from circe.db.json_sql import build_json
from circe.db.prepared import PreparedQuery, Sql
from customers.models import Customer
from customers.models.monthly_counts import CustomerMonthlyCounts
from customers.models.searchable import SearchableCustomer
from customers.serializers import CustomerSerializer

# What the filters of the list narrow. The SQL below sorts it.
SEARCHABLE = SearchableCustomer.objects.undeleted().order_by().values("id", "created_at")


def _profiles_by_ids(ids: Any) -> QuerySet[Any, Any]:
    profiles = Customer.objects.undeleted().with_profile().annotate(profile=build_json(CustomerSerializer))
    # `id = ANY (<ids>)` uses the primary key, however many ids there are.
    has_id = Func("pk", ids, arg_joiner=" = ANY (", template="%(expressions)s)", output_field=BooleanField())
    return profiles.filter(has_id).values_list("updated_at", "profile")


# Newest first: `updated_at`, and the profile as JSON text. The list, the detail and the answer to each write show it.
PROFILES_BY_IDS = PreparedQuery("profiles_by_ids", _profiles_by_ids, ids=ArrayField(IdField()))

# `found` are the customers that the filters match. The page is counted from the end of the list that is nearer.
FILTERED_PAGE = """
WITH found AS {materialized} (
    {customers}
),
total AS MATERIALIZED (
    SELECT count(*) AS number FROM found
)
SELECT number, CASE WHEN {start} <= number / 2
    THEN ARRAY(
        SELECT id FROM found ORDER BY created_at DESC, id DESC OFFSET {start} LIMIT {size}
    )
    ELSE ARRAY(
        SELECT id FROM found ORDER BY created_at, id
        OFFSET greatest(number - {stop}, 0) LIMIT greatest(least(number, {stop}) - {start}, 0)
    )
END
FROM total
"""

# Without filters nothing has to be counted: the monthly counts tell the total, and in which months the page begins and
# ends. It is counted from the end of its first month or from the start of its last month, whichever is nearer.
WHOLE_LIST_PAGE = """
WITH month AS MATERIALIZED (
    -- The customers of a month, and how many were created in that month or later.
    SELECT
        (month + interval '1 month') AT TIME ZONE 'UTC' AS ends_at,
        month::timestamp AT TIME ZONE 'UTC' AS starts_at,
        sum(total_customers)::bigint AS customers,
        (sum(sum(total_customers)) OVER (ORDER BY month DESC))::bigint AS customers_since
    FROM ({monthly_counts}) AS counts
    GROUP BY month
),
wanted AS MATERIALIZED (
    SELECT total, {start}::bigint AS start, least({stop}::bigint, total) AS stop
    FROM (SELECT coalesce(max(customers_since), 0) AS total FROM month) AS every_month
),
first_month AS MATERIALIZED (
    SELECT ends_at, start - (customers_since - customers) AS skipped
    FROM month, wanted WHERE customers_since > start ORDER BY starts_at DESC LIMIT 1
),
last_month AS MATERIALIZED (
    SELECT starts_at, customers_since - stop AS skipped
    FROM month, wanted WHERE customers_since >= stop ORDER BY starts_at DESC LIMIT 1
)
SELECT total, CASE
    WHEN start >= total THEN ARRAY[]::varchar[]
    WHEN first_month.skipped <= last_month.skipped THEN ARRAY(
        SELECT id FROM ({customers}) AS customer WHERE created_at < ends_at
        ORDER BY created_at DESC, id DESC OFFSET first_month.skipped LIMIT stop - start
    )
    ELSE ARRAY(
        SELECT id FROM ({customers}) AS customer WHERE created_at >= starts_at
        ORDER BY created_at, id OFFSET last_month.skipped LIMIT stop - start
    )
END
FROM wanted LEFT JOIN first_month ON true LEFT JOIN last_month ON true
"""


def _whole_list_page(**bounds: Any) -> Sql:
    return Sql(
        WHOLE_LIST_PAGE,
        monthly_counts=CustomerMonthlyCounts.objects.values("month", "total_customers"),
        customers=SEARCHABLE,
        **bounds,
    )


WHOLE_LIST = PreparedQuery("whole_list_page", _whole_list_page, start=BigIntegerField(), stop=BigIntegerField())


class AllCustomers(PagedQuery):
    """All customers, newest first. A page has their profiles as JSON."""

    def page(self, start: int, stop: int) -> tuple[list[orjson.Fragment], int]:
        [(total, ids)] = WHOLE_LIST.rows(start=start, stop=stop)
        return profiles(ids), total


class FilteredCustomers(PagedQuery):
    """The customers of a queryset made from SEARCHABLE, newest first. A page has their profiles as JSON.

    `found_by_index`: whether an index finds them by a search or by tags. Then they are found once, to be counted and
    sorted. Other filters make PostgreSQL look at every customer to count them; a page is read in the order of the list.
    """

    def __init__(self, customers: QuerySet[SearchableCustomer], *, found_by_index: bool) -> None:
        self.customers = customers
        self.materialized = "MATERIALIZED" if found_by_index else "NOT MATERIALIZED"

    def page(self, start: int, stop: int) -> tuple[list[orjson.Fragment], int]:
        customers, params = self.customers.query.sql_with_params()
        sql = FILTERED_PAGE.format(
            customers=customers, materialized=self.materialized, start=start, stop=stop, size=stop - start
        )
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            ((total, ids),) = cursor.fetchall()
        return profiles(ids), total


def profiles(ids: list[str]) -> list[orjson.Fragment]:
    """Returns the profiles of the customers as JSON, newest first."""
    return [orjson.Fragment(profile) for _, profile in PROFILES_BY_IDS.rows(ids=ids)] if ids else []
