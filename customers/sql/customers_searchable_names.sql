-- Shows the table customers_namekey. Like customers_searchable, the view reads the table with the rights of its owner,
-- to whom no policy applies. So its query has the condition on the tenant. Under a policy, the operators of similarity
-- can't use their index.
CREATE VIEW customers_searchable_names AS
SELECT
    tenant_id,
    is_whole_name,
    text,
    created_at,
    customer_id,
    is_representative
FROM customers_namekey
WHERE CASE current_setting('circe.tenant', true) WHEN '*' THEN true WHEN tenant_id THEN true END IS NOT NULL;

REVOKE ALL ON customers_searchable_names FROM circe_app;
GRANT SELECT ON customers_searchable_names TO circe_app;
