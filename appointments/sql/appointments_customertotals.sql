-- Only triggers write the table. Its pages keep room for new versions of their rows.
REVOKE INSERT, UPDATE, DELETE ON appointments_customertotals FROM circe_app;
ALTER TABLE appointments_customertotals SET (fillfactor = 70);
-- The rows go with their business, although the application may not delete them.
ALTER TABLE appointments_customertotals
DROP CONSTRAINT IF EXISTS customertotals_tenant,
ADD CONSTRAINT customertotals_tenant FOREIGN KEY (tenant_id) REFERENCES tenants_tenant (id)
ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
