-- Shows on a cluster what tenants/sql/tenants_staffname.sql shows on one server. A cluster reads a view with the rights of
-- the caller. So in the scope of a customer the policy of tenants_user hides the accounts, and the function returns their
-- names.
CREATE OR REPLACE VIEW tenants_staffname AS
SELECT
    id,
    tenant_id,
    btrim(first_name || ' ' || last_name) AS name, -- noqa: RF04
    is_active
FROM tenants_user
WHERE
    CASE split_part(current_setting('circe.tenant', true), '/', 1)
        WHEN '*' THEN tenant_id IS NOT NULL WHEN tenant_id THEN true
    END
UNION ALL
SELECT
    id::varchar(24) COLLATE "C" AS id,
    tenant_id::varchar(24) COLLATE "C" AS tenant_id,
    name,
    is_active
FROM public.circe_staff_names_for_customer();
