-- Only triggers write the table. Its pages keep room for new versions of their rows.
REVOKE INSERT, UPDATE, DELETE ON appointments_appointmentdailytotals FROM circe_app;
ALTER TABLE appointments_appointmentdailytotals SET (fillfactor = 70);
-- The rows go with their business, although the application may not delete them.
ALTER TABLE appointments_appointmentdailytotals
DROP CONSTRAINT IF EXISTS appointmentdailytotals_tenant,
ADD CONSTRAINT appointmentdailytotals_tenant FOREIGN KEY (tenant_id) REFERENCES tenants_tenant (id)
ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
