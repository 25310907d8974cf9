"""GET /api/v1/customers, but for `search`, which has a file of its own."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from appointments.tests.factories import AppointmentFactory
from circe.db.server_kind import is_cluster
from circe.tests.captured_sql import expand_prepared
from circe.tests.cases import in_one_test
from customers.models.monthly_counts import CustomerMonthlyCounts
from customers.models.preferences import PreferredService
from customers.tests.bodies import CUSTOMERS, NO_SUCH_ID, faults, instant, preferences, profile
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from tenants.scope import tenant_scope
from tenants.tests.factories import ServiceFactory, TenantFactory, UserFactory

NOON = dt.datetime(2025, 6, 1, 12, tzinfo=dt.UTC)
BAD = [
    *(f"page={value}" for value in ("0", "-1", "abc", "", "1.0", "1e1", "+1", "١", "99999999999", "0x1", "%00")),
    *(f"size={value}" for value in ("0", "101", "-1", "abc", "", "20.0", "٢٠", "null")),
    *(f"email_verified={value}" for value in ("banana", "", "2", "yes", "None", "%00")),
    *(f"has_password={value}" for value in ("banana", "", "on")),
    *(
        f"{name}={value}"
        for name in ("created_from", "created_to")
        for value in (
            "yesterday",
            "",
            "2025-02-30",
            "2025-13-01",
            "2025-1-1",
            "20250101",
            "2025-W01-1",
            "01/02/2025",
            "0000-01-01",
            "10000-01-01",
            "2025-01-01T25:00:00Z",
            "2025-01-01T10:00:00%2B24:00",
            "2025-01-01T10:00:00%2B99:99",
            "9999-12-31T23:59:59-01:00",
            "0001-01-01T00:00:00%2B01:00",
            "2025-01-01%00",
            "٢٠٢٥-01-01",
            "2025-01-01;DROP TABLE",
        )
    ),
    "created_from=2025-01-02&created_to=2025-01-01",
    "created_from=2025-01-01T10:00:01Z&created_to=2025-01-01T10:00:00Z",
    "created_from=2025-01-02T00:00:00%2B07:00&created_to=2025-01-01",
    *(
        f"{name}={value}&{name}={value}"
        for name, value in (
            ("page", 1),
            ("size", 20),
            ("search", "jane"),
            ("has_password", "true"),
            ("email_verified", "true"),
            ("created_from", "2025-01-01"),
            ("created_to", "2025-01-01"),
        )
    ),
    f"search={'x' * 101}",
    "search=a%00",
    "tags=vip%00",
]


def listed(client, query=""):
    response = client.get(f"{CUSTOMERS}?{query}")
    assert response.status_code == 200, response.content
    return [item["id"] for item in response.json()["items"]]


def created(tenant, *instants, **fields):
    return [CustomerFactory(tenant=tenant, created_at=at, **fields).pk for at in instants]


def test_a_list_of_customers(staff, tenant):
    older, newer = (
        CustomerFactory(tenant=tenant, created_at=NOON + dt.timedelta(seconds=n), first_name=name, tags=["vip"])
        for n, name in enumerate(["Jane", "John"])
    )
    AppointmentFactory(tenant=tenant, customer=older)
    tags = ["staff-created", "walk-in", "vip"]
    assert staff.get(CUSTOMERS).json() == {
        "items": [
            profile(newer, created_at="2025-06-01T12:00:01Z", tags=tags),
            profile(
                older,
                created_at="2025-06-01T12:00:00Z",
                tags=tags,
                total_appointments=1,
                total_spent=350000,
                last_appointment_date="2025-01-25",
            ),
        ],
        "total": 2,
        "page": 1,
        "size": 20,
        "pages": 1,
        "approximate": False,
        "next": None,
    }


def test_the_documented_request(staff, tenant):
    query = (
        "search=John&tags=vip%2Cregular&has_password=true&email_verified=true"
        "&created_from=2025-01-01&created_to=2025-12-31&page=1&size=20"
    )
    fits = {
        "tenant": tenant,
        "first_name": "John",
        "tags": ["regular"],
        "password": "hash",
        "email_verified": True,
        "created_at": NOON,
    }
    found = CustomerFactory(**fits)
    for change in (
        {"first_name": "Jane"},
        {"tags": ["new"]},
        {"password": None},
        {"email_verified": False},
        {"created_at": NOON.replace(year=2024)},
        {"created_at": NOON.replace(year=2026)},
        {"tenant": TenantFactory()},
    ):
        CustomerFactory(**fits | change)
    DeletedCustomerFactory(**fits)
    assert listed(staff, query) == [found.pk]


def test_no_customers(staff):
    assert staff.get(CUSTOMERS).json() == {
        "items": [],
        "total": 0,
        "page": 1,
        "size": 20,
        "pages": 0,
        "approximate": False,
        "next": None,
    }


@pytest.mark.parametrize("role", ["super_admin", "tenant_admin", "outlet_manager", "staff"])
def test_all_staff_members_can_view_the_list(as_role, tenant, role):
    customer = CustomerFactory(tenant=tenant)
    assert listed(as_role(role)) == [customer.pk]


# --- order and pages -------------------------------------------------------------------------------------------------


def test_newest_first_then_id(staff, tenant):
    ids = created(tenant, *[NOON] * 5) + created(tenant, NOON + dt.timedelta(microseconds=1))
    assert listed(staff) == [ids[5], *sorted(ids[:5], reverse=True)]


def test_pages_of_every_size_hold_every_customer_once(staff, tenant):
    everyone = sorted(created(tenant, *[NOON] * 7), reverse=True)
    for size in (1, 2, 3, 7, 100):
        bodies, page = [], 1
        while not bodies or page <= bodies[-1]["pages"]:
            bodies.append(staff.get(f"{CUSTOMERS}?page={page}&size={size}").json())
            page += 1
        assert [item["id"] for body in bodies for item in body["items"]] == everyone
        for number, body in enumerate(bodies, 1):
            figures = {key: body[key] for key in ("total", "page", "size", "pages")}
            assert figures == {"total": 7, "page": number, "size": size, "pages": -(-7 // size)}


@pytest.mark.parametrize("page", [2, 100, 2**31 - 1])
def test_a_page_past_the_end_is_empty_with_the_true_total(staff, tenant, page):
    created(tenant, NOON, NOON, NOON)
    body = staff.get(f"{CUSTOMERS}?page={page}&size=100").json()
    assert body == {"items": [], "total": 3, "page": page, "size": 100, "pages": 1, "approximate": False, "next": None}


def walk(client, add, query=""):
    """The ids on each page of 3, while `add` adds a customer before every request but the first."""
    pages, number = [], 1
    while True:
        body = client.get(f"{CUSTOMERS}?size=3&page={number}&{query}").json()
        pages.append([item["id"] for item in body["items"]])
        if number >= body["pages"]:
            return pages
        number += 1
        add()


def test_paging_while_rows_are_added_skips_no_existing_row(staff, tenant):
    existing = created(tenant, *(NOON + dt.timedelta(seconds=n) for n in range(10)))
    seen = [pk for page in walk(staff, lambda: CustomerFactory(tenant=tenant)) for pk in page]
    assert [pk for pk in dict.fromkeys(seen) if pk in existing] == existing[::-1]


def test_paging_up_to_an_instant_neither_repeats_nor_skips_while_rows_are_added(staff, tenant):
    existing = created(tenant, *(NOON + dt.timedelta(milliseconds=300 * n) for n in range(10)))
    newest = staff.get(f"{CUSTOMERS}?size=1").json()["items"][0]["created_at"]
    pages = walk(staff, lambda: CustomerFactory(tenant=tenant), f"created_to={newest}")
    assert [pk for page in pages for pk in page] == existing[::-1]


def test_a_row_added_after_the_ids_were_found_changes_neither_page_nor_total(staff, tenant):
    existing = created(tenant, *[NOON] * 3)

    def added_after_the_ids(execute, sql, params, *context):
        result = execute(sql, params, *context)
        if CustomerMonthlyCounts._meta.db_table in expand_prepared(sql, params):
            CustomerFactory(tenant=tenant)
        return result

    with connection.execute_wrapper(added_after_the_ids):
        first = staff.get(f"{CUSTOMERS}?size=3").json()
    assert (first["total"], first["pages"]) == (3, 1)
    assert [item["id"] for item in first["items"]] == sorted(existing, reverse=True)
    assert listed(staff, "size=3&page=2") == [min(existing)]


@in_one_test("query", BAD)
def test_what_cannot_be_understood_is_refused_by_name(staff, tenant, query):
    CustomerFactory(tenant=tenant)
    assert faults(staff.get(f"{CUSTOMERS}?{query}")) == {query.partition("=")[0]}


def test_unknown_parameter_names_are_ignored(staff, tenant):
    assert listed(staff, "colour=blue&_=1&order_by=password&limit=0") == [] == listed(staff, "is_deleted=true")
    customer = CustomerFactory(tenant=tenant)
    assert listed(staff, "colour=blue&colour=red&is_deleted=false&password=x") == [customer.pk]


def test_empty_search_and_tags_are_none(staff, tenant):
    customer = CustomerFactory(tenant=tenant)
    assert listed(staff, "search=&tags=") == listed(staff, "search=+&tags=,+,") == [customer.pk]


# --- filters ---------------------------------------------------------------------------------------------------------


def test_tags_find_customers_with_any_of_them(staff, tenant):
    vip, regular, both = (
        CustomerFactory(tenant=tenant, tags=tags).pk for tags in (["vip"], ["regular"], ["vip", "regular"])
    )
    plain = CustomerFactory(tenant=tenant).pk
    assert set(listed(staff, "tags=vip")) == {vip, both}
    assert set(listed(staff, "tags=vip,regular")) == set(listed(staff, "tags=+VIP+,,Regular")) == {vip, regular, both}
    assert set(listed(staff, "tags=walk-in")) == {vip, regular, both, plain}
    assert listed(staff, "tags=vi") == listed(staff, "tags=%25") == listed(staff, "tags={vip}") == []


def test_registration_type_and_verification(staff, tenant):
    registered = CustomerFactory(tenant=tenant, password="hash", email_verified=True).pk
    # The tag does not tell: the password does.
    walk_in = CustomerFactory(tenant=tenant, tags=["self-registered"]).pk
    for name in ("has_password", "email_verified"):
        assert listed(staff, f"{name}=true") == listed(staff, f"{name}=1") == listed(staff, f"{name}=TRUE")
        assert listed(staff, f"{name}=true") == [registered]
        assert listed(staff, f"{name}=false") == listed(staff, f"{name}=0") == [walk_in]
    assert listed(staff, "has_password=true&email_verified=false") == []


@pytest.mark.parametrize(
    ("zone", "day", "first", "last"),
    [
        ("Asia/Jakarta", "2025-01-15", "2025-01-14T17:00:00Z", "2025-01-15T16:59:59.999999Z"),
        ("Europe/Oslo", "2025-01-15", "2025-01-14T23:00:00Z", "2025-01-15T22:59:59.999999Z"),
        # 23 hours, and 25.
        ("Europe/Oslo", "2025-03-30", "2025-03-29T23:00:00Z", "2025-03-30T21:59:59.999999Z"),
        ("Europe/Oslo", "2025-10-26", "2025-10-25T22:00:00Z", "2025-10-26T22:59:59.999999Z"),
        # Midnight does not exist, and exists twice.
        ("America/Santiago", "2025-09-07", "2025-09-07T04:00:00Z", "2025-09-08T02:59:59.999999Z"),
        ("America/Havana", "2025-11-02", "2025-11-02T04:00:00Z", "2025-11-03T04:59:59.999999Z"),
    ],
)
def test_date_bounds_are_whole_days_in_the_tenants_zone(as_role, zone, day, first, last):
    tenant = TenantFactory(time_zone=zone)
    staff = as_role("staff", tenant=tenant)
    first, last = dt.datetime.fromisoformat(first), dt.datetime.fromisoformat(last)
    moment = dt.timedelta(microseconds=1)
    before, at_first, at_last, after = created(tenant, first - moment, first, last, last + moment)
    assert listed(staff, f"created_from={day}&created_to={day}") == [at_last, at_first]
    assert listed(staff, f"created_from={day}") == [after, at_last, at_first]
    assert listed(staff, f"created_to={day}") == [at_last, at_first, before]


@in_one_test(
    "spelling",
    [
        "2025-06-01T12:00:00Z",
        "2025-06-01t12:00:00z",
        "2025-06-01T12:00Z",
        "2025-06-01T12:00:00.000Z",
        "2025-06-01T19:00:00%2B07:00",
        "2025-06-01T19:00:00+07:00",
        "2025-06-01T19:00:00%2B0700",
        "2025-06-01T19:00:00",
        "2025-06-02T11:59:00%2B23:59",
        "2025-05-31T20:01:00-15:59",
    ],
)
def test_an_instant_is_understood_too(staff, tenant, spelling):
    second = dt.timedelta(seconds=1)
    before, at, after = created(tenant, NOON - second, NOON, NOON + second)
    assert listed(staff, f"created_from={spelling}") == [after, at]
    assert listed(staff, f"created_to={spelling}") == [at, before]
    assert listed(staff, f"created_from={spelling}&created_to={spelling}") == [at]


def test_a_customer_is_found_by_the_created_at_that_the_api_shows(staff, tenant):
    """The API shows whole seconds, so a bound in whole seconds includes its whole second."""
    (pk,) = created(tenant, NOON.replace(microsecond=700_000))
    created_at = staff.get(f"{CUSTOMERS}/{pk}").json()["created_at"]
    assert listed(staff, f"created_from={created_at}&created_to={created_at}") == [pk]
    assert listed(staff, "created_to=2025-06-01T12:00:00.699999Z") == []


@pytest.mark.parametrize("zone", ["Asia/Jakarta", "America/Los_Angeles", "UTC", "Pacific/Kiritimati"])
def test_the_ends_of_the_calendar(as_role, zone):
    tenant = TenantFactory(time_zone=zone)
    staff = as_role("staff", tenant=tenant)
    (pk,) = created(tenant, NOON)
    assert listed(staff, "created_from=0001-01-01&created_to=9999-12-31") == [pk]
    assert listed(staff, "created_from=0001-01-01T00:00:00Z&created_to=9999-12-31T23:59:59Z") == [pk]
    assert listed(staff, "created_from=9999-12-31") == listed(staff, "created_to=0001-01-01") == []


# --- tenants ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("each_tenant_guard")
def test_a_super_admin_sees_all_tenants_and_narrows_with_tenant_id(super_admin, staff, tenant, other_tenant):
    ours, theirs = CustomerFactory(tenant=tenant, created_at=NOON), CustomerFactory(tenant=other_tenant, language="nb")
    body = super_admin.get(CUSTOMERS).json()
    assert body["items"] == [profile(theirs, preferences=preferences(language="nb")), profile(ours)]
    assert listed(super_admin, f"tenant_id={tenant.pk}") == [ours.pk]
    assert listed(super_admin, f"tenant_id={other_tenant.pk}") == [theirs.pk]
    assert listed(staff, f"tenant_id={tenant.pk}") == [ours.pk]
    assert staff.get(CUSTOMERS).json()["total"] == 1
    assert staff.get(f"{CUSTOMERS}?tenant_id={other_tenant.pk}").status_code == 403
    assert staff.get(f"{CUSTOMERS}?tenant_id={NO_SUCH_ID}").status_code == 403
    for wrong in (NO_SUCH_ID, "x", "", f"{tenant.pk}&tenant_id={tenant.pk}", "%00"):
        assert faults(super_admin.get(f"{CUSTOMERS}?tenant_id={wrong}")) == {"tenant_id"}


def test_a_day_is_in_utc_for_all_tenants_and_in_its_own_zone_for_one(super_admin, other_tenant):
    (pk,) = created(other_tenant, dt.datetime(2025, 1, 14, 23, 30, tzinfo=dt.UTC))
    assert listed(super_admin, "created_from=2025-01-14&created_to=2025-01-14") == [pk]
    assert listed(super_admin, f"created_from=2025-01-15&created_to=2025-01-15&tenant_id={other_tenant.pk}") == [pk]


@pytest.mark.slow("makes a hundred rows")
@pytest.mark.parametrize("role", ["staff", "super_admin"])
def test_the_same_number_of_queries_at_1_3_and_100_rows(as_role, tenant, role):
    client, service, counts = as_role(role), ServiceFactory(tenant=tenant), []
    attending = UserFactory(tenant=tenant).pk
    for more in (1, 2, 97):
        for _ in range(more):
            customer = CustomerFactory(tenant=tenant)
            AppointmentFactory(tenant=tenant, customer=customer, service=service, staff_id=attending)
            with tenant_scope(tenant):
                PreferredService.objects.create(customer=customer, service=service, position=0)
        with CaptureQueriesContext(connection) as queries:
            client.get(f"{CUSTOMERS}?size=100")
        counts.append(sum(query["sql"].lstrip().startswith(("SELECT", "WITH")) for query in queries))
    # One query for the user, one for the ids and the total, one for the profiles. A cluster finds the ids and the total of
    # all businesses in two.
    assert counts == [4 if role == "super_admin" and is_cluster() else 3] * 3


def test_updated_at_is_told_in_utc(staff, tenant):
    customer = CustomerFactory(tenant=tenant)
    assert staff.get(CUSTOMERS).json()["items"][0]["updated_at"] == instant(customer.updated_at)
