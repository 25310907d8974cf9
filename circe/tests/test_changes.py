"""Clients that keep a copy: the lists of what changed miss nothing, whoever writes at the same moment."""

import datetime as dt
from threading import Barrier, Thread

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from appointments.models import Appointment, AppointmentTombstone
from appointments.tests.factories import AppointmentFactory
from circe.db.roles import as_owner
from circe.tests.cases import in_one_test
from customers.models import Customer, Tombstone
from customers.tests.bodies import CUSTOMERS, faults, instant, profile
from customers.tests.factories import CustomerFactory
from tenants.scope import tenant_scope

APPOINTMENTS = "/api/v1/appointments"
ADMIN_PAGE = "/admin/appointments/appointment/"
LONG_AGO = "updated_since=2020-01-01"


def read(client, query=LONG_AGO, url=CUSTOMERS):
    answer = client.get(f"{url}?{query}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def ids(page):
    return [item["id"] for item in page["items"]]


def follow(client, query, size=2, url=CUSTOMERS):
    """Returns the ids on all pages up to the end, and the last `next`."""
    found = []
    while True:
        page = read(client, f"{query}&size={size}", url)
        found += ids(page)
        query = f"next={page['next']}"
        if len(page["items"]) < size:
            return found, page["next"]


@pytest.fixture
def people(tenant):
    return [CustomerFactory(tenant=tenant) for _ in range(5)]


def test_who_changed_is_listed_oldest_change_first_and_next_goes_on(staff, manager, people):
    first = read(staff, f"{LONG_AGO}&size=2")
    assert first == {
        "items": [profile(people[0]), profile(people[1])],
        "total": 5,
        "page": 1,
        "size": 2,
        "pages": 3,
        "approximate": False,
        "next": first["next"],
    }
    second = read(staff, f"size=2&next={first['next']}")
    assert (ids(second), second["total"], second["pages"]) == ([people[2].pk, people[3].pk], 3, 2)
    manager.patch(f"{CUSTOMERS}/{people[0].pk}", {"first_name": "Ann"})
    last = read(staff, f"size=2&next={second['next']}&{LONG_AGO}")
    assert (ids(last), last["total"]) == ([people[4].pk, people[0].pk], 2)
    end = read(staff, f"size=2&next={last['next']}")
    assert (end["items"], end["total"], end["pages"]) == ([], 0, 0)
    manager.patch(f"{CUSTOMERS}/{people[3].pk}", {"first_name": "Bo"})
    assert ids(read(staff, f"next={end['next']}")) == [people[3].pk]


def test_pages_by_number_count_from_the_same_place(staff, people):
    page = read(staff, f"{LONG_AGO}&size=2&page=2")
    assert (ids(page), page["total"], page["page"], page["pages"]) == ([people[2].pk, people[3].pk], 5, 2, 3)
    assert ids(read(staff, f"size=2&next={page['next']}")) == [people[4].pk]
    past = read(staff, f"{LONG_AGO}&size=2&page=4")
    assert (past["items"], past["total"]) == ([], 5)


def test_an_instant_is_included_and_one_to_come_has_nothing_yet(staff, people):
    with tenant_scope(people[0].tenant):
        changed_at = Customer.objects.get(pk=people[2].pk).changed_at
    since = changed_at.isoformat().replace("+00:00", "Z")
    assert ids(read(staff, f"updated_since={since}")) == [one.pk for one in people[2:]]
    page = read(staff, "updated_since=2990-01-01T00:00:00Z")
    assert page["items"] == read(staff, f"next={page['next']}")["items"] == []


@pytest.mark.parametrize(
    "write",
    [
        lambda row: type(row).objects.filter(pk=row.pk).update(notes="x"),
        lambda row: type(row).objects.bulk_update([setattr(row, "notes", "x") or row], ["notes"]),
        lambda row: connection.cursor().execute(
            f"UPDATE {row._meta.db_table} SET notes = 'x', updated_at = '2001-01-01' WHERE tenant_id = %s AND id = %s",
            [row.tenant_id, row.pk],
        ),
    ],
    ids=["update", "bulk_update", "sql that sets an old time"],
)
@pytest.mark.parametrize("factory", [CustomerFactory, AppointmentFactory])
def test_every_write_is_a_change(staff, tenant, write, factory):
    url = CUSTOMERS if factory is CustomerFactory else APPOINTMENTS
    rows = [factory(tenant=tenant) for _ in range(2)]
    _, end = follow(staff, LONG_AGO, url=url)
    with tenant_scope(tenant):
        write(rows[0])
    assert follow(staff, f"next={end}", url=url)[0] == [rows[0].pk]


def test_bulk_and_plain_sql_move_updated_at_of_an_appointment(tenant):
    row = AppointmentFactory(tenant=tenant)
    with tenant_scope(tenant):
        Appointment.objects.update(notes="x")
        assert Appointment.objects.get().updated_at > row.updated_at


def test_appointments_that_changed(staff, tenant):
    rows = [AppointmentFactory(tenant=tenant, appointment_date=dt.date(2025, 1, 9 - day)) for day in range(5)]
    assert follow(staff, LONG_AGO, url=APPOINTMENTS)[0] == [one.pk for one in rows]
    page = read(staff, f"{LONG_AGO}&size=2", APPOINTMENTS)
    assert page["items"][0] == staff.get(f"{APPOINTMENTS}/{rows[0].pk}").json()
    assert (page["total"], page["pages"], page.keys()) == (5, 3, {"items", "total", "page", "size", "pages", "next"})
    _, end = follow(staff, f"next={page['next']}", url=APPOINTMENTS)
    with tenant_scope(tenant):
        rows[4].customer.purge()
    assert follow(staff, f"next={end}", url=APPOINTMENTS)[0] == [rows[4].pk]


def test_deleted_and_purged_ones_are_tombstones_for_administrators_alone(staff, manager, admin, super_admin, people):
    admin.delete(f"{CUSTOMERS}/{people[0].pk}")
    super_admin.delete(f"{CUSTOMERS}/{people[1].pk}?permanent=true")
    with tenant_scope(people[0].tenant):
        times = [Customer.objects.get(pk=people[0].pk).updated_at, Tombstone.objects.get(pk=people[1].pk).updated_at]
    tombstones = [
        {"id": one.pk, "is_deleted": True, "updated_at": instant(at)} for one, at in zip(people, times, strict=False)
    ]
    for client, query in ((admin, ""), (super_admin, ""), (super_admin, f"&tenant_id={people[0].tenant_id}")):
        page = read(client, LONG_AGO + query)
        assert (ids(page)[:3], page["items"][3:]) == ([one.pk for one in people[2:]], tombstones)
        assert page["total"] == 5
        assert follow(client, LONG_AGO + query)[0] == ids(page)
    for client in (staff, manager):
        assert ids(read(client)) == [one.pk for one in people[2:]]
    admin.post(f"{CUSTOMERS}/{people[0].pk}/restore")
    assert ids(read(staff)) == [*(one.pk for one in people[2:]), people[0].pk]


def test_a_deleted_appointment_is_a_tombstone_for_administrators_alone(back_office, staff, manager, admin, tenant):
    rows = [AppointmentFactory(tenant=tenant) for _ in range(3)]
    for row in rows[1:]:
        assert back_office("super_admin").post(f"{ADMIN_PAGE}{row.pk}/delete/", {"post": "yes"}).status_code == 302
    with as_owner(), connection.cursor() as cursor:
        at = timezone.now() - dt.timedelta(days=30)
        cursor.execute("UPDATE appointments_appointmenttombstone SET updated_at = %s WHERE id = %s", [at, rows[2].pk])
    with tenant_scope(tenant):
        at = AppointmentTombstone.objects.get(pk=rows[1].pk).updated_at
    page = read(admin, url=APPOINTMENTS)
    assert ids(page)[0] == rows[0].pk
    assert page["items"][1:] == [{"id": rows[1].pk, "is_deleted": True, "updated_at": instant(at)}]
    for client in (staff, manager):
        assert ids(read(client, url=APPOINTMENTS)) == [rows[0].pk]


def test_a_tombstone_lives_for_30_days_and_holds_nothing_but_the_id(admin, people):
    for one, days in zip(people, (30, 29), strict=False):
        with tenant_scope(one.tenant):
            one.purge()
        with as_owner(), connection.cursor() as cursor:
            at = timezone.now() - dt.timedelta(days=days)
            cursor.execute("UPDATE customers_tombstone SET updated_at = %s WHERE id = %s", [at, one.pk])
    assert [item["id"] for item in read(admin)["items"] if "is_deleted" in item] == [people[1].pk]
    with tenant_scope(people[2].tenant):
        people[2].purge()
        assert {row["id"] for row in Tombstone.objects.values()} == {people[1].pk, people[2].pk}
    assert {field.name for field in Tombstone._meta.fields} == {"id", "tenant", "created_at", "updated_at"}


def test_another_business_sees_nothing(each_tenant_guard, as_role, other_tenant, people):
    with tenant_scope(people[0].tenant):
        people[0].purge()
    assert read(as_role("tenant_admin", other_tenant))["items"] == []


@in_one_test(
    "query, field",
    [
        ("updated_since=", "updated_since"),
        ("updated_since=yesterday", "updated_since"),
        ("updated_since=2025-01-01&updated_since=2025-01-02", "updated_since"),
        ("next=", "next"),
        ("next=abc", "next"),
        ("next=%C3%A9", "next"),
        ("next=WzEsMiwzLDRd", "next"),
        ("next=NQ", "next"),
        ("next=WyJjdXN0b21lcnMiLDFlMzAwLCIiLG51bGxd", "next"),
        ("next=WyJjdXN0b21lcnMiLDEsIiIsIjUiXQ", "next"),
        ("next=WyJjdXN0b21lcnMiLDEsIngiLG51bGxd", "next"),
        ("next=WyJvdGhlcnMiLDEsIiIsbnVsbF0", "next"),
        (f"{LONG_AGO}&search=jane", "search"),
        (f"{LONG_AGO}&tags=vip", "tags"),
        (f"{LONG_AGO}&ordering=name", "ordering"),
        (f"{LONG_AGO}&total_spent_min=1", "total_spent_min"),
        (f"{LONG_AGO}&size=0", "size"),
        (f"{LONG_AGO}&page=0", "page"),
    ],
)
def test_what_is_not_a_list_of_changes_is_a_400(staff, query, field):
    assert faults(staff.get(f"{CUSTOMERS}?{query}")) == {field}


def test_a_cursor_is_of_one_list_and_empty_filters_are_none(staff, people):
    page = read(staff, f"{LONG_AGO}&search=&tags=&size=1")
    assert faults(staff.get(f"{APPOINTMENTS}?next={page['next']}")) == {"next"}
    assert faults(staff.get(f"{APPOINTMENTS}?{LONG_AGO}&status=pending")) == {"status"}


def test_a_page_costs_the_same_number_of_statements(admin, people):
    for query, number in ((f"{LONG_AGO}&size=2", 5), (f"{LONG_AGO}&size=5", 5), ("size=100&" + LONG_AGO, 4)):
        read(admin, query)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            page = read(admin, query)
        assert len(queries) == number, [one["sql"] for one in queries]
    following = read(admin, f"{LONG_AGO}&size=2")["next"]
    with CaptureQueriesContext(connection) as queries:
        page = read(admin, f"size=2&next={following}")
    # The first page counted the rows that are left.
    assert (len(queries), page["total"]) == (4, 3)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("client", ["manager", "admin"])
def test_a_change_that_is_committed_late_is_not_skipped(request, people, client):
    """One changes a customer and commits late; meanwhile another customer changes, and a client reads on."""
    client = request.getfixturevalue(client)
    _, end = follow(client, LONG_AGO)
    changed, release = Barrier(2), Barrier(2)

    def change_and_wait():
        try:
            with tenant_scope(people[0].tenant), transaction.atomic():
                Customer.objects.filter(pk=people[0].pk).update(notes="late")
                changed.wait(30)
                release.wait(30)
        finally:
            connections.close_all()

    thread = Thread(target=change_and_wait)
    thread.start()
    changed.wait(30)
    client.patch(f"{CUSTOMERS}/{people[1].pk}", {"first_name": "Bo"})
    meanwhile, place = follow(client, f"next={end}")
    release.wait(30)
    thread.join()
    afterwards, _ = follow(client, f"next={place}")
    assert meanwhile + afterwards == [people[0].pk, people[1].pk]
