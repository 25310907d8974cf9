-- Only a trigger writes the table.
REVOKE INSERT, UPDATE, DELETE ON appointments_appointmenttombstone FROM circe_app;
-- When a business is deleted, the constraint deletes its rows. The application itself may not delete them.
ALTER TABLE appointments_appointmenttombstone
DROP CONSTRAINT IF EXISTS appointment_tombstone_tenant,
ADD CONSTRAINT appointment_tombstone_tenant FOREIGN KEY (tenant_id) REFERENCES tenants_tenant (id)
ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
