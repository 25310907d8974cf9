"""Lists the SQL objects of tenants, in the order of their creation."""

from circe.db.sql_files import sql_item

# Tables whose rows belong to no tenant. `closed_to_customers` closes them.
TABLES_WITHOUT_TENANT = [
    "auth_group",
    "auth_group_permissions",
    "auth_permission",
    "django_admin_log",
    "django_content_type",
    "django_migrations",
    "django_session",
    "tenants_loginfailure",
    "tenants_loginsession",
]

sql_items = [
    sql_item(
        __file__,
        "application_roles",
        # The roles stay: another database of the server may use them.
        reverse_sql=(
            "ALTER DEFAULT PRIVILEGES REVOKE SELECT, INSERT, UPDATE, DELETE ON TABLES FROM circe_app;\n"
            "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM circe_app;"
        ),
    ),
    sql_item(__file__, "circe_is_citus_worker", reverse_sql="DROP FUNCTION public.circe_is_citus_worker;"),
    sql_item(__file__, "circe_holds_tenant", reverse_sql="DROP FUNCTION public.circe_holds_tenant;"),
    sql_item(__file__, "circe_audit", reverse_sql="DROP FUNCTION public.circe_audit;"),
    sql_item(__file__, "circe_record_event", reverse_sql="DROP FUNCTION public.circe_record_event;"),
    sql_item(__file__, "circe_lock_free_shard", reverse_sql="DROP FUNCTION public.circe_lock_free_shard;"),
    sql_item(__file__, "circe_change_time", reverse_sql="DROP FUNCTION public.circe_change_time;"),
    sql_item(
        __file__,
        "circe_set_changed_and_updated_at",
        reverse_sql="DROP FUNCTION public.circe_set_changed_and_updated_at;",
        needs=[("tenants", "circe_change_time")],
    ),
    sql_item(__file__, "circe_flag_change", reverse_sql="DROP FUNCTION public.circe_flag_change;"),
    sql_item(
        __file__,
        "tenants_auditevent",
        reverse_sql="GRANT INSERT, UPDATE, DELETE ON tenants_auditevent TO circe_app;",
        needs=[("tenants", "application_roles")],
    ),
    sql_item(
        __file__,
        "tenants_staffname",
        reverse_sql="DROP VIEW tenants_staffname;",
        needs=[("tenants", "application_roles")],
        replace=False,
    ),
    sql_item(
        __file__,
        "closed_to_customers",
        reverse_sql="\n".join(
            f"DROP POLICY closed_to_customers ON {table};\nALTER TABLE {table} DISABLE ROW LEVEL SECURITY;"
            for table in TABLES_WITHOUT_TENANT
        ),
        needs=[("tenants", "application_roles")],
        replace=False,
    ),
    sql_item(
        __file__,
        "circe_keep_account",
        reverse_sql=(
            "DROP TRIGGER user_keep_account ON public.tenants_user;\nDROP FUNCTION public.circe_keep_account;"
        ),
    ),
    sql_item(
        __file__,
        "circe_refuse_deletion_of_account",
        reverse_sql=(
            "DROP TRIGGER user_that_acted_stays ON public.tenants_user;\n"
            "DROP FUNCTION public.circe_refuse_deletion_of_account;"
        ),
    ),
    sql_item(
        __file__,
        "circe_name_actor",
        reverse_sql=(
            "DROP TRIGGER auditevent_actor ON public.tenants_auditevent;\nDROP FUNCTION public.circe_name_actor;"
        ),
    ),
]
