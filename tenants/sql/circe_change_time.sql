-- Returns the time of a change, for the column `changed_at`. Until this transaction ends, an advisory lock shows other
-- transactions that it may have changes they can't see yet: its second number is the second since 2020 in which this
-- transaction began. The lock is taken before the clock is read, so no change is older than its lock says.
-- 12 is AdvisoryLock.CHANGE (circe/db/advisory_locks.py); circe/db/changes.py reads the locks.
CREATE OR REPLACE FUNCTION public.circe_change_time() RETURNS timestamptz
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(12, floor(extract(epoch FROM now() - timestamptz '2020-01-01 00:00:00Z'))::int);
    RETURN clock_timestamp();
END
$$;
