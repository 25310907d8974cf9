"""Appointments lie between 1900 and 2999."""

import datetime

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("appointments", "0005_day_index_covers_figures"),
        ("customers", "0006_customer_tallies"),
        ("tenants", "0007_walls"),
    ]

    operations = [
        migrations.AlterField(
            model_name="appointment",
            name="appointment_date",
            field=models.DateField(
                validators=[
                    django.core.validators.MinValueValidator(datetime.date(1900, 1, 1)),
                    django.core.validators.MaxValueValidator(datetime.date(2999, 12, 31)),
                ]
            ),
        ),
        migrations.AddConstraint(
            model_name="appointment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("appointment_date__range", (datetime.date(1900, 1, 1), datetime.date(2999, 12, 31)))
                ),
                name="appointment_day_possible",
            ),
        ),
    ]
