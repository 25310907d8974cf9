-- The application may only read the audit trail. The functions circe_audit and circe_record_event write it.
REVOKE INSERT, UPDATE, DELETE ON tenants_auditevent FROM circe_app;
-- An event of no tenant has the id NO_TENANT (tenants/scope.py). Django takes the column for nullable, so that it joins events
-- of a deleted business too.
ALTER TABLE tenants_auditevent ALTER COLUMN tenant_id SET NOT NULL;
