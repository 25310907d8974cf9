"""The time that an appointment takes, for the constraint against double booking."""

import django.contrib.postgres.operations
import django_migrate_sql.operations
from django.db import migrations


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        django.contrib.postgres.operations.BtreeGistExtension(),
        django_migrate_sql.operations.CreateSQL(
            name="circe_occupied",
            sql="""-- Returns the time that an appointment takes of its member of staff, as a range in the local time of the business. It lasts
-- from the start to the end of the buffer. If the end is before the start, the end is on the next day.
-- The function is not STRICT, since PostgreSQL does not inline a STRICT function: a call costs ten times as much as the
-- expression.
-- The index of the exclusion constraint appointment_no_double_booking uses this function: after a change, reindex.
CREATE OR REPLACE FUNCTION public.circe_occupied(
    day date, start_time time, end_time time, buffer_minutes integer
) RETURNS tsrange
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT tsrange(
        day + start_time,
        day + end_time
            + CASE WHEN end_time < start_time THEN interval '1 day' ELSE interval '0' END
            + buffer_minutes * interval '1 minute'
    )
$$;
""",
            reverse_sql="DROP FUNCTION public.circe_occupied;",
        ),
    ]
