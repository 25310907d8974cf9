-- The application reads the audit trail and cannot write it: only circe_audit and circe_record_event do.
REVOKE INSERT, UPDATE, DELETE ON tenants_auditevent FROM circe_app;
