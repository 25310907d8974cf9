-- The application may only read the audit trail. The functions circe_audit and circe_record_event write it.
REVOKE INSERT, UPDATE, DELETE ON tenants_auditevent FROM circe_app;
