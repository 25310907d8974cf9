"""The time that an appointment takes, for the constraint against double booking."""

from django.contrib.postgres.operations import BtreeGistExtension
from django.db import migrations

OCCUPIED = """
CREATE FUNCTION public.circe_occupied(day date, start_time time, end_time time) RETURNS tsrange
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT tsrange(
        day + start_time,
        day + end_time + CASE WHEN end_time < start_time THEN interval '1 day' ELSE interval '0' END
    )
$$
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        BtreeGistExtension(),
        migrations.RunSQL(OCCUPIED, "DROP FUNCTION public.circe_occupied"),
    ]
