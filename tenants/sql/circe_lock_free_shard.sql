-- Returns the first shard of the sharded counters that no other transaction uses, and locks it until this transaction ends.
-- So transactions never wait for each other's sums, and there are only as many shards as were ever used at the same time.
-- 6 is AdvisoryLock.SHARD (circe/db/advisory_locks.py).
CREATE OR REPLACE FUNCTION public.circe_lock_free_shard() RETURNS bigint
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
