"""The view through which customers are found. Its rights are those of its owner, who is bound by no wall, and the
application may only read it: so the view has the wall itself, where LIKE and `&&` may use their indexes beside it.
"""

import django.contrib.postgres.fields
from django.db import migrations, models

import circe.db.ids
from circe.db.row_level_security import tenant_policy_sql

CREATE = f"""
CREATE VIEW customers_searchable AS
SELECT
    id, tenant_id, created_at, is_deleted, tags, password IS NOT NULL AS has_password, email_verified, phone, search_text
FROM customers_customer
WHERE {tenant_policy_sql("tenant_id")};
REVOKE ALL ON customers_searchable FROM circe_app;
GRANT SELECT ON customers_searchable TO circe_app;
"""  # noqa: S608


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0003_customer_imports"),
    ]

    operations = [
        migrations.RunSQL(CREATE, "DROP VIEW customers_searchable"),
        migrations.CreateModel(
            name="SearchableCustomer",
            fields=[
                (
                    "id",
                    circe.db.ids.IdField(
                        db_collation="C",
                        default=circe.db.ids.new_id,
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
                "db_table": "customers_searchable",
                "ordering": ["-created_at", "-id"],
                "managed": False,
            },
        ),
    ]
