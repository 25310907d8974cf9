-- Returns whether this server has the rows of the tenant. In a Citus cluster one node has them. But each node has a copy of
-- the businesses and the accounts, and runs their triggers: the node that has the events of the tenant writes the event.
CREATE OR REPLACE FUNCTION public.circe_holds_tenant(tenant text) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
BEGIN
    -- A statement of its own: PostgreSQL plans each statement as a whole, and without Citus there is no pg_dist_partition.
    IF to_regclass('pg_dist_partition') IS NULL THEN
        RETURN true;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = 'public.tenants_auditevent'::regclass) THEN
        RETURN true;
    END IF;
    RETURN EXISTS (
        SELECT FROM pg_dist_placement JOIN pg_dist_local_group USING (groupid)
        WHERE shardid = get_shard_id_for_distribution_column('public.tenants_auditevent', tenant)
    );
END
$$;
