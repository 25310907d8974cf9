-- Returns the names of a business's staff, in the scope of one of its customers; in another scope it returns no row. It is
-- for a cluster: there a view is read with the rights of the caller. This function has the rights of its owner.
CREATE OR REPLACE FUNCTION public.circe_staff_names_for_customer() RETURNS TABLE (
    id text, tenant_id text, name text, is_active boolean
) LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 10 SET search_path = pg_catalog AS $$
DECLARE
    tenant CONSTANT text := substring(current_setting('circe.tenant', true) FROM '^(.+)/');
BEGIN
    RETURN QUERY
    SELECT staff.id::text, staff.tenant_id::text, btrim(staff.first_name || ' ' || staff.last_name), staff.is_active
    FROM public.tenants_user AS staff
    WHERE staff.tenant_id = tenant;
END
$$;
REVOKE EXECUTE ON FUNCTION public.circe_staff_names_for_customer FROM public;
GRANT EXECUTE ON FUNCTION public.circe_staff_names_for_customer TO circe_app;
