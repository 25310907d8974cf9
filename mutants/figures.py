"""Faults of what the database adds up, and of how customers are found and listed."""

from mutants.faults import Fault

TOTALS = "circe/tests/test_check_totals.py"

FIGURES = [
    # --- totals -----------------------------------------------------------------------------------------------------
    Fault(
        "an appointment that changes changes no customer's totals",
        "appointments/migrations/0003_totals.py",
        "CONTINUE WHEN changed_customers IS NULL;",
        "CONTINUE WHEN changed_customers IS NULL OR TG_OP = 'UPDATE';",
        TOTALS,
    ),
    Fault(
        "points that change alone change no sum",
        "customers/migrations/0005_monthly_counts.py",
        "new.password IS NULL,\n        new.loyalty_points",
        "new.password IS NULL,\n        old.loyalty_points",
        TOTALS,
    ),
    Fault(
        "all add to one shard of a counter, in turn",
        "tenants/migrations/0005_summary_table_functions.py",
        "WHILE NOT pg_try_advisory_xact_lock(6, shard) LOOP",
        "WHILE false LOOP",
        TOTALS,
    ),
    Fault(
        "a customer's appointments are added up before those who are at it have ended",
        "appointments/migrations/0003_totals.py",
        "(changed_customers)\n            ORDER BY customer_id FOR UPDATE\n",
        "(changed_customers)\n",
        TOTALS,
    ),
    Fault(
        "a soft-deleted customer still comes back",
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
        "visits that have passed a year ago still count as recent",
        "analytics/segment_counts.py",
        "recent_spent - coalesce(expired_spent, 0) AS spent",
        "recent_spent AS spent",
        "analytics/tests/test_segments.py",
    ),
    Fault(
        "customers with the tag vip who have booked again are at risk",
        "analytics/segment_counts.py",
        "tagged - tagged_lapsed + tagged_again\n",
        "tagged - tagged_lapsed\n",
        "analytics/tests/test_segments.py",
    ),
    Fault(
        "a change of the tag vip is not counted",
        "appointments/migrations/0003_totals.py",
        "(old_counted_ids, old_counted_are_vip) IS DISTINCT FROM (new_counted_ids, new_counted_are_vip)",
        "old_counted_ids IS DISTINCT FROM new_counted_ids",
        "analytics/tests/test_computed_figures.py",
    ),
    Fault(
        "each figure is of another moment",
        "analytics/views.py",
        "ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        "READ ONLY",
        "analytics/tests/test_snapshot.py",
    ),
    Fault(
        "of a period, those who spent much in few visits are left out",
        "analytics/statistics.py",
        "Q(total_appointments__gte=appointments) | Q(total_spent__gte=spent)",
        "Q(total_appointments__gte=appointments)",
        "analytics/tests/test_top_customers.py",
    ),
    Fault(
        "of a period, those with as many as the last are left out",
        "analytics/statistics.py",
        "Q(total_appointments__gte=appointments) |",
        "Q(total_appointments__gt=appointments) |",
        "analytics/tests/test_top_customers.py",
    ),
    # --- finding and listing ----------------------------------------------------------------------------------------
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
        "customers are written through the view they are found by",
        "customers/migrations/0004_searchable_view.py",
        "REVOKE ALL ON customers_searchable FROM circe_app;\n",
        "",
        "customers/tests/test_searchable.py",
    ),
    Fault(
        "what an index finds is looked for again for each use",
        "customers/customer_list.py",
        '"MATERIALIZED" if find_once else "NOT MATERIALIZED"',
        '"NOT MATERIALIZED"',
        "customers/tests/test_search_plan.py",
    ),
    Fault(
        "all that a filter lets through is sorted for a page",
        "customers/customer_list.py",
        '"MATERIALIZED" if find_once else "NOT MATERIALIZED"',
        '"MATERIALIZED"',
        "customers/tests/test_search_plan.py",
    ),
    Fault(
        "a page of what was found is walked to from the newest customer",
        "customers/customer_list.py",
        "CASE WHEN {start} <= number / 2",
        "CASE WHEN {start} <= number",
        "customers/tests/test_search_plan.py",
    ),
    Fault(
        "a page is walked to from the newest customer",
        "customers/customer_list.py",
        "WHEN first_month.skipped <= last_month.skipped THEN",
        "WHEN true THEN",
        "customers/tests/test_search_plan.py",
    ),
    Fault(
        "a page begins a customer too late",
        "customers/customer_list.py",
        "SELECT ends_at, start - (customers_since - customers) AS skipped",
        "SELECT ends_at, start - (customers_since - customers) + sign(customers_since - customers)::int AS skipped",
        "customers/tests/test_search_plan.py",
    ),
    Fault(
        "a file to be imported outlives the person",
        "customers/models/customer.py",
        "    CustomerImport.objects.idle().filter(tenant__in=tenants).delete()\n",
        "",
        "customers/tests/test_erasure_of_traces.py",
    ),
    Fault(
        "the tags on offer are looked for among every business's customers",
        "customers/admin/filters.py",
        '["-created_at", "-id"] if current_tenant() else ["-id"]',
        '["-id"]',
        "customers/tests/test_admin_plans.py",
    ),
]
