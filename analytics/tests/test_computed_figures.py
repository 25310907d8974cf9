"""Every figure equals what plain Python computes from the same rows by the rules of the contract. It is compared again
after the rows were changed in every possible way, also without the ORM.

Each example of Hypothesis has two small businesses, which are rolled back afterwards. Its days are those on which a figure
changes, and the days before and after them, in the tenant's time zone and in UTC.
"""

import datetime as dt
import os
import random
from itertools import chain
from typing import NamedTuple

import pytest
import time_machine
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appointments.models import Appointment
from circe.db.roles import as_owner
from circe.management.commands.check_totals import SUMMARY_TABLES
from conftest import client_of
from customers.models import Customer, purge_all, restore_all
from tenants.models import Role, Tenant, User
from tenants.scope import ALL_TENANTS, tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, TenantFactory, UserFactory

API = "/api/v1/customers"
URL = f"{API}/statistics/summary"
CUSTOMERS, BOOKINGS, PURGED_BOOKINGS = 24, 7, 3

# Nights on which clocks change, the ends of a leap day and of a year, and a midnight in Jakarta.
NOWS = [
    dt.datetime.fromisoformat(instant).replace(tzinfo=dt.UTC)
    for instant in (
        "2025-03-30T00:59:59.999999",
        "2025-11-02T05:30:00",
        "2025-03-09T05:00:00",
        "2024-02-29T23:30:00",
        "2025-12-31T12:00:00",
        "2025-06-15T17:00:00",
    )
]
# The sums of recent visits are stored by the clock of the database, which `time_machine` does not change. So they are true
# at the first of these instants, and too old at the others.
NOWS += [TRUE_NOW := dt.datetime.now(dt.UTC), TRUE_NOW + dt.timedelta(days=1), TRUE_NOW + dt.timedelta(days=200)]
ZONES = ["Asia/Jakarta", "Europe/Oslo", "Pacific/Auckland", "Pacific/Honolulu", "America/Havana", "Asia/Beirut", "UTC"]
STATUSES = ["completed"] * 6 + ["pending", "confirmed", "in_progress", "cancelled", "no_show"]
PRICES = [0, 1, 100, 100, 250, 350_000, 10**13]
CREATION_TIMES = [dt.time.min, dt.time(12), dt.time(23, 30), dt.time.max]


class Business(NamedTuple):
    """The parameters of a generated business. The same seed makes the same rows."""

    time_zone: str
    currency: str
    at_risk_after_days: int
    new_within_days: int
    vip_min_visits: int
    vip_top_percent: int
    customers: int
    bookings_each: int


businesses = st.builds(
    Business,
    time_zone=st.sampled_from(ZONES),
    currency=st.sampled_from(["IDR", "NOK"]),
    at_risk_after_days=st.sampled_from([1, 30, 90]),
    new_within_days=st.sampled_from([1, 30, 90]),
    vip_min_visits=st.sampled_from([0, 1, 2, 5]),
    vip_top_percent=st.sampled_from([0, 10, 33, 50, 100]),
    customers=st.sampled_from([0, 1, 5, CUSTOMERS, CUSTOMERS]),
    bookings_each=st.sampled_from([1, 3, BOOKINGS]),
)
# In days from today. None is an open end.
bounds = st.none() | st.sampled_from([-800, -365, -90, -30, -29, -7, -1, 0, 1, 30])
periods = (
    st.tuples(bounds, bounds).map(lambda pair: pair if None in pair else tuple(sorted(pair)))
    | bounds.map(lambda days: (days, days))
    | st.tuples(bounds, st.just(0)).map(lambda pair: pair if None in pair else tuple(sorted(pair)))
)


class Rows(NamedTuple):
    tenants: list[Tenant]
    customers: list[Customer]
    appointments: list[Appointment]

    def of(self, tenant):
        return Rows(
            [tenant],
            [customer for customer in self.customers if customer.tenant_id == tenant.pk],
            [appointment for appointment in self.appointments if appointment.tenant_id == tenant.pk],
        )


# --- the computation ------------------------------------------------------------------------------------------------


def compute_statistics(rows, *, now, zone, first, last):
    """Returns what the statistics of `rows` must be."""
    today = now.astimezone(zone).date()
    customers = [customer for customer in rows.customers if not customer.is_deleted]
    booked = [a for a in rows.appointments if is_within(a.appointment_date, first, last)]
    revenue = sum(a.total_price for a in booked if a.status == "completed")
    total = len(customers)
    by_customer = {
        customer.pk: [appointment for appointment in rows.appointments if appointment.customer_id == customer.pk]
        for customer in customers
    }
    segments = [
        segment
        for tenant in rows.tenants
        for segment in compute_segments(
            tenant, {c: by_customer[c.pk] for c in customers if c.tenant_id == tenant.pk}, now.astimezone(zone)
        )
    ]
    tops = [top_entry(customer, by_customer[customer.pk], first, last) for customer in customers]
    return {
        "total_customers": total,
        "active_customers": sum(customer.is_active for customer in customers),
        "inactive_customers": sum(not customer.is_active for customer in customers),
        "deleted_customers": len(rows.customers) - total,
        "verified_emails": sum(customer.email_verified for customer in customers),
        "customers_with_password": sum(customer.password is not None for customer in customers),
        "walk_in_customers": sum(customer.password is None for customer in customers),
        "new_customers_in_period": sum(
            is_within(customer.created_at.astimezone(zone).date(), first, last) for customer in customers
        ),
        "total_appointments": len(booked),
        "total_revenue": revenue,
        "total_loyalty_points": sum(customer.loyalty_points for customer in customers),
        "avg_appointments_per_customer": round(len(booked) / total, 1) if total else 0.0,
        "avg_spent_per_customer": revenue // total if total else 0,
        **compute_retention([visit_days(by_customer[customer.pk]) for customer in customers], first, last, today),
        "top_customers_by_appointments": top_ten(tops, "total_appointments", "total_spent"),
        "top_customers_by_revenue": top_ten(tops, "total_spent", "total_appointments"),
        "customer_segments": {name: segments.count(name) for name in ("vip", "regular", "new", "at_risk")},
    }


def is_within(day, first, last):
    return (first is None or first <= day) and (last is None or day <= last)


def visit_days(appointments):
    return [appointment.appointment_date for appointment in appointments if appointment.status == "completed"]


def compute_retention(days_of_customers, first, last, today):
    if first is None:
        visits = [sum(is_within(day, first, last) for day in days) for days in days_of_customers]
        base, retained = sum(n >= 1 for n in visits), sum(n >= 2 for n in visits)
    else:
        length = ((last or today) - first).days + 1
        before = [days for days in days_of_customers if any(1 <= (first - day).days <= length for day in days)]
        base, retained = len(before), sum(any(is_within(day, first, last) for day in days) for days in before)
    rate = round(100 * retained / base, 1) if base else 0.0
    return {"retention_rate": rate, "churn_rate": round(100 - rate, 1) if base else 0.0, "retention_base": base}


def top_entry(customer, appointments, first, last):
    booked = [a for a in appointments if is_within(a.appointment_date, first, last)]
    return {
        "customer_id": customer.pk,
        "full_name": f"{customer.first_name} {customer.last_name}" if customer.last_name else customer.first_name,
        "email": customer.email,
        "total_appointments": len(booked),
        "total_spent": sum(a.total_price for a in booked if a.status == "completed"),
    }


def top_ten(entries, measure, other):
    entries = [entry for entry in entries if entry[measure] > 0]
    return sorted(entries, key=lambda entry: (-entry[measure], -entry[other], entry["customer_id"]))[:10]


def compute_segments(tenant, appointments_of, now):
    """Yields the segment of each customer of one tenant."""
    today = now.date()
    spent = {}
    for customer, appointments in appointments_of.items():
        if days := visit_days(appointments):
            visits = [appointment for appointment in appointments if appointment.status == "completed"]
            spent[customer] = sum(a.total_price for a in visits if (today - a.appointment_date).days <= 365)
    vip_quota = -(-len(spent) * tenant.vip_top_percent // 100)
    vip_cutoff = sorted(spent.values(), reverse=True)[vip_quota - 1] if vip_quota else float("inf")
    for customer, appointments in appointments_of.items():
        days = visit_days(appointments)
        upcoming = any(
            a.status in ("pending", "confirmed")
            and dt.datetime.combine(a.appointment_date, a.start_time) >= now.replace(tzinfo=None)
            for a in appointments
        )
        if days and not upcoming and (today - max(days)).days > tenant.at_risk_after_days:
            yield "at_risk"
        elif "vip" in customer.tags or (
            days and len(days) >= tenant.vip_min_visits and spent[customer] >= max(vip_cutoff, 1)
        ):
            yield "vip"
        elif not days or (today - min(days)).days <= tenant.new_within_days:
            yield "new"
        else:
            yield "regular"


# --- the rows -------------------------------------------------------------------------------------------------------


class Shop(NamedTuple):
    """A tenant with the rows that bookings need. Every booking has its own member of staff, so that none overlap."""

    tenant: Tenant
    admin: User
    staff: list[User]
    outlet_id: str
    service_id: str

    @classmethod
    def build(cls):
        tenant = TenantFactory()
        staff = [
            User(tenant=tenant, role=Role.STAFF, email=f"{n}@{tenant.slug}.test")
            for n in range(CUSTOMERS * BOOKINGS + PURGED_BOOKINGS)
        ]
        return cls(
            tenant,
            UserFactory(tenant=tenant, role=Role.TENANT_ADMIN),
            User.objects.bulk_create(staff),
            OutletFactory(tenant=tenant).pk,
            ServiceFactory(tenant=tenant).pk,
        )

    def fill(self, business, chance, *, now, first, last):
        """Sets the parameters of the business and stores its rows. Returns `(customers, appointments)`."""
        for name in business._fields[:6]:
            setattr(self.tenant, name, getattr(business, name))
        self.tenant.save()
        days = days_of_interest(self.tenant, now=now, first=first, last=last)
        customers = [self.customer(n, days, chance) for n in range(business.customers)]
        # None is a purged customer.
        booked = chance.choices([None, *customers], k=PURGED_BOOKINGS) + [
            customer for customer in customers for _ in range(chance.randint(0, business.bookings_each))
        ]
        start_times = [
            (now.astimezone(zone).replace(tzinfo=None) + dt.timedelta(seconds=seconds)).time()
            for zone in (self.tenant.zone, dt.UTC)
            for seconds in (-1, 0, 1)
        ]
        appointments = [
            self.appointment(staff, customer, days, start_times, chance)
            for staff, customer in zip(self.staff, booked, strict=False)
        ]
        return Customer.objects.bulk_create(customers), Appointment.objects.bulk_create(appointments)

    def customer(self, n, days, chance):
        password = chance.choice([None, "argon2$hash"])
        email = f"c{n}@example.com" if password or chance.random() < 0.5 else None
        deleted = chance.random() < 0.2
        zone = chance.choice([self.tenant.zone, dt.UTC])
        created_at = dt.datetime.combine(chance.choice(days), chance.choice(CREATION_TIMES), zone)
        return Customer(
            id=f"{chance.getrandbits(96):024x}",
            tenant=self.tenant,
            first_name=f"Jane{n}",
            last_name=chance.choice([None, "", "Doe"]),
            email=email,
            email_key=email,
            email_verified=chance.random() < 0.5,
            phone=f"+628120{n:05}",
            password=password,
            tags=chance.choice([[], [], [], [], ["vips"], ["regular", "vip"]]),
            loyalty_points=chance.randint(0, 1000),
            is_deleted=deleted,
            is_active=not deleted and chance.random() < 0.5,
            created_at=created_at.astimezone(dt.UTC),
        )

    def appointment(self, staff, customer, days, start_times, chance):
        start = chance.choice(start_times)
        return Appointment(
            tenant=self.tenant,
            outlet_id=self.outlet_id,
            service_id=self.service_id,
            staff_id=staff.pk,
            customer_id=customer and customer.pk,
            appointment_date=chance.choice(days),
            start_time=start,
            end_time=start.replace(hour=(start.hour + 1) % 24),
            status=chance.choice(STATUSES),
            total_price=chance.choice(PRICES),
        )


def days_of_interest(tenant, *, now, first, last):
    """Returns the days at which a figure changes, and the days before and after them."""
    todays = [now.astimezone(zone).date() for zone in (tenant.zone, dt.UTC)]
    ages = (0, tenant.new_within_days, tenant.at_risk_after_days, 365, 800)
    edges = [today - dt.timedelta(days=age) for today in todays for age in ages]
    if first:
        edges += [first, first - ((last or todays[0]) - first)]
    if last:
        edges += [last]
    return [edge + dt.timedelta(days=nearby) for edge in edges for nearby in (-1, 0, 1)]


@pytest.fixture
def shops(db):
    return [Shop.build(), Shop.build()]


@pytest.fixture
def super_admin_user(db):
    return UserFactory(role=Role.SUPER_ADMIN, tenant=None)


@pytest.mark.slow("counts generated businesses again in Python")
@settings(
    max_examples=int(os.environ.get("RECOUNT_EXAMPLES", "40")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(drawn=st.tuples(businesses, businesses), now=st.sampled_from(NOWS), period=periods, seed=st.integers(0, 2**32))
def test_every_figure_equals_a_computation_in_python(shops, super_admin_user, drawn, now, period, seed):
    chance = random.Random(seed)
    first, last = (None if days is None else now.date() + dt.timedelta(days=days) for days in period)
    query = {name: str(day) for name, day in (("from_date", first), ("to_date", last)) if day}
    with time_machine.travel(now, tick=False), transaction.atomic():
        with tenant_scope(ALL_TENANTS):
            filled = [
                shop.fill(business, chance, now=now, first=first, last=last)
                for shop, business in zip(shops, drawn, strict=True)
            ]
        rows = Rows([shop.tenant for shop in shops], *(list(chain(*rows)) for rows in zip(*filled, strict=True)))
        callers = [(client_of(shop.admin), shop.tenant, query) for shop in shops]
        callers += [
            (client_of(super_admin_user), None, query),
            (client_of(super_admin_user), shops[0].tenant, query | {"tenant_id": shops[0].tenant.pk}),
        ]
        compare(callers, rows, now=now, first=first, last=last)
        with tenant_scope(ALL_TENANTS):
            for change in chance.sample(CHANGES, len(CHANGES)):
                change(shops, chance)
            rows = Rows([shop.tenant for shop in shops], list(Customer.objects.all()), list(Appointment.objects.all()))
        compare(callers, rows, now=now, first=first, last=last)
        for shop in shops:
            assert [model.find_differences(shop.tenant) for model in SUMMARY_TABLES] == [[]] * len(SUMMARY_TABLES)
        transaction.set_rollback(True)


def compare(callers, rows, *, now, first, last):
    """Compares the figures of each caller with the computation."""
    for client, tenant, parameters in callers:
        body = client.get(URL, parameters).json()
        own, zone = (rows.of(tenant), tenant.zone) if tenant else (rows, dt.UTC)
        assert body["statistics"] == compute_statistics(own, now=now, zone=zone, first=first, last=last)
        assert body["period"] == {"from": first and str(first), "to": last and str(last)}
        assert body["currencies"] == sorted({one.currency for one in own.tenants})


# --- all ways to change rows ----------------------------------------------------------------------------------------


def sample_rows(model, chance, share=0.2):
    """Returns some random rows."""
    return [row for row in model.objects.order_by("pk") if chance.random() < share]


def sql(statement, *params):
    with connection.cursor() as cursor:
        cursor.execute(statement, params)


def change_by_api(shops, chance):
    """Creates a customer, changes one, deletes one, and deletes and restores one."""
    for shop in shops:
        client = client_of(shop.admin)
        created = client.post(API, {"first_name": "New", "phone": "+6281299999999"})
        assert created.status_code == 201, created.content
        customers = list(Customer.objects.filter(tenant=shop.tenant, is_deleted=False).order_by("pk"))
        chosen = [f"{API}/{customer.pk}" for customer in chance.sample(customers, min(3, len(customers)))]
        for url, verb in zip(chosen, ("change", "delete", "restore"), strict=False):
            if verb == "change":
                assert client.patch(url, {"tags": ["vip"], "is_active": True}).status_code == 200
            else:
                assert client.delete(url).status_code == 200
            if verb == "restore":
                assert client.post(f"{url}/restore").status_code == 200


def change_by_save(shops, chance):
    for appointment in sample_rows(Appointment, chance, 0.1):
        appointment.status, appointment.total_price = chance.choice(STATUSES), chance.choice(PRICES)
        appointment.save()


def change_by_bulk_update(shops, chance):
    for status in ("completed", "cancelled"):
        ids = [appointment.pk for appointment in sample_rows(Appointment, chance, 0.1)]
        Appointment.objects.filter(pk__in=ids).update(status=status)
    customers = sample_rows(Customer, chance)
    for customer in customers:
        customer.is_deleted = not customer.is_deleted
        customer.is_active, customer.loyalty_points, customer.tags = (
            False,
            chance.randint(0, 9),
            chance.choice([[], ["vip"]]),
        )
    Customer.objects.bulk_update(customers, ["is_deleted", "is_active", "loyalty_points", "tags"])


def change_by_raw_sql(shops, chance):
    """Moves appointments to another customer, to another day and to another id, and changes other columns."""
    for shop in shops:
        customers = [customer.pk for customer in Customer.objects.filter(tenant=shop.tenant)]
        for appointment in sample_rows(Appointment, chance, 0.1):
            if appointment.tenant_id == shop.tenant.pk and customers:
                sql(
                    "UPDATE appointments_appointment SET customer_id = %s, appointment_date = appointment_date - %s, "
                    "id = reverse(id) WHERE id = %s",
                    chance.choice(customers),
                    chance.choice([-30, 0, 1, 300]),
                    appointment.pk,
                )
    sql("UPDATE appointments_appointment SET notes = 'the same figures'")
    sql(
        "UPDATE customers_customer SET created_at = created_at - interval '31 days', email_verified = NOT email_verified"
    )
    sql(
        "UPDATE customers_customer AS customer SET id = reverse(id) WHERE NOT EXISTS "
        "(SELECT FROM appointments_appointment AS own WHERE own.customer_id = customer.id)"
    )


def change_by_copy(shops, chance):
    """Copies appointments to two days later, and copies customers, but not their appointments."""
    for table, change in (
        ("appointments_appointment", {"appointment_date": "appointment_date + 2"}),
        (
            "customers_customer",
            {"email": "NULL", "email_key": "NULL", "phone": "'+1' || right(phone, 10)", "password": "NULL"},
        ),
    ):
        # COPY is not allowed with row-level security. Only the owner can switch it off for itself.
        with as_owner(), connection.cursor() as cursor:
            cursor.execute(f"SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
            cursor.execute(
                "SELECT column_name FROM information_schema.columns "
                "WHERE table_name = %s AND is_generated = 'NEVER' AND column_name <> 'id'",
                [table],
            )
            columns = [name for (name,) in cursor]
            values = ", ".join(change.get(name, name) for name in columns)
            cursor.execute(
                f"SELECT 'ffffff' || right(id, 18), {values} FROM {table} "
                "WHERE right(id, 1) < '4' AND left(id, 6) <> 'ffffff'"
                + (" AND status NOT IN ('pending', 'confirmed', 'in_progress')" if "appointment_date" in change else "")
            )
            copied = cursor.fetchall()
            with cursor.copy(f"COPY {table} (id, {', '.join(columns)}) FROM STDIN") as copy:
                for row in copied:
                    copy.write_row(row)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
            cursor.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def change_by_delete(shops, chance):
    Appointment.objects.filter(
        pk__in=[appointment.pk for appointment in sample_rows(Appointment, chance, 0.1)]
    ).delete()


def restore_and_purge(shops, chance):
    restore_all(sample_rows(Customer, chance, 0.1))
    purge_all(sample_rows(Customer, chance, 0.1))


def change_thresholds(shops, chance):
    for shop in shops:
        shop.tenant.time_zone = chance.choice(ZONES)
        shop.tenant.at_risk_after_days = chance.choice([1, 30, 90])
        shop.tenant.new_within_days = chance.choice([1, 30, 90, 400])
        shop.tenant.vip_top_percent = chance.choice([0, 10, 50, 100])
        shop.tenant.save()


CHANGES = [
    change_by_api,
    change_by_save,
    change_by_bulk_update,
    change_by_raw_sql,
    change_by_copy,
    change_by_delete,
    restore_and_purge,
    change_thresholds,
]
