-- Only triggers write the table. Its pages keep room for new versions of their rows.
REVOKE INSERT, UPDATE, DELETE ON customers_customermonthlycounts FROM circe_app;
ALTER TABLE customers_customermonthlycounts SET (fillfactor = 70);
-- The rows go with their business, although the application may not delete them.
ALTER TABLE customers_customermonthlycounts
DROP CONSTRAINT IF EXISTS customermonthlycounts_tenant,
ADD CONSTRAINT customermonthlycounts_tenant FOREIGN KEY (tenant_id) REFERENCES tenants_tenant (id)
ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
