"""What the triggers of all summary tables use."""

import django_migrate_sql.operations
from django.db import migrations


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("tenants", "0004_idempotency_records"),
    ]

    operations = [
        django_migrate_sql.operations.CreateSQL(
            name="circe_free_shard",
            sql="""-- Returns the first shard of the sharded counters that no other transaction writes now, and keeps it until this
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
""",
            reverse_sql="DROP FUNCTION public.circe_free_shard;",
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_flag_change",
            sql="""-- Notes in a setting of the transaction, named by the trigger's argument, that a row changed in a column that a summary
-- table depends on. The summary table's own trigger runs once for a statement, after it, and only where the setting says
-- 'changed': so all other updates cost next to nothing. (A statement's trigger cannot look at rows in its WHEN; a row's
-- trigger would lock totals in the order of the rows, and write a sum anew for each of them.)
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
