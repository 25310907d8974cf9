"""Reads the list of customers page by page: one statement finds the ids of the page and the total, another reads the
profiles. If a search finds nobody, one more statement finds the customers whose names are nearest.
"""

import unicodedata
from typing import Any

import orjson
from django.contrib.postgres.fields import ArrayField
from django.db import connection
from django.db.models import (
    BigIntegerField,
    BooleanField,
    Case,
    DateTimeField,
    ExpressionWrapper,
    Func,
    Q,
    QuerySet,
    TextField,
    When,
)
from django.db.models.functions import Cast

from circe.api.changes import Changes, Cursor
from circe.api.etags import etag
from circe.api.pagination import PagedQuery
from circe.db.ids import IdField
from circe.db.json_sql import AsText, build_json
from circe.db.prepared import PreparedQuery, Sql
from customers.models import Customer, Tombstone
from customers.models.monthly_counts import CustomerMonthlyCounts
from customers.models.name_keys import SearchableName
from customers.models.searchable import SearchableCustomer
from customers.search import FoldedPattern, name_beginnings, search_condition
from customers.serializers import CustomerSerializer
from tenants.cluster_queries import page_of_ids
from tenants.scope import scope_spans_nodes

# The customers that the filters of the list narrow. The SQL below sorts them.
SEARCHABLE = SearchableCustomer.objects.undeleted().order_by().values("id", "created_at")
# The name keys, with which a misspelled name is compared.
NAME_KEYS = SearchableName.objects.values(
    "tenant_id", "is_whole_name", "text", "created_at", "customer_id", "is_representative"
)


def position_in(ids: Any) -> Func:
    """Returns the expression for the position of a customer in a list of ids. `ids` is a list, or a Parameter of a
    prepared query.
    """
    return Func(Cast(ids, ArrayField(IdField())), "pk", function="array_position", output_field=BigIntegerField())


def _profiles_by_ids(ids: Any) -> QuerySet[Any, Any]:
    profiles = Customer.objects.undeleted().with_profile().annotate(profile=build_json(CustomerSerializer))
    # `id = ANY (<ids>)` uses the primary key, however many ids there are.
    has_id = Func("pk", ids, arg_joiner=" = ANY (", template="%(expressions)s)", output_field=BooleanField())
    return profiles.filter(has_id).order_by(position_in(ids)).values_list(AsText("updated_at"), "profile")


# Returns `updated_at` as text and the profile as JSON text of each customer, in the order of the ids. The list, the
# detail and the answers to writes show these profiles.
PROFILES_BY_IDS = PreparedQuery("profiles_by_ids", _profiles_by_ids, ids=ArrayField(IdField()))

# If a search finds at most this many customers, those whose names begin with its words come first.
MAX_RANKED = 10_000
# `found` are the customers that the filters match, with what they are sorted by. A page in the second half of the list
# is counted from the end of the list.
FILTERED_PAGE = """
WITH found AS {materialized} (
    {customers}
),
total AS MATERIALIZED (
    SELECT {total} AS found_count
)
SELECT found_count, CASE WHEN {start} <= found_count / 2
    THEN ARRAY(
        SELECT sort_id FROM found ORDER BY {order} OFFSET {start} LIMIT {size}
    )
    ELSE ARRAY(
        SELECT sort_id FROM (
            SELECT * FROM found ORDER BY {reverse_order}
            OFFSET greatest(found_count - {stop}, 0) LIMIT greatest(least(found_count, {stop}) - {start}, 0)
        ) AS page ORDER BY {order}
    )
END
FROM total
"""

# By whether the order is descending: the SQL of the order, and of its reverse. Only the date of the last visit may be
# NULL, which comes last. The other orders are written as the indexes have them.
ORDERS = {
    False: ("sort_key, sort_id", "sort_key DESC, sort_id DESC"),
    True: ("sort_key DESC, sort_id DESC", "sort_key, sort_id"),
}
ORDERS_WITH_NULLS = {
    False: ("sort_key NULLS LAST, sort_id", "sort_key DESC NULLS FIRST, sort_id DESC"),
    True: ("sort_key DESC NULLS LAST, sort_id DESC", "sort_key NULLS FIRST, sort_id"),
}

# Without filters no customer has to be counted: the monthly counts tell the total, and in which months the page begins
# and ends. The page is counted from the end of its first month or from the start of its last month, whichever is
# nearer.
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
        SELECT id FROM (
            SELECT id, created_at FROM ({customers}) AS customer WHERE created_at >= starts_at
            ORDER BY created_at, id OFFSET last_month.skipped LIMIT stop - start
        ) AS page ORDER BY created_at DESC, id DESC
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

    members = {"approximate": False, "next": None}

    def page(self, start: int, stop: int) -> tuple[list[orjson.Fragment], int]:
        if scope_spans_nodes():
            total = CustomerMonthlyCounts.objects.all().count_undeleted()
            customers, params = SEARCHABLE.query.sql_with_params()
            order = "created_at DESC, id DESC"
            ids, total = page_of_ids(customers, params, order, start, stop, known_total=total)
        else:
            [(total, ids)] = WHOLE_LIST.rows(start=start, stop=stop)
        return read_profiles(ids), total


class FilteredCustomers(PagedQuery):
    """The customers of a queryset with `sort_id` and `sort_key`. A page has their profiles as JSON.

    With `find_once` the customers are found once, and the result is counted and sorted. It is for a search and for
    tags, whose index finds customers in no order, and for conditions on two tables. Otherwise PostgreSQL reads a page
    in the order of the list, and counts the customers separately unless `known_total` is their number.

    `ordering` is a parameter such as `-total_spent`. None means newest first.
    """

    members = {"approximate": False, "next": None}

    def __init__(
        self,
        customers: QuerySet[Any, Any],
        *,
        find_once: bool,
        ordering: str | None = None,
        known_total: int | None = None,
    ) -> None:
        self.customers = customers
        self.known_total = known_total
        self.total = "(SELECT count(*) FROM found)" if known_total is None else f"{known_total}::bigint"
        self.materialized = "MATERIALIZED" if find_once else "NOT MATERIALIZED"
        ordering = ordering or "-created_at"
        orders = ORDERS_WITH_NULLS if ordering.endswith("last_appointment_date") else ORDERS
        self.order, self.reverse_order = orders[ordering.startswith("-")]

    def page(self, start: int, stop: int) -> tuple[list[orjson.Fragment], int]:
        ids, total = self.page_of_ids(start, stop)
        return read_profiles(ids), total

    def page_of_ids(self, start: int, stop: int) -> tuple[list[str], int]:
        """Returns the ids of the page, and how many customers the filters match."""
        customers, params = self.customers.query.sql_with_params()
        if scope_spans_nodes():
            return page_of_ids(customers, params, self.order, start, stop, known_total=self.known_total)
        sql = FILTERED_PAGE.format(
            customers=customers,
            materialized=self.materialized,
            total=self.total,
            order=self.order,
            reverse_order=self.reverse_order,
            start=start,
            stop=stop,
            size=stop - start,
        )
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            ((total, ids),) = cursor.fetchall()
        return ids, total


class SearchedCustomers(FilteredCustomers):
    """The customers of a queryset whom a search finds. Customers whose names begin with its words come first, unless
    the request has an `ordering`.

    If the search finds nobody, the customers with the nearest names are shown instead, and `approximate` is true.
    `filters` are the conditions of the other filters on SEARCHABLE. The customers with the nearest names must satisfy
    them too.
    """

    # The SQL of what customers are sorted by first, before the time of creation.
    rank = f"(begins AND found_count <= {MAX_RANKED})"

    def __init__(self, customers: QuerySet[Any, Any], text: str, filters: Q, *, ordering: str | None = None) -> None:
        if ordering is None:
            customers = customers.annotate(begins=names_begin_with(text))
        super().__init__(customers, find_once=True, ordering=ordering)
        if ordering is None:
            self.order, self.reverse_order = f"{self.rank} DESC, {self.order}", f"{self.rank}, {self.reverse_order}"
        self.text, self.filters = text, filters

    def page_of_ids(self, start: int, stop: int) -> tuple[list[str], int]:
        ids, total = super().page_of_ids(start, stop)
        if total:
            return ids, total
        nearest = nearest_customers(self.text, self.filters)
        self.members = {**self.members, "approximate": bool(nearest)}
        return nearest[start:stop], len(nearest)


@TextField.register_lookup
class HasNameBeginning(FoldedPattern):
    """Finds texts in which a word of the names begins with the given word. The names are the first line of a text."""

    lookup_name = "has_name_beginning"
    function = "circe_name_beginning_pattern"


def names_begin_with(text: str) -> ExpressionWrapper:
    """Returns a boolean expression. It is true if a word of a customer's names begins with each word of the search, as it is
    typed or with neighbouring words joined.
    """
    begin = Q()
    for words in name_beginnings(text):
        begin |= Q(*(Q(search_text__has_name_beginning=word) for word in words))
    return ExpressionWrapper(begin, output_field=BooleanField())


# How many of the nearest customers are shown.
MAX_NEAREST = 100
# How near a name must be: the least word similarity (0 to 1) of a single searched word with a word of a name, and of
# several searched words with the whole name. For a single word it is lower, since each wrong letter changes three of
# its few trigrams.
MIN_WORD_SIMILARITY, MIN_NAME_SIMILARITY = 0.3, 0.4
# A search with fewer letters would be near to too many names.
MIN_LETTERS = 3
# `typed` also sets the threshold of the operator `<%` for this transaction, so it is set before anything is compared.
# Many customers have the same name: its text is compared once, and the newest customers with it are read by an index.
# The nearest names are read first, and no more of them than the last LIMIT requires. GROUP BY would read all of them.
# Without GROUP BY, a customer with two near words is found twice.
NEAREST_CUSTOMERS = """
WITH typed AS MATERIALIZED (
    SELECT circe_fold(%s) AS text FROM set_config('pg_trgm.word_similarity_threshold', %s, true)
),
name AS NOT MATERIALIZED (
    {names}
)
SELECT newest.customer_id
FROM (
    SELECT DISTINCT name.tenant_id, name.text, word_similarity(typed.text, name.text) AS similarity
    FROM typed, name
    WHERE name.is_representative AND typed.text <%% name.text
    ORDER BY similarity DESC, text, tenant_id LIMIT {limit}
) AS near, LATERAL (
    SELECT name.customer_id, name.created_at
    FROM name
    WHERE name.tenant_id = near.tenant_id AND name.text = near.text {restriction}
    ORDER BY name.created_at DESC, name.customer_id DESC LIMIT {limit}
) AS newest
ORDER BY near.similarity DESC, newest.created_at DESC, newest.customer_id DESC LIMIT %s
"""


def nearest_customers(text: str, filters: Q) -> list[str]:
    """Returns the ids of the customers whose names are nearest to a search: nearest first, then newest, then by id.

    `filters` are conditions on SEARCHABLE that the customers must satisfy too. A word without letters, such as a part
    of a phone number, must occur in their texts as it was typed.
    """
    words, others = split_misspelled(text)
    if sum(map(len, words)) < MIN_LETTERS:
        return []
    if others:
        filters &= search_condition(" ".join(others))
    is_whole_name = len(words) > 1
    names, name_params = NAME_KEYS.filter(is_whole_name=is_whole_name).query.sql_with_params()
    # Only undeleted customers in scope have name keys. So without a filter no customer has to be read.
    restriction, params = SEARCHABLE.filter(filters).values("id").query.sql_with_params() if filters else ("", ())
    sql = NEAREST_CUSTOMERS.format(
        names=names,
        restriction=f"AND name.customer_id IN ({restriction})" if restriction else "",
        limit=MAX_NEAREST,
    )
    threshold = MIN_NAME_SIMILARITY if is_whole_name else MIN_WORD_SIMILARITY
    return _read_distinct_ids(sql, [" ".join(words), str(threshold), *name_params, *params], MAX_NEAREST)


def _read_distinct_ids(sql: str, params: list[Any], limit: int) -> list[str]:
    """Returns the first MAX_NEAREST distinct ids of the statement. The last parameter of the statement is the number of
    rows to read, which begins with `limit` and is doubled while there are too few ids.
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, [*params, limit])
        ids = [customer_id for (customer_id,) in cursor.fetchall()]
    different = list(dict.fromkeys(ids))[:MAX_NEAREST]
    if len(different) < MAX_NEAREST and len(ids) == limit:
        return _read_distinct_ids(sql, params, 2 * limit)
    return different


def split_misspelled(text: str) -> tuple[list[str], list[str]]:
    """Returns the words of a search that may be misspelled names, and the words without letters. From an e-mail address
    it takes only the words before the @.
    """
    words: list[str] = []
    others: list[str] = []
    for part in unicodedata.normalize("NFKC", text).split():
        name = part.partition("@")[0]
        if any(map(str.isalpha, name)):
            # A vowel sign of an Indic script is a mark (M).
            words += "".join(one if unicodedata.category(one)[0] in "LM" else " " for one in name).split()
        else:
            others.append(part)
    return words, others


def find_etag(customer_id: str) -> str | None:
    """Returns the ETag of a customer. Returns None for a soft-deleted customer, whom no GET shows."""
    rows = PROFILES_BY_IDS.rows(ids=[customer_id])
    return etag(*rows[0]) if rows else None


def customer_changes(cursor: Cursor, *, with_deleted: bool) -> Changes:
    """Returns the customers who changed since `cursor`. With `with_deleted` it also returns tombstones of those who were
    deleted or purged.
    """
    removed_at = Case(When(is_deleted=True, then="updated_at"), output_field=DateTimeField())
    customers = Customer.objects.annotate(removed_at=removed_at).values_list("pk", "changed_at", "removed_at")
    rows = [customers, Tombstone.kept()] if with_deleted else [customers.undeleted()]
    return Changes("customers", rows, PROFILES_BY_IDS, cursor=cursor, members={"approximate": False})


def read_profiles(ids: list[str]) -> list[orjson.Fragment]:
    """Returns the profiles of the customers as JSON, in the order of the ids."""
    return [orjson.Fragment(profile) for _, profile in PROFILES_BY_IDS.rows(ids=ids)] if ids else []
