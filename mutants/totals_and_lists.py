"""Faults of the totals that triggers keep, of the statistics, and of the search and the list of customers."""

from mutants.faults import Fault

TOTALS = "circe/tests/test_check_totals.py"

TOTALS_AND_LISTS = [
    # --- totals and statistics --------------------------------------------------------------------------------------
    Fault(
        "a change of an appointment does not change the customer's totals",
        "appointments/migrations/0003_totals.py",
        "CONTINUE WHEN changed_customers IS NULL;",
        "CONTINUE WHEN changed_customers IS NULL OR TG_OP = 'UPDATE';",
        TOTALS,
    ),
    Fault(
        "a change of loyalty points alone does not change their sum",
        "customers/migrations/0005_monthly_counts.py",
        "new.password IS NULL,\n        new.loyalty_points",
        "new.password IS NULL,\n        old.loyalty_points",
        TOTALS,
    ),
    Fault(
        "all transactions add to one shard of a counter, one after another",
        "tenants/migrations/0005_summary_table_functions.py",
        "WHILE NOT pg_try_advisory_xact_lock(6, shard) LOOP",
        "WHILE false LOOP",
        TOTALS,
    ),
    Fault(
        "a customer's appointments are added up while another transaction writes one of them",
        "appointments/migrations/0003_totals.py",
        "(changed_customers)\n            ORDER BY customer_id FOR UPDATE\n",
        "(changed_customers)\n",
        TOTALS,
    ),
    Fault(
        "visits of a soft-deleted customer are still counted",
        "appointments/migrations/0003_totals.py",
        "            array_agg(id ORDER BY id) FILTER (WHERE NOT is_deleted),\n"
        "            array_agg('vip' = ANY (tags) ORDER BY id) FILTER (WHERE NOT is_deleted),\n",
        "            array_agg(id ORDER BY id),\n            array_agg('vip' = ANY (tags) ORDER BY id),\n",
        TOTALS,
    ),
    Fault(
        "the application may write totals",
        "appointments/migrations/0003_totals.py",
        "REVOKE INSERT, UPDATE, DELETE ON appointments_visitcounts FROM circe_app;\n",
        "",
        TOTALS,
    ),
    Fault(
        "visits of more than a year ago still count as recent",
        "analytics/segment_counts.py",
        "recent_spent - coalesce(expired_spent, 0) AS spent",
        "recent_spent AS spent",
        "analytics/tests/test_segments.py",
    ),
    Fault(
        "customers with the tag vip who have booked again are counted as regular",
        "analytics/segment_counts.py",
        "tagged - tagged_lapsed + tagged_again\n",
        "tagged - tagged_lapsed\n",
        "analytics/tests/test_segments.py",
    ),
    Fault(
        "adding or removing the tag vip does not change the counts of visits",
        "appointments/migrations/0003_totals.py",
        "(old_counted_ids, old_counted_are_vip) IS DISTINCT FROM (new_counted_ids, new_counted_are_vip)",
        "old_counted_ids IS DISTINCT FROM new_counted_ids",
        "analytics/tests/test_computed_figures.py",
    ),
    Fault(
        "the figures of one answer are not read at the same moment",
        "analytics/views.py",
        "ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        "READ ONLY",
        "analytics/tests/test_snapshot.py",
    ),
    Fault(
        "the top customers of a period lack those who spent much in few visits",
        "analytics/statistics.py",
        "Q(total_appointments__gte=appointments) | Q(total_spent__gte=spent)",
        "Q(total_appointments__gte=appointments)",
        "analytics/tests/test_top_customers.py",
    ),
    Fault(
        "the top customers of a period lack those with as many appointments as the last",
        "analytics/statistics.py",
        "Q(total_appointments__gte=appointments) |",
        "Q(total_appointments__gt=appointments) |",
        "analytics/tests/test_top_customers.py",
    ),
    # --- search and list --------------------------------------------------------------------------------------------
    Fault(
        "the list shows the hash of a password",
        "customers/serializers.py",
        'IsNull(F(f"{at}password"), False)',
        'F(f"{at}password")',
        "customers/tests/test_json_sql.py",
    ),
    Fault(
        "instants are written with their fractions",
        "circe/db/json_sql.py",
        'SS"Z"',
        'SS.MS"Z"',
        "customers/tests/test_json_sql.py",
    ),
    Fault(
        "the application may write customers through the searchable view",
        "customers/migrations/0004_searchable_view.py",
        "REVOKE ALL ON customers_searchable FROM circe_app;\n",
        "",
        "customers/tests/test_searchable.py",
    ),
    Fault(
        "a search is executed again for each use of its result",
        "customers/customer_list.py",
        '"MATERIALIZED" if find_once else "NOT MATERIALIZED"',
        '"NOT MATERIALIZED"',
        "customers/tests/test_search_plan.py",
    ),
    Fault(
        "all customers that match a filter are sorted for one page",
        "customers/customer_list.py",
        '"MATERIALIZED" if find_once else "NOT MATERIALIZED"',
        '"MATERIALIZED"',
        "customers/tests/test_search_plan.py",
    ),
    Fault(
        "a page at the end of a filtered list is counted from the beginning",
        "customers/customer_list.py",
        "CASE WHEN {start} <= found_count / 2",
        "CASE WHEN {start} <= found_count",
        "customers/tests/test_search_plan.py",
    ),
    Fault(
        "a page of the whole list is always counted from its first month",
        "customers/customer_list.py",
        "WHEN first_month.skipped <= last_month.skipped THEN",
        "WHEN true THEN",
        "customers/tests/test_search_plan.py",
    ),
    Fault(
        "a page begins one customer too late",
        "customers/customer_list.py",
        "SELECT ends_at, start - (customers_since - customers) AS skipped",
        "SELECT ends_at, start - (customers_since - customers) + sign(customers_since - customers)::int AS skipped",
        "customers/tests/test_search_plan.py",
    ),
    Fault(
        "the choices of the tag filter are read from the customers of all businesses",
        "customers/admin/filters.py",
        '["-created_at", "-id"] if current_tenant() else ["-id"]',
        '["-id"]',
        "customers/tests/test_admin_plans.py",
    ),
]
