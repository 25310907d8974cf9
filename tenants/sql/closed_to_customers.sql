-- Lets no customer use the tables without a tenant: those of the sessions of accounts and of failed log-ins, and those of
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
