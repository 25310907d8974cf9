"""How many customers of each kind there are, by the month of their creation, and the triggers that keep it true."""

import django.db.models.deletion
from django.db import migrations, models

from circe.db.row_level_security import RowLevelSecurity
from circe.db.summary_tables import FREE_SHARD_FUNCTION, on_change, read_only, rebuilt, upsert_counters_sql
from customers.models.monthly_counts import CustomerMonthlyCounts

NUMBERS = {
    "total_customers": "sign * (NOT is_deleted)::int",
    "active_customers": "sign * (NOT is_deleted AND is_active)::int",
    "deleted_customers": "sign * is_deleted::int",
    "verified_emails": "sign * (NOT is_deleted AND email_verified)::int",
    "customers_with_password": "sign * (NOT is_deleted AND password IS NOT NULL)::int",
    "total_loyalty_points": "sign * (NOT is_deleted)::int * loyalty_points",
}
COUNT = f"""
        SELECT tenant_id, date_trunc('month', created_at AT TIME ZONE 'UTC')::date AS month,
            {", ".join(f"sum({value}) AS {name}" for name, value in NUMBERS.items())}
        FROM ({{changes}}) AS change GROUP BY 1, 2
        HAVING {" OR ".join(f"sum({value}) <> 0" for value in NUMBERS.values())}"""  # noqa: S608
TALLY = upsert_counters_sql("customers_customermonthlycounts", key=["month"], sums=list(NUMBERS), rows=COUNT)


class Migration(migrations.Migration):
    dependencies = [("customers", "0005_walls")]
    operations = [
        migrations.CreateModel(
            name="CustomerMonthlyCounts",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "tenant", "month", "part", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("part", models.BigIntegerField()),
                ("month", models.DateField()),
                *((name, models.BigIntegerField()) for name in NUMBERS),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
            ],
            options={"abstract": False},
        ),
        migrations.AddConstraint("customermonthlycounts", RowLevelSecurity(name="customermonthlycounts_rls")),
        FREE_SHARD_FUNCTION,
        read_only("customers_customermonthlycounts"),
        on_change(
            "customers_customer",
            "circe_tally_customers",
            bodies={
                "insert": TALLY,
                "update": TALLY,
                "delete": TALLY,
                "truncate": "DELETE FROM public.customers_customermonthlycounts;",
            },
            unless_same=[
                *("{row}.tenant_id", "{row}.created_at", "{row}.is_deleted", "{row}.is_active", "{row}.email_verified"),
                *("{row}.password IS NULL", "{row}.loyalty_points"),
            ],
        ),
        rebuilt(CustomerMonthlyCounts),
    ]
