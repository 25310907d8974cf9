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
