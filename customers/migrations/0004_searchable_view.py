"""The view through which customers are found."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django_migrate_sql.operations
from django.db import migrations, models

import circe.db.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("customers", "0003_customer_imports"),
    ]

    operations = [
        django_migrate_sql.operations.CreateSQL(
            name="customers_searchable",
            sql="""-- Shows the columns by which customers are searched, filtered, counted and ordered. The view reads the table with the
-- rights of its owner, to whom no policy applies. So its query has the condition of the policies. Under a policy, LIKE and
-- && can't use their indexes. The condition is that of tenant_policy_sql in circe/db/row_level_security.py, which explains
-- its form.
CREATE VIEW customers_searchable AS
SELECT
    id,
    tenant_id,
    created_at,
    is_deleted,
    tags,
    password IS NOT NULL AS has_password,
    email_verified,
    is_active,
    source,
    public.circe_folded_name(first_name, last_name) AS folded_name,
    phone,
    search_text
FROM customers_customer
WHERE CASE current_setting('circe.tenant', true) WHEN '*' THEN true WHEN tenant_id THEN true END IS NOT NULL;

REVOKE ALL ON customers_searchable FROM circe_app;
GRANT SELECT ON customers_searchable TO circe_app;
""",
            reverse_sql="DROP VIEW customers_searchable;",
            dependencies=[("tenants", "application_roles"), ("customers", "circe_folded_name")],
        ),
        migrations.CreateModel(
            name="SearchableCustomer",
            fields=[
                ("id", circe.db.ids.IdField(primary_key=True, serialize=False)),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.DO_NOTHING, related_name="+", to="tenants.tenant"
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
                ("is_active", models.BooleanField()),
                ("source", models.CharField(max_length=50, null=True)),
                ("folded_name", models.TextField()),
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
