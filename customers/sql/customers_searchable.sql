-- The columns by which customers are searched, filtered, counted and ordered. The view reads the table with the rights
-- of its owner, whom no policy binds, and holds the condition of the policies itself: behind a policy LIKE and && could
-- not use their indexes. The condition is tenant_policy_sql of circe/db/row_level_security.py, where its form is explained.
CREATE VIEW customers_searchable AS
SELECT
    id,
    tenant_id,
    created_at,
    is_deleted,
    tags,
    password IS NOT NULL AS has_password,
    email_verified,
    phone,
    search_text
FROM customers_customer
WHERE CASE current_setting('circe.tenant', true) WHEN '*' THEN true WHEN tenant_id THEN true END IS NOT NULL;

REVOKE ALL ON customers_searchable FROM circe_app;
GRANT SELECT ON customers_searchable TO circe_app;
