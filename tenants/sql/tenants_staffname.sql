-- Shows the names of the staff of the tenant in scope, also in the scope of one of its customers, who may read no account.
-- The view reads the table with the rights of its owner, whom no policy limits. So the view has the condition of the
-- policies itself. The condition is that of tenant_policy_sql in circe/db/row_level_security.py, which explains its form.
CREATE VIEW tenants_staffname AS
SELECT
    id,
    tenant_id,
    btrim(first_name || ' ' || last_name) AS name, -- noqa: RF04
    is_active
FROM tenants_user
WHERE CASE split_part(current_setting('circe.tenant', true), '/', 1)
    WHEN '*' THEN tenant_id IS NOT NULL WHEN tenant_id THEN true
END;

REVOKE ALL ON tenants_staffname FROM circe_app;
GRANT SELECT ON tenants_staffname TO circe_app;
