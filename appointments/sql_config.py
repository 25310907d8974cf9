"""Lists the SQL objects of appointments, in the order of their creation."""

from circe.db.sql_files import sql_item

CUSTOMERS = "public.customers_customer"
APPOINTMENTS = "public.appointments_appointment"

sql_items = [
    sql_item(__file__, "circe_occupied", reverse_sql="DROP FUNCTION public.circe_occupied;"),
    sql_item(
        __file__,
        "circe_set_appointment_changed_and_updated_at",
        reverse_sql=f"DROP TRIGGER circe_set_appointment_changed_and_updated_at ON {APPOINTMENTS};",
        needs=[("tenants", "circe_set_changed_and_updated_at")],
    ),
    sql_item(
        __file__,
        "circe_clear_appointment_events",
        reverse_sql=(
            f"DROP TRIGGER circe_clear_appointment_events ON {CUSTOMERS};\n"
            "DROP FUNCTION public.circe_clear_appointment_events;"
        ),
    ),
    sql_item(
        __file__,
        "appointments_appointmenttombstone",
        reverse_sql="GRANT INSERT, UPDATE, DELETE ON appointments_appointmenttombstone TO circe_app;",
        needs=[("tenants", "application_roles")],
    ),
    sql_item(
        __file__,
        "circe_leave_appointment_tombstone",
        reverse_sql=f"DROP TRIGGER circe_leave_appointment_tombstone ON {APPOINTMENTS};",
        needs=[("customers", "circe_leave_tombstone")],
    ),
    *(
        sql_item(
            __file__,
            table,
            reverse_sql=(
                f"GRANT INSERT, UPDATE, DELETE ON {table} TO circe_app;\nALTER TABLE {table} RESET (fillfactor);"
            ),
            needs=[("tenants", "application_roles")],
        )
        for table in (
            "appointments_appointmentdailytotals",
            "appointments_customertotals",
            "appointments_visitcounts",
        )
    ),
    sql_item(
        __file__,
        "appointments_tenanttotals",
        reverse_sql="DROP VIEW appointments_tenanttotals;",
        needs=[("tenants", "application_roles")],
    ),
    sql_item(
        __file__,
        "circe_add_daily_totals",
        reverse_sql="DROP FUNCTION public.circe_add_daily_totals;",
        needs=[("tenants", "circe_lock_free_shard")],
    ),
    sql_item(
        __file__,
        "circe_add_visit_counts",
        reverse_sql="DROP FUNCTION public.circe_add_visit_counts;",
        needs=[("tenants", "circe_lock_free_shard")],
    ),
    sql_item(
        __file__, "circe_rebuild_customer_totals", reverse_sql="DROP FUNCTION public.circe_rebuild_customer_totals;"
    ),
    sql_item(
        __file__,
        "circe_update_appointment_totals",
        reverse_sql=(
            f"DROP TRIGGER circe_update_appointment_totals_insert ON {APPOINTMENTS};\n"
            f"DROP TRIGGER circe_update_appointment_totals_update ON {APPOINTMENTS};\n"
            f"DROP TRIGGER circe_update_appointment_totals_delete ON {APPOINTMENTS};\n"
            f"DROP TRIGGER circe_update_appointment_totals_truncate ON {APPOINTMENTS};\n"
            "DROP FUNCTION public.circe_update_appointment_totals;"
        ),
        needs=[
            ("appointments", "circe_add_daily_totals"),
            ("appointments", "circe_add_visit_counts"),
            ("appointments", "circe_rebuild_customer_totals"),
        ],
    ),
    sql_item(
        __file__,
        "circe_add_customer_totals",
        reverse_sql=(
            f"DROP TRIGGER circe_add_customer_totals ON {CUSTOMERS};\nDROP FUNCTION public.circe_add_customer_totals;"
        ),
    ),
    sql_item(
        __file__,
        "circe_change_customer_totals",
        reverse_sql=(
            f"DROP TRIGGER circe_change_customer_totals_flag ON {CUSTOMERS};\n"
            f"DROP TRIGGER circe_change_customer_totals ON {CUSTOMERS};\n"
            "DROP FUNCTION public.circe_change_customer_totals;"
        ),
        needs=[("tenants", "circe_flag_change"), ("appointments", "circe_add_visit_counts")],
    ),
    sql_item(
        __file__,
        "circe_remove_customer_totals",
        reverse_sql=(
            f"DROP TRIGGER circe_remove_customer_totals ON {CUSTOMERS};\n"
            f"DROP TRIGGER circe_remove_customer_totals_truncate ON {CUSTOMERS};\n"
            "DROP FUNCTION public.circe_remove_customer_totals;"
        ),
    ),
    sql_item(
        __file__,
        "circe_count_changes",
        reverse_sql=(f"DROP TRIGGER circe_count_changes ON {APPOINTMENTS};\nDROP FUNCTION public.circe_count_changes;"),
    ),
    sql_item(
        __file__,
        "circe_queue_message",
        reverse_sql=(
            f"DROP TRIGGER circe_queue_message_insert ON {APPOINTMENTS};\n"
            f"DROP TRIGGER circe_queue_message_update ON {APPOINTMENTS};\n"
            "DROP FUNCTION public.circe_queue_message;"
        ),
        needs=[("customers", "circe_new_id")],
    ),
]
