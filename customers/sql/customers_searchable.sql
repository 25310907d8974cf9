-- Shows the columns by which customers are searched, filtered, counted and ordered. The view reads the table with the
-- rights of its owner, to whom no policy applies. So its query has the condition of the policies. Under a policy, LIKE and
-- && can't use their indexes. The condition is that of tenant_policy_sql in circe/db/row_level_security.py, which explains
-- its form.
CREATE VIEW customers_searchable AS
SELECT
    id,
    tenant_id,
    created_at,
    is_deleted,
    tags,
    password IS NOT NULL AS has_password,
    email_verified,
    is_active,
    source,
    public.circe_folded_name(first_name, last_name) AS folded_name,
    phone,
    search_text
FROM customers_customer
WHERE CASE current_setting('circe.tenant', true) WHEN '*' THEN true WHEN tenant_id THEN true END IS NOT NULL;

REVOKE ALL ON customers_searchable FROM circe_app;
GRANT SELECT ON customers_searchable TO circe_app;
