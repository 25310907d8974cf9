-- Shows the rows of appointments_customertotals of the tenant in scope, faster than the table does under its policy. The
-- view reads the table with the rights of its owner, to whom no policy applies. PostgreSQL uses the condition of the view as
-- a condition of the index, so a scan reads the setting once. Under the policy PostgreSQL reads the setting for each row,
-- and the scan of an index takes twice as long. In the scope of all tenants, or of one customer, the view shows nothing.
CREATE OR REPLACE VIEW appointments_tenanttotals AS
SELECT
    tenant_id,
    customer_id,
    created_at,
    is_deleted,
    is_vip,
    total_appointments,
    visits,
    total_spent,
    first_visit,
    last_visit,
    open_date,
    open_time,
    recent_spent,
    recent_from
FROM appointments_customertotals
WHERE tenant_id = current_setting('circe.tenant', true);

REVOKE ALL ON appointments_tenanttotals FROM circe_app;
GRANT SELECT ON appointments_tenanttotals TO circe_app;
