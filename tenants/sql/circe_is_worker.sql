-- Returns whether this server is a worker of a Citus cluster. Each node has a copy of the accounts and the businesses, and
-- runs their triggers. What such a trigger writes to other tables, the coordinator writes alone: else it would be there
-- once for each node.
CREATE OR REPLACE FUNCTION public.circe_is_worker() RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
BEGIN
    IF to_regclass('pg_dist_local_group') IS NULL THEN
        RETURN false;
    END IF;
    RETURN (SELECT groupid <> 0 FROM pg_dist_local_group);
END
$$;
