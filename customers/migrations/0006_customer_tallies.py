"""How many customers of each kind there are, by the month of their creation, and the triggers that keep it true."""

import django.db.models.deletion
from django.db import migrations, models

from customers.tallies import CustomerTally
from tenants.tallies import TALLY_PART, add_up, on_change, read_only, restated
from tenants.walls import Walled

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
TALLY = add_up("customers_customertally", key=["month"], sums=list(NUMBERS), rows=COUNT)


class Migration(migrations.Migration):
    dependencies = [("customers", "0005_walls")]
    operations = [
        migrations.CreateModel(
            name="CustomerTally",
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
        migrations.AddConstraint("customertally", Walled(name="customertally_wall")),
        TALLY_PART,
        read_only("customers_customertally"),
        on_change(
            "customers_customer",
            "circe_tally_customers",
            bodies={
                "insert": TALLY,
                "update": TALLY,
                "delete": TALLY,
                "truncate": "DELETE FROM public.customers_customertally;",
            },
            unless_same=[
                *("{row}.tenant_id", "{row}.created_at", "{row}.is_deleted", "{row}.is_active", "{row}.email_verified"),
                *("{row}.password IS NULL", "{row}.loyalty_points"),
            ],
        ),
        restated(CustomerTally),
    ]
