-- Shows the rows of appointments_customertotals of the tenant in scope, without a condition for each row. The view reads the
-- table with the rights of its owner, to whom no policy applies. Its own condition is one of the index: a scan reads the
-- setting once. Under the policy each row reads it, which makes the scan of an index twice as long. So the view shows
-- nothing in the scope of all tenants, or of one customer.
CREATE VIEW appointments_tenanttotals AS
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
