"""Lets no customer use the tables without a tenant."""

import django_migrate_sql.operations
from django.db import migrations


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("sessions", "0001_initial"),
        ("tenants", "0007_staff_names"),
    ]

    operations = [
        django_migrate_sql.operations.CreateSQL(
            name="closed_to_customers",
            sql="""-- Lets no customer use the tables without a tenant: those of the sessions of accounts and of failed log-ins, and those of
-- Django. In the scope of a customer nothing needs them. Staff, and requests without a scope, can use them.

ALTER TABLE auth_group ENABLE ROW LEVEL SECURITY;
CREATE POLICY closed_to_customers ON auth_group TO circe_app
USING (strpos(coalesce(current_setting('circe.tenant', true), ''), '/') = 0);

ALTER TABLE auth_group_permissions ENABLE ROW LEVEL SECURITY;
CREATE POLICY closed_to_customers ON auth_group_permissions TO circe_app
USING (strpos(coalesce(current_setting('circe.tenant', true), ''), '/') = 0);

ALTER TABLE auth_permission ENABLE ROW LEVEL SECURITY;
CREATE POLICY closed_to_customers ON auth_permission TO circe_app
USING (strpos(coalesce(current_setting('circe.tenant', true), ''), '/') = 0);

ALTER TABLE django_admin_log ENABLE ROW LEVEL SECURITY;
CREATE POLICY closed_to_customers ON django_admin_log TO circe_app
USING (strpos(coalesce(current_setting('circe.tenant', true), ''), '/') = 0);

ALTER TABLE django_content_type ENABLE ROW LEVEL SECURITY;
CREATE POLICY closed_to_customers ON django_content_type TO circe_app
USING (strpos(coalesce(current_setting('circe.tenant', true), ''), '/') = 0);

ALTER TABLE django_migrations ENABLE ROW LEVEL SECURITY;
CREATE POLICY closed_to_customers ON django_migrations TO circe_app
USING (strpos(coalesce(current_setting('circe.tenant', true), ''), '/') = 0);

ALTER TABLE django_session ENABLE ROW LEVEL SECURITY;
CREATE POLICY closed_to_customers ON django_session TO circe_app
USING (strpos(coalesce(current_setting('circe.tenant', true), ''), '/') = 0);

ALTER TABLE tenants_loginfailure ENABLE ROW LEVEL SECURITY;
CREATE POLICY closed_to_customers ON tenants_loginfailure TO circe_app
USING (strpos(coalesce(current_setting('circe.tenant', true), ''), '/') = 0);

ALTER TABLE tenants_loginsession ENABLE ROW LEVEL SECURITY;
CREATE POLICY closed_to_customers ON tenants_loginsession TO circe_app
USING (strpos(coalesce(current_setting('circe.tenant', true), ''), '/') = 0);
""",
            reverse_sql="DROP POLICY closed_to_customers ON auth_group;\nALTER TABLE auth_group DISABLE ROW LEVEL SECURITY;\nDROP POLICY closed_to_customers ON auth_group_permissions;\nALTER TABLE auth_group_permissions DISABLE ROW LEVEL SECURITY;\nDROP POLICY closed_to_customers ON auth_permission;\nALTER TABLE auth_permission DISABLE ROW LEVEL SECURITY;\nDROP POLICY closed_to_customers ON django_admin_log;\nALTER TABLE django_admin_log DISABLE ROW LEVEL SECURITY;\nDROP POLICY closed_to_customers ON django_content_type;\nALTER TABLE django_content_type DISABLE ROW LEVEL SECURITY;\nDROP POLICY closed_to_customers ON django_migrations;\nALTER TABLE django_migrations DISABLE ROW LEVEL SECURITY;\nDROP POLICY closed_to_customers ON django_session;\nALTER TABLE django_session DISABLE ROW LEVEL SECURITY;\nDROP POLICY closed_to_customers ON tenants_loginfailure;\nALTER TABLE tenants_loginfailure DISABLE ROW LEVEL SECURITY;\nDROP POLICY closed_to_customers ON tenants_loginsession;\nALTER TABLE tenants_loginsession DISABLE ROW LEVEL SECURITY;",
            dependencies=[("tenants", "application_roles")],
        ),
    ]
