-- Only a trigger writes the table.
REVOKE INSERT, UPDATE, DELETE ON customers_tombstone FROM circe_app;
-- When a business is deleted, the constraint deletes its rows. The application itself may not delete them.
ALTER TABLE customers_tombstone
DROP CONSTRAINT IF EXISTS tombstone_tenant,
ADD CONSTRAINT tombstone_tenant FOREIGN KEY (tenant_id) REFERENCES tenants_tenant (id)
ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
