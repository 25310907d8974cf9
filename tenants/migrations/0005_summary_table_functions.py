"""What the triggers of other apps use: those of summary tables, and of tables whose changes clients read in order."""

import django_migrate_sql.operations
from django.db import migrations


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("tenants", "0004_idempotency_records"),
    ]

    operations = [
        django_migrate_sql.operations.CreateSQL(
            name="circe_change_time",
            sql="""-- Returns the time of a change, for the column `changed_at`. Until this transaction ends, an advisory lock shows other
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
""",
            reverse_sql="""DROP FUNCTION public.circe_change_time;""",
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_set_changed_and_updated_at",
            sql="""-- Sets `changed_at` of a row in every insert and update, and `updated_at` in every update that does not set a later one:
-- a bulk update, plain SQL, or a reference that is set to NULL. A new `updated_at` is later than the old one, even if a
-- clock was changed.
CREATE OR REPLACE FUNCTION public.circe_set_changed_and_updated_at() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    NEW.changed_at := public.circe_change_time();
    IF TG_OP = 'UPDATE' AND NEW.updated_at <= OLD.updated_at THEN
        NEW.updated_at := greatest(NEW.changed_at, OLD.updated_at + interval '1 microsecond');
    END IF;
    RETURN NEW;
END
$$;
""",
            reverse_sql="""DROP FUNCTION public.circe_set_changed_and_updated_at;""",
            dependencies=[("tenants", "circe_change_time")],
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_lock_free_shard",
            sql="""-- Returns the first shard of the sharded counters that no other transaction uses, and locks it until this transaction ends.
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
""",
            reverse_sql="DROP FUNCTION public.circe_lock_free_shard;",
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_flag_change",
            sql="""-- Sets a flag when a row changed in a column on which a summary table depends: a setting of the transaction, named by the
-- trigger's argument, becomes 'changed'. The summary table's own trigger runs after the statement, and only if the flag is
-- set, so all other updates cost almost nothing. (The WHEN of a statement trigger can't read rows. A row trigger would
-- lock totals in the order of the rows, and would write a sum once for each row.)
CREATE OR REPLACE FUNCTION public.circe_flag_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_catalog.set_config(TG_ARGV[0], 'changed', true);
    RETURN NEW;
END
$$;
""",
            reverse_sql="DROP FUNCTION public.circe_flag_change;",
        ),
    ]
