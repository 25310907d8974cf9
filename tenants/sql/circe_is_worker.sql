-- Returns whether this server is a worker of a Citus cluster. Each node has a copy of the accounts and the businesses, and
-- runs their triggers. Only on the coordinator does such a trigger write to other tables. Otherwise each node would write the
-- same rows.
CREATE OR REPLACE FUNCTION public.circe_is_worker() RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
BEGIN
    IF to_regclass('pg_dist_local_group') IS NULL THEN
        RETURN false;
    END IF;
    RETURN (SELECT groupid <> 0 FROM pg_dist_local_group);
END
$$;
