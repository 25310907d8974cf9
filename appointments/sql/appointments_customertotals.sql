-- Only triggers write the table. 30 % of each page stays free, for new versions of the rows of the page.
REVOKE INSERT, UPDATE, DELETE ON appointments_customertotals FROM circe_app;
ALTER TABLE appointments_customertotals SET (fillfactor = 70);
-- When a business is deleted, the constraint deletes its rows. The application itself may not delete them.
ALTER TABLE appointments_customertotals
DROP CONSTRAINT IF EXISTS customertotals_tenant,
ADD CONSTRAINT customertotals_tenant FOREIGN KEY (tenant_id) REFERENCES tenants_tenant (id)
ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
