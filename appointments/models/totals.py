"""Summary tables of appointments, which triggers update: totals by customer, totals by day, and counts of visits."""

import datetime as dt
from typing import Any

from django.db import connection, models

from circe.db.ids import IdField
from circe.db.row_level_security import RowLevelSecurity
from circe.db.summary_tables import ShardedCounter, SummaryTable
from tenants.models import Tenant
from tenants.scope import TenantManager, current_tenant

# The first day that is at most 365 days ago now, in the time zone where the day begins last: 12 hours after UTC. So the days
# since then include the last 365 days of any time zone. The totals of a business include the visits since this day or, if
# it is later, since its `spending_since`.
RECENT_FROM_SQL = "((now() AT TIME ZONE 'UTC') - interval '12 hours')::date - 365"


class CustomerTotalsFields(models.Model):
    """The totals of each customer's appointments. Every customer has a row.

    `recent_spent` is the sum of the visits that were recent (RECENT_FROM_SQL) when the row was written; `recent_from` is the
    date of the first of these visits. The segments of the statistics subtract the visits that have become too old since.
    `open_date` and `open_time` are the start of the last pending or confirmed appointment, which may be in the past.
    `created_at`, `is_deleted` and `is_vip` (the tag `vip`) are copied from the customer. With them, the indexes of this
    table alone can filter the list of customers by totals and segment, and sort it.
    """

    pk = models.CompositePrimaryKey("tenant", "customer_id")
    tenant = models.ForeignKey(Tenant, models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False)
    customer_id = IdField(default=None)
    created_at = models.DateTimeField()
    is_deleted = models.BooleanField()
    is_vip = models.BooleanField()
    total_appointments = models.BigIntegerField(db_default=0)
    visits = models.BigIntegerField(db_default=0)
    total_spent = models.BigIntegerField(db_default=0)
    first_visit = models.DateField(null=True)
    last_visit = models.DateField(null=True)
    open_date = models.DateField(null=True)
    open_time = models.TimeField(null=True)
    recent_spent = models.BigIntegerField(db_default=0)
    recent_from = models.DateField(null=True)

    objects = TenantManager()

    class Meta:
        abstract = True


# A customer for whom this is false is no VIP of a business that asks for at least VIP_VISITS visits, as all do by default.
VIP_VISITS = 5
MAY_BE_VIP = models.Q(is_vip=True) | models.Q(recent_spent__gt=0, visits__gte=VIP_VISITS)


class CustomerTotals(CustomerTotalsFields, SummaryTable):
    """The summary table of CustomerTotalsFields."""

    customer_column = "customer_id"

    class Meta(SummaryTable.Meta):
        constraints = [RowLevelSecurity(name="%(class)s_rls", subject_column="customer_id")]
        indexes = [
            # For the list of customers by segment, newest first. It holds all columns that the conditions of segments
            # compare.
            models.Index(
                fields=["tenant", "-created_at", "-customer_id"],
                include=[
                    *("visits", "first_visit", "last_visit", "is_vip", "recent_spent", "recent_from", "open_date"),
                    "open_time",
                ],
                condition=models.Q(is_deleted=False),
                name="customertotals_newest",
            ),
            models.Index(
                fields=["tenant", "last_visit", "customer_id"],
                condition=models.Q(is_deleted=False),
                name="customertotals_last_visit",
            ),
            models.Index(
                fields=["tenant", "-total_appointments", "-total_spent", "customer_id"],
                condition=models.Q(is_deleted=False, total_appointments__gte=10),
                name="customertotals_most",
            ),
            models.Index(
                fields=["tenant", "-total_spent", "-total_appointments", "customer_id"],
                condition=models.Q(is_deleted=False, total_spent__gt=0),
                name="customertotals_highest",
            ),
            models.Index(
                fields=["tenant", "-recent_spent"],
                include=["recent_from", "visits", "first_visit", "last_visit", "is_vip", "open_date", "open_time"],
                condition=models.Q(is_deleted=False, recent_spent__gt=0),
                name="customertotals_recent",
            ),
            # For the list of VIPs, newest first: whoever is a VIP, if a business asks for 5 visits or more.
            models.Index(
                fields=["tenant", "-created_at", "-customer_id"],
                include=[
                    *("visits", "last_visit", "is_vip", "recent_spent", "recent_from", "open_date", "open_time"),
                ],
                condition=models.Q(is_deleted=False) & MAY_BE_VIP,
                name="customertotals_may_be_vip",
            ),
            models.Index(
                fields=["tenant", "last_visit"],
                include=["open_date", "open_time"],
                condition=models.Q(is_deleted=False, is_vip=True, open_date__isnull=False),
                name="customertotals_open_vip",
            ),
            models.Index(
                fields=["tenant", "last_visit"],
                include=["open_date", "open_time", "customer_id"],
                condition=models.Q(is_deleted=False, open_date__isnull=False),
                name="customertotals_open",
            ),
            models.Index(
                fields=["tenant", "recent_from"],
                condition=models.Q(is_deleted=False, recent_spent__gt=0),
                name="customertotals_outdated",
            ),
        ]

    key_columns = ("customer_id",)
    value_columns = (
        "created_at",
        "is_deleted",
        "is_vip",
        "total_appointments",
        "visits",
        "total_spent",
        "first_visit",
        "last_visit",
        "open_date",
        "open_time",
        "recent_spent",
        "recent_from",
    )
    # The first recent day differs from row to row, since it depends on when the row was written.
    expected_sql = f"""
        SELECT customer.id AS customer_id, customer.created_at, is_deleted, 'vip' = ANY (tags) AS is_vip,
            coalesce(total_appointments, 0) AS total_appointments, coalesce(visits, 0) AS visits,
            coalesce(total_spent, 0)::bigint AS total_spent, first_visit, last_visit, open_at::date AS open_date,
            open_at::time AS open_time, coalesce(recent_spent, 0)::bigint AS recent_spent, recent_from
        FROM customers_customer AS customer
        LEFT JOIN (
            SELECT customer_id, count(*) AS total_appointments, count(*) FILTER (WHERE is_visit) AS visits,
                sum(total_price) FILTER (WHERE is_visit) AS total_spent,
                min(appointment_date) FILTER (WHERE is_visit) AS first_visit,
                max(appointment_date) FILTER (WHERE is_visit) AS last_visit,
                max(appointment_date + least(start_time, '23:59:59.999999')) FILTER (WHERE is_open) AS open_at,
                sum(total_price) FILTER (WHERE is_visit AND is_recent) AS recent_spent,
                min(appointment_date) FILTER (WHERE is_visit AND is_recent) AS recent_from
            FROM (
                SELECT appointment.*, status = 'completed' AS is_visit, status IN ('pending', 'confirmed') AS is_open,
                    appointment_date >= least(recent_from, greatest({RECENT_FROM_SQL}, (
                        SELECT spending_since FROM tenants_tenant WHERE id = %(tenant)s
                    ))) AS is_recent
                FROM appointments_appointment AS appointment
                LEFT JOIN appointments_customertotals AS totals USING (tenant_id, customer_id)
                WHERE tenant_id = %(tenant)s AND customer_id IS NOT NULL
            ) AS appointment
            GROUP BY 1
        ) AS own ON own.customer_id = customer.id
        WHERE tenant_id = %(tenant)s
    """  # noqa: S608

    @classmethod
    def remove_expired_spending(cls, tenant: Tenant) -> int:
        """Subtracts the visits that are too old from `recent_spent`. Returns the number of changed customers.

        Call it with the role that owns the tables. It skips rows that another transaction has locked. Without it the
        statistics are right too, but each request has to subtract these visits again.
        """
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT now(), {RECENT_FROM_SQL}")
            now, earliest = cursor.fetchone()
            # The business's own figures use its days, and the figures of all businesses use the days of UTC.
            today = min(now.astimezone(zone).date() for zone in (tenant.zone, dt.UTC))
            values = {"tenant": tenant.pk, "since": max(today - dt.timedelta(days=365), earliest)}
            # The stored day never moves back, although a business may change its time zone to one further west.
            cursor.execute(
                "UPDATE tenants_tenant SET spending_since = greatest(spending_since, %(since)s) WHERE id = %(tenant)s "
                "RETURNING spending_since",
                values,
            )
            [values["since"]] = cursor.fetchone()
            cursor.execute(
                "SELECT customer_id FROM appointments_customertotals WHERE tenant_id = %(tenant)s AND NOT is_deleted "
                "AND recent_spent > 0 AND recent_from < %(since)s ORDER BY customer_id FOR UPDATE SKIP LOCKED",
                values,
            )
            values["ids"] = ids = [pk for (pk,) in cursor]
            # The sums are read after the locks, so that they contain everything that others committed before.
            cursor.execute(
                "UPDATE appointments_customertotals AS totals SET recent_spent = own.spent, recent_from = own.first "
                "FROM unnest(%(ids)s::text[]) AS person (customer_id) CROSS JOIN LATERAL ("
                "SELECT coalesce(sum(total_price), 0) AS spent, min(appointment_date) AS first "
                "FROM appointments_appointment AS appointment WHERE tenant_id = %(tenant)s "
                "AND appointment.customer_id = person.customer_id AND status = 'completed' "
                "AND appointment_date >= %(since)s) AS own "
                "WHERE totals.tenant_id = %(tenant)s AND totals.customer_id = person.customer_id",
                values,
            )
        return len(ids)


class TenantTotals(CustomerTotalsFields):
    """A row of the view `appointments_tenanttotals`, which has the totals of the one tenant in scope.

    A scan of the view is faster than one of the table, since no policy is checked for each row.
    """

    class Meta:
        managed = False
        db_table = "appointments_tenanttotals"


def undeleted_totals() -> models.QuerySet[Any, Any]:
    """Returns the totals of the undeleted customers in scope, from the view unless all tenants are in scope."""
    totals = TenantTotals if current_tenant() else CustomerTotals
    return totals.objects.filter(is_deleted=False)  # type: ignore[attr-defined]


class AppointmentDailyTotals(ShardedCounter):
    """The number of appointments of each day, and the revenue of its visits."""

    pk = models.CompositePrimaryKey("tenant", "day", "shard")
    tenant = models.ForeignKey(Tenant, models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False)
    day = models.DateField()
    total_appointments = models.BigIntegerField()
    total_revenue = models.BigIntegerField()

    objects = TenantManager()

    key_columns = ("day",)
    value_columns = ("total_appointments", "total_revenue")
    expected_sql = """
        SELECT appointment_date AS day, count(*) AS total_appointments,
            coalesce(sum(total_price) FILTER (WHERE status = 'completed'), 0)::bigint AS total_revenue
        FROM appointments_appointment WHERE tenant_id = %(tenant)s GROUP BY 1
    """


class VisitCounts(ShardedCounter):
    """The number of customers by kind of visit and day. Soft-deleted customers are not counted.

    FIRST, SECOND and LAST count the customers who had that visit on `day`; `next_day` equals `day`. RETURN counts the
    customers who had a visit on `day` and the next one on `next_day`. VIP_FIRST and VIP_LAST count as FIRST and LAST do, but
    only the customers with the tag `vip`.

    With these counts, the number of different customers with a visit in any window can be computed without reading their
    rows: each of them has exactly one last visit inside the window. After that visit there is none (LAST), or the next
    one is after the window (RETURN).
    """

    class Kind(models.TextChoices):
        """Which visit of a customer it is, or RETURN for a pair of successive visits."""

        FIRST = "first"
        SECOND = "second"
        LAST = "last"
        RETURN = "return"
        VIP_FIRST = "vip_first"
        VIP_LAST = "vip_last"

    pk = models.CompositePrimaryKey("tenant", "kind", "day", "next_day", "shard")
    tenant = models.ForeignKey(Tenant, models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False)
    kind = models.CharField(max_length=9, choices=Kind)
    day = models.DateField()
    next_day = models.DateField()
    customers = models.BigIntegerField()

    objects = TenantManager()

    class Meta(ShardedCounter.Meta):
        indexes = [
            # The few rows that are summed over many days. Those of SECOND and RETURN are fifty times as many.
            models.Index(
                fields=["tenant", "kind", "day"],
                include=["customers"],
                condition=models.Q(kind__in=["first", "last", "vip_first", "vip_last"]),
                name="visitcounts_first_and_last",
            ),
        ]

    key_columns = ("kind", "day", "next_day")
    value_columns = ("customers",)
    expected_sql = """
        WITH visit AS (
            SELECT appointment_date AS day, lead(appointment_date) OVER own AS next_day, row_number() OVER own AS number,
                'vip' = ANY (tags) AS is_vip
            FROM appointments_appointment AS appointment
            JOIN customers_customer AS customer
                ON customer.tenant_id = appointment.tenant_id AND customer.id = appointment.customer_id
            WHERE appointment.tenant_id = %(tenant)s AND status = 'completed' AND NOT is_deleted
            WINDOW own AS (PARTITION BY customer_id ORDER BY appointment_date)
        )
        SELECT kind, day, coalesce(step.next_day, day) AS next_day, count(*) AS customers
        FROM visit CROSS JOIN LATERAL (VALUES
            (number = 1, 'first', NULL), (number = 2, 'second', NULL), (visit.next_day IS NULL, 'last', NULL),
            (visit.next_day IS NOT NULL, 'return', visit.next_day), (number = 1 AND is_vip, 'vip_first', NULL),
            (visit.next_day IS NULL AND is_vip, 'vip_last', NULL)
        ) AS step (applies, kind, next_day)
        WHERE applies GROUP BY 1, 2, 3
    """
