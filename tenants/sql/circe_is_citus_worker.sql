-- Returns whether this server is a worker of a Citus cluster. Each node has a copy of the accounts and the businesses, and
-- runs their triggers. A trigger that must write to another table once, and not once on each node, asks this function and
-- writes on the coordinator alone.
CREATE OR REPLACE FUNCTION public.circe_is_citus_worker() RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
BEGIN
    IF to_regclass('pg_dist_local_group') IS NULL THEN
        RETURN false;
    END IF;
    RETURN (SELECT groupid <> 0 FROM pg_dist_local_group);
END
$$;
