-- Only triggers write the table. 30 % of each page stays free, for new versions of the rows of the page.
REVOKE INSERT, UPDATE, DELETE ON appointments_visitcounts FROM circe_app;
ALTER TABLE appointments_visitcounts SET (fillfactor = 70);
-- When a business is deleted, the constraint deletes its rows. The application itself may not delete them.
ALTER TABLE appointments_visitcounts
DROP CONSTRAINT IF EXISTS visitcounts_tenant,
ADD CONSTRAINT visitcounts_tenant FOREIGN KEY (tenant_id) REFERENCES tenants_tenant (id)
ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
