"""The view through which customers are found. Its rights are those of its owner; the application may only read it."""

import django.contrib.postgres.fields
from django.db import migrations, models

import tenants.ids

CREATE = """
CREATE VIEW customers_findable AS
SELECT
    id, tenant_id, created_at, is_deleted, tags, password IS NOT NULL AS has_password, email_verified, phone, search_text
FROM customers_customer;
REVOKE ALL ON customers_findable FROM circe_app;
GRANT SELECT ON customers_findable TO circe_app;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0004_customer_tallies"),
    ]

    operations = [
        migrations.RunSQL(CREATE, "DROP VIEW customers_findable"),
        migrations.CreateModel(
            name="FindableCustomer",
            fields=[
                (
                    "id",
                    tenants.ids.IdField(
                        db_collation="C",
                        default=tenants.ids.new_id,
                        editable=False,
                        max_length=24,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("is_deleted", models.BooleanField()),
                (
                    "tags",
                    django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=50), size=None),
                ),
                ("has_password", models.BooleanField()),
                ("email_verified", models.BooleanField()),
                ("phone", models.CharField(max_length=32, null=True)),
                ("search_text", models.TextField()),
            ],
            options={
                "db_table": "customers_findable",
                "ordering": ["-created_at", "-id"],
                "managed": False,
            },
        ),
    ]
