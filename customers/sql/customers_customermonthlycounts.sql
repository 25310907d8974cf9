-- Only triggers write the table. 30 % of each page stays free, for new versions of the rows of the page.
REVOKE INSERT, UPDATE, DELETE ON customers_customermonthlycounts FROM circe_app;
ALTER TABLE customers_customermonthlycounts SET (fillfactor = 70);
-- When a business is deleted, the constraint deletes its rows. The application itself may not delete them.
ALTER TABLE customers_customermonthlycounts
DROP CONSTRAINT IF EXISTS customermonthlycounts_tenant,
ADD CONSTRAINT customermonthlycounts_tenant FOREIGN KEY (tenant_id) REFERENCES tenants_tenant (id)
ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
