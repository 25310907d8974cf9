"""The index on the days of appointments holds what is added up over a period."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("appointments", "0004_totals"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="appointment",
            name="appointment_day",
        ),
        migrations.AddIndex(
            model_name="appointment",
            index=models.Index(
                fields=["tenant", "appointment_date"],
                include=("customer", "status", "total_price"),
                name="appointment_day",
            ),
        ),
    ]
