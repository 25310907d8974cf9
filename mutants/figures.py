"""Faults of what the database adds up, and of how customers are found and listed."""

from mutants.faults import Fault

TOTALS = "circe/tests/test_check_totals.py"

FIGURES = [
    # --- totals -----------------------------------------------------------------------------------------------------
    Fault(
        "a status that changes alone changes no customer's totals",
        "appointments/migrations/0004_totals.py",
        "GROUP BY tenant_id, customer_id, appointment_date, start_time, status, total_price HAVING sum(sign) <> 0",
        "GROUP BY tenant_id, customer_id, appointment_date, start_time, total_price HAVING sum(sign) <> 0",
        TOTALS,
    ),
    Fault(
        "points that change alone change no sum",
        "customers/migrations/0006_customer_tallies.py",
        '"{row}.password IS NULL", "{row}.loyalty_points"',
        '"{row}.password IS NULL",',
        TOTALS,
    ),
    Fault(
        "all add to one part of a tally, in turn",
        "circe/db/summary_tables.py",
        "WHILE NOT pg_try_advisory_xact_lock(6, part) LOOP",
        "WHILE false LOOP",
        TOTALS,
    ),
    Fault(
        "a customer's appointments are added up before those who are at it have ended",
        "appointments/migrations/0004_totals.py",
        "unnest(businesses, persons))\n    ORDER BY tenant_id, customer_id FOR UPDATE;",
        "unnest(businesses, persons));",
        TOTALS,
    ),
    Fault(
        "a soft-deleted customer still comes back",
        "appointments/migrations/0004_totals.py",
        "WHERE NOT is_deleted AND status = 'completed'",
        "WHERE status = 'completed'",
        TOTALS,
    ),
    Fault(
        "the application may write totals",
        "circe/db/summary_tables.py",
        'f"REVOKE INSERT, UPDATE, DELETE ON {table} FROM circe_app; ALTER',
        'f"ALTER',
        TOTALS,
    ),
    Fault(
        "visits that have passed a year ago still count as recent",
        "analytics/segments.py",
        "recent_spent - coalesce(passed, 0) AS spent",
        "recent_spent AS spent",
        "analytics/tests/test_segments.py",
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
        "customers/migrations/0004_findable_customers.py",
        "REVOKE ALL ON customers_searchable FROM circe_app;\n",
        "",
        "customers/tests/test_searchable.py",
    ),
    Fault(
        "what an index finds is looked for again for each use",
        "customers/customer_list.py",
        '"MATERIALIZED" if found_by_index else "NOT MATERIALIZED"',
        '"NOT MATERIALIZED"',
        "customers/tests/test_search_plan.py",
    ),
    Fault(
        "all that a filter lets through is sorted for a page",
        "customers/customer_list.py",
        '"MATERIALIZED" if found_by_index else "NOT MATERIALIZED"',
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
        "    CustomerImport.objects.at_rest().filter(tenant__in=tenants).delete()\n",
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
