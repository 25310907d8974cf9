-- Returns the first shard of the sharded counters that no other transaction writes now, and keeps it until this
-- transaction ends. So writers never wait for each other's sums, and there are as many shards as were once written at
-- the same time. 6 is AdvisoryLock.SHARD (circe/db/advisory_locks.py).
CREATE OR REPLACE FUNCTION public.circe_free_shard() RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    shard int := 0;
BEGIN
    WHILE NOT pg_try_advisory_xact_lock(6, shard) LOOP
        shard := shard + 1;
    END LOOP;
    RETURN shard;
END
$$;
