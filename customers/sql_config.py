"""Lists the SQL objects of customers. An object is created after those that it `needs`."""

from circe.db.sql_files import sql_item

TABLE = "public.customers_customer"
LEDGER = "public.customers_consent"

sql_items = [
    sql_item(
        __file__,
        "circe_punctuation",
        reverse_sql="DROP FUNCTION public.circe_punctuation;",
    ),
    sql_item(
        __file__,
        "circe_simplify_han",
        reverse_sql="DROP FUNCTION public.circe_simplify_han;",
    ),
    sql_item(
        __file__,
        "circe_fold",
        reverse_sql="DROP FUNCTION public.circe_fold;",
        needs=[("customers", "circe_punctuation"), ("customers", "circe_simplify_han")],
    ),
    sql_item(
        __file__,
        "circe_name_words",
        reverse_sql="DROP FUNCTION public.circe_name_words;",
        needs=[("customers", "circe_fold")],
    ),
    sql_item(
        __file__,
        "circe_email_words",
        reverse_sql="DROP FUNCTION public.circe_email_words;",
        needs=[("customers", "circe_fold")],
    ),
    sql_item(
        __file__,
        "circe_folded_name",
        reverse_sql="DROP FUNCTION public.circe_folded_name;",
        needs=[("customers", "circe_fold")],
    ),
    sql_item(
        __file__,
        "circe_search_text",
        reverse_sql="DROP FUNCTION public.circe_search_text;",
        needs=[("customers", "circe_name_words"), ("customers", "circe_email_words")],
    ),
    sql_item(
        __file__,
        "circe_word_pattern",
        reverse_sql="DROP FUNCTION public.circe_word_pattern;",
        needs=[("customers", "circe_fold")],
    ),
    sql_item(
        __file__,
        "circe_word_beginning_pattern",
        reverse_sql="DROP FUNCTION public.circe_word_beginning_pattern;",
        needs=[("customers", "circe_fold")],
    ),
    sql_item(
        __file__,
        "circe_email_pattern",
        reverse_sql="DROP FUNCTION public.circe_email_pattern;",
        needs=[("customers", "circe_email_words")],
    ),
    sql_item(
        __file__,
        "circe_name_beginning_pattern",
        reverse_sql="DROP FUNCTION public.circe_name_beginning_pattern;",
        needs=[("customers", "circe_word_beginning_pattern")],
    ),
    # Dropped and created again, because CREATE OR REPLACE VIEW can only add columns.
    sql_item(
        __file__,
        "customers_searchable",
        reverse_sql="DROP VIEW customers_searchable;",
        needs=[("tenants", "application_roles"), ("customers", "circe_folded_name")],
        replace=False,
    ),
    sql_item(
        __file__,
        "customers_namekey",
        reverse_sql="GRANT INSERT, UPDATE, DELETE ON customers_namekey TO circe_app;",
        needs=[("tenants", "application_roles")],
    ),
    sql_item(
        __file__,
        "customers_searchable_names",
        reverse_sql="DROP VIEW customers_searchable_names;",
        needs=[("tenants", "application_roles")],
        replace=False,
    ),
    sql_item(__file__, "circe_name_texts", reverse_sql="DROP FUNCTION public.circe_name_texts;"),
    sql_item(
        __file__,
        "circe_index_name",
        reverse_sql=(
            f"DROP TRIGGER circe_index_name_insert ON {TABLE};\n"
            f"DROP TRIGGER circe_index_name_delete ON {TABLE};\n"
            f"DROP TRIGGER circe_index_name_update ON {TABLE};\n"
            f"DROP TRIGGER circe_index_name_truncate ON {TABLE};\n"
            "DROP FUNCTION public.circe_index_name;"
        ),
        needs=[("customers", "circe_name_texts")],
    ),
    sql_item(
        __file__,
        "customers_customermonthlycounts",
        reverse_sql=(
            "GRANT INSERT, UPDATE, DELETE ON customers_customermonthlycounts TO circe_app;\n"
            "ALTER TABLE customers_customermonthlycounts RESET (fillfactor);"
        ),
        needs=[("tenants", "application_roles")],
    ),
    sql_item(
        __file__,
        "circe_count_customers",
        reverse_sql=(
            f"DROP TRIGGER circe_count_customers_insert ON {TABLE};\n"
            f"DROP TRIGGER circe_count_customers_delete ON {TABLE};\n"
            f"DROP TRIGGER circe_count_customers_truncate ON {TABLE};\n"
            f"DROP TRIGGER circe_count_customers_update_flag ON {TABLE};\n"
            f"DROP TRIGGER circe_count_customers_update_1_old ON {TABLE};\n"
            f"DROP TRIGGER circe_count_customers_update_2_new ON {TABLE};\n"
            "DROP FUNCTION public.circe_count_customers;"
        ),
        needs=[("tenants", "circe_lock_free_shard"), ("tenants", "circe_flag_change")],
    ),
    sql_item(
        __file__,
        "circe_set_customer_changed_and_updated_at",
        reverse_sql=f"DROP TRIGGER circe_set_customer_changed_and_updated_at ON {TABLE};",
        needs=[("tenants", "circe_set_changed_and_updated_at")],
    ),
    sql_item(
        __file__,
        "customers_tombstone",
        reverse_sql="GRANT INSERT, UPDATE, DELETE ON customers_tombstone TO circe_app;",
        needs=[("tenants", "application_roles")],
    ),
    sql_item(
        __file__,
        "circe_leave_tombstone",
        reverse_sql=f"DROP TRIGGER circe_leave_tombstone ON {TABLE};\nDROP FUNCTION public.circe_leave_tombstone;",
        needs=[("tenants", "circe_change_time")],
    ),
    sql_item(
        __file__,
        "circe_clear_customer_events",
        reverse_sql=(
            f"DROP TRIGGER circe_clear_customer_events ON {TABLE};\nDROP FUNCTION public.circe_clear_customer_events;"
        ),
    ),
    sql_item(
        __file__,
        "circe_end_customer_sessions",
        reverse_sql=(
            f"DROP TRIGGER circe_end_customer_sessions ON {TABLE};\nDROP FUNCTION public.circe_end_customer_sessions;"
        ),
    ),
    sql_item(
        __file__,
        "circe_preference_deleted",
        reverse_sql=(
            "DROP TRIGGER circe_preferredservice_deleted ON public.customers_preferredservice;\n"
            "DROP TRIGGER circe_preferredstaff_deleted ON public.customers_preferredstaff;\n"
            "DROP FUNCTION public.circe_preference_deleted;"
        ),
    ),
    sql_item(
        __file__,
        "circe_new_id",
        reverse_sql="DROP FUNCTION public.circe_new_id;",
    ),
    sql_item(
        __file__,
        "circe_current_consents",
        reverse_sql="DROP FUNCTION public.circe_current_consents;",
    ),
    sql_item(
        __file__,
        "circe_record_new_consents",
        reverse_sql=(
            f"DROP TRIGGER circe_record_new_consents ON {TABLE};\nDROP FUNCTION public.circe_record_new_consents;"
        ),
        needs=[("customers", "circe_new_id")],
    ),
    sql_item(
        __file__,
        "circe_record_changed_consents",
        reverse_sql=(
            f"DROP TRIGGER circe_record_changed_consents ON {TABLE};\nDROP FUNCTION public.circe_record_changed_consents;"
        ),
        needs=[("customers", "circe_new_id"), ("customers", "circe_current_consents")],
    ),
    sql_item(
        __file__,
        "circe_withdrawal_updated_at",
        reverse_sql=(
            f"DROP TRIGGER circe_withdrawal_updated_at ON {TABLE};\nDROP FUNCTION public.circe_withdrawal_updated_at;"
        ),
    ),
    sql_item(
        __file__,
        "circe_prepare_consent",
        reverse_sql=(f"DROP TRIGGER circe_prepare_consent ON {LEDGER};\nDROP FUNCTION public.circe_prepare_consent;"),
    ),
    sql_item(
        __file__,
        "circe_project_consents",
        reverse_sql=(f"DROP TRIGGER circe_project_consents ON {LEDGER};\nDROP FUNCTION public.circe_project_consents;"),
        needs=[("customers", "circe_current_consents")],
    ),
    sql_item(
        __file__,
        "circe_ask_to_confirm_marketing",
        reverse_sql=(
            f"DROP TRIGGER circe_ask_to_confirm_marketing ON {LEDGER};\nDROP FUNCTION public.circe_ask_to_confirm_marketing;"
        ),
        needs=[("customers", "circe_new_id"), ("customers", "circe_current_consents")],
    ),
    sql_item(
        __file__,
        "circe_keep_consents",
        reverse_sql=(f"DROP TRIGGER circe_keep_consents ON {LEDGER};\nDROP FUNCTION public.circe_keep_consents;"),
    ),
    sql_item(
        __file__,
        "circe_keep_all_consents",
        reverse_sql=(
            f"DROP TRIGGER circe_keep_all_consents ON {LEDGER};\nDROP FUNCTION public.circe_keep_all_consents;"
        ),
    ),
    sql_item(
        __file__,
        "circe_delete_consents",
        reverse_sql=(f"DROP TRIGGER circe_delete_consents ON {TABLE};\nDROP FUNCTION public.circe_delete_consents;"),
    ),
    sql_item(
        __file__,
        "customers_consent",
        reverse_sql="GRANT UPDATE, DELETE ON customers_consent TO circe_app;",
        needs=[("tenants", "application_roles")],
    ),
]
