"""The lists of outlets, services and staff, and one of each."""

import datetime as dt
from urllib.parse import parse_qsl

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from appointments.tests.factories import WorkingHoursFactory
from circe.db.ids import new_id
from customers.tests.bodies import NO_SUCH_ID, instant
from tenants.models import Outlet, Service, User
from tenants.scope import ALL_TENANTS, tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, ServiceStaffFactory, UserFactory

OUTLETS, SERVICES, STAFF = "/api/v1/outlets", "/api/v1/services", "/api/v1/staff"


def names(answer):
    assert answer.status_code == 200, answer.content
    return [item["name"] for item in answer.json()["items"]]


def test_an_outlet(staff, tenant):
    kemang = OutletFactory(tenant=tenant, name="Kemang", address="Jl. Kemang Selatan 12")
    shown = {
        "id": kemang.pk,
        "tenant_id": tenant.pk,
        "name": "Kemang",
        "address": "Jl. Kemang Selatan 12",
        "is_active": True,
        "created_at": instant(kemang.created_at),
        "updated_at": instant(kemang.updated_at),
    }
    one = staff.get(f"{OUTLETS}/{kemang.pk}")
    assert (one.status_code, one.json()) == (200, shown)
    assert one.headers["ETag"]
    assert staff.get(OUTLETS).json() == {"items": [shown], "total": 1, "page": 1, "size": 20, "pages": 1}
    assert staff.get(f"{OUTLETS}?page=2").json() == {"items": [], "total": 1, "page": 2, "size": 20, "pages": 1}


def test_a_service(staff, tenant):
    cut = ServiceFactory(tenant=tenant, name="Cut", category="", buffer_minutes=10)
    rina = UserFactory(tenant=tenant)
    ServiceStaffFactory(tenant=tenant, service=cut, staff_id=rina.pk)
    shown = {
        "id": cut.pk,
        "tenant_id": tenant.pk,
        "name": "Cut",
        "category": None,
        "duration_minutes": 60,
        "buffer_minutes": 10,
        "price": 350000,
        "currency": "IDR",
        "is_active": True,
        "staff_ids": [rina.pk],
        "rebooking_days": None,
        "created_at": instant(cut.created_at),
        "updated_at": instant(cut.updated_at),
    }
    assert staff.get(f"{SERVICES}/{cut.pk}").json() == shown
    assert staff.get(SERVICES).json()["items"] == [shown]


def test_a_member_of_staff(staff, tenant):
    rina = UserFactory(tenant=tenant, role="outlet_manager", first_name="Rina", last_name="Wijaya")
    kemang, closed = OutletFactory(tenant=tenant), OutletFactory(tenant=tenant, is_active=False)
    for outlet, weekday in ((kemang, 0), (kemang, 1), (closed, 2)):
        WorkingHoursFactory(tenant=tenant, staff_id=rina.pk, outlet=outlet, weekday=weekday)
    everybodys, hers, of_another, inactive = (
        ServiceFactory(tenant=tenant, is_active=is_active) for is_active in (True, True, True, False)
    )
    ServiceStaffFactory(tenant=tenant, service=hers, staff_id=rina.pk)
    ServiceStaffFactory(tenant=tenant, service=of_another, staff_id=staff.user.pk)
    ServiceStaffFactory(tenant=tenant, service=inactive, staff_id=rina.pk)
    shown = {
        "id": rina.pk,
        "tenant_id": tenant.pk,
        "name": "Rina Wijaya",
        "role": "outlet_manager",
        "is_active": True,
        "outlet_ids": [kemang.pk],
        "service_ids": sorted([everybodys.pk, hers.pk]),
    }
    assert staff.get(f"{STAFF}/{rina.pk}").json() == shown
    assert shown in staff.get(STAFF).json()["items"]


def test_a_person_without_a_name_has_no_name_and_shows_no_e_mail(staff, tenant):
    nameless = UserFactory(tenant=tenant, first_name="", last_name="", email="secret@example.com")
    answer = staff.get(f"{STAFF}/{nameless.pk}")
    assert answer.json()["name"] is None
    assert b"secret" not in answer.content + staff.get(STAFF).content


def test_the_newest_is_first(staff, tenant):
    for name in "ABC":
        OutletFactory(tenant=tenant, name=name, created_at=dt.datetime(2025, 1, ord(name) - 64, tzinfo=dt.UTC))
    assert names(staff.get(OUTLETS)) == ["C", "B", "A"]
    assert names(staff.get(f"{OUTLETS}?size=2&page=2")) == ["A"]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", ["Ågot Öl", "O'Brien", "Smith-Jones", "100% Spa"]),
        ("agot", ["Ågot Öl"]),
        ("ÅGO", ["Ågot Öl"]),
        ("go", []),
        ("ol ag", ["Ågot Öl"]),
        ("obrien", ["O'Brien"]),
        ("o’brien", ["O'Brien"]),
        ("smithjones", ["Smith-Jones"]),
        ("jones", ["Smith-Jones"]),
        ("100%25", ["100% Spa"]),
        ("%25", []),
        ("_", []),
        ("spa+nothing", []),
    ],
)
@pytest.mark.parametrize("path", [OUTLETS, SERVICES, STAFF])
def test_the_search_finds_parts_of_names_without_case_accents_and_punctuation(path, search, found, staff, tenant):
    for name in ("Ågot Öl", "O'Brien", "Smith-Jones", "100% Spa"):
        match path:
            case "/api/v1/outlets":
                OutletFactory(tenant=tenant, name=name)
            case "/api/v1/services":
                ServiceFactory(tenant=tenant, name=name)
            case _:
                first, _, last = name.rpartition(" ")
                UserFactory(tenant=tenant, first_name=first, last_name=last)
    others = {staff.user.full_name}
    assert set(names(staff.get(f"{path}?search={search}"))) - others == set(found)


@pytest.mark.parametrize(("path", "make"), [(OUTLETS, OutletFactory), (SERVICES, ServiceFactory), (STAFF, UserFactory)])
def test_is_active_tells_what_is_on_offer_from_what_is_not(path, make, staff, tenant):
    on, off = (make(tenant=tenant, is_active=is_active) for is_active in (True, False))
    ids = {
        active: {item["id"] for item in staff.get(f"{path}?is_active={active}").json()["items"]}
        for active in ("true", "false")
    }
    assert ids["false"] == {off.pk}
    assert on.pk in ids["true"]
    assert off.pk not in ids["true"]


def test_services_of_a_category_whatever_its_case(staff, tenant):
    for name, category in (("Cut", "Hår"), ("Massage", "massage"), ("Other", "")):
        ServiceFactory(tenant=tenant, name=name, category=category)
    assert names(staff.get(f"{SERVICES}?category=hår")) == ["Cut"]
    assert names(staff.get(f"{SERVICES}?category=h")) == []


@pytest.fixture
def salon(tenant):
    """Two people at two outlets, another without hours, and services of some of them."""
    people = {name: UserFactory(tenant=tenant, first_name=name, last_name="") for name in ("Ana", "Ben", "Cid")}
    outlets = {name: OutletFactory(tenant=tenant, name=name) for name in ("North", "South", "Empty")}
    for person, outlet in (("Ana", "North"), ("Ben", "South")):
        WorkingHoursFactory(tenant=tenant, staff_id=people[person].pk, outlet=outlets[outlet])
    services = {name: ServiceFactory(tenant=tenant, name=name) for name in ("Everybody's", "Ana's", "Cid's", "Both's")}
    for service, who in (("Ana's", ["Ana"]), ("Cid's", ["Cid"]), ("Both's", ["Ana", "Ben"])):
        for person in who:
            ServiceStaffFactory(tenant=tenant, service=services[service], staff_id=people[person].pk)
    ServiceStaffFactory(
        tenant=tenant, service=ServiceFactory(tenant=tenant, is_active=False), staff_id=people["Ana"].pk
    )
    return people | outlets | services


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("services?staff_id=Ana", {"Everybody's", "Ana's", "Both's"}),
        ("services?staff_id=Ben", {"Everybody's", "Both's"}),
        ("services?staff_id=Cid", {"Everybody's", "Cid's"}),
        ("services?outlet_id=North", {"Everybody's", "Ana's", "Both's"}),
        ("services?outlet_id=South", {"Everybody's", "Both's"}),
        ("services?outlet_id=Empty", set()),
        ("services?outlet_id=North&staff_id=Ben", {"Everybody's", "Both's"}),
        ("services?outlet_id=North&search=ana", {"Ana's"}),
        ("staff?outlet_id=North", {"Ana"}),
        ("staff?outlet_id=Empty", set()),
        ("staff?service_id=Ana's", {"Ana"}),
        ("staff?service_id=Both's", {"Ana", "Ben"}),
        ("staff?service_id=Both's&outlet_id=South", {"Ben"}),
        ("staff?service_id=Everybody's&search=c", {"Cid"}),
    ],
)
def test_who_offers_what_and_where(query, found, salon, staff):
    path, _, parameters = query.partition("?")
    named = {name: salon[value].pk if value in salon else value for name, value in parse_qsl(parameters)}
    assert set(names(staff.get(f"/api/v1/{path}", named))) == found


def test_the_filters_say_what_the_rows_say(salon, staff):
    people = staff.get(f"{STAFF}?size=100").json()["items"]
    services = [row for row in salon.values() if isinstance(row, Service)]
    for person in people:
        listed = staff.get(f"{SERVICES}?staff_id={person['id']}").json()["items"]
        assert sorted(item["id"] for item in listed) == person["service_ids"]
    for service in services:
        listed = staff.get(f"{STAFF}?service_id={service.pk}&size=100").json()["items"]
        assert {item["id"] for item in listed} == {one["id"] for one in people if service.pk in one["service_ids"]}
    for outlet in (row for row in salon.values() if isinstance(row, Outlet)):
        listed = staff.get(f"{STAFF}?outlet_id={outlet.pk}").json()["items"]
        assert {item["id"] for item in listed} == {one["id"] for one in people if outlet.pk in one["outlet_ids"]}


def take_off_offer(model, row):
    with tenant_scope(ALL_TENANTS):
        model.objects.filter(pk=row.pk).update(is_active=False)


def test_what_is_off_offer_is_offered_by_nobody(salon, staff):
    take_off_offer(Outlet, salon["North"])
    take_off_offer(Service, salon["Ana's"])
    assert names(staff.get(f"{SERVICES}?outlet_id={salon['North'].pk}")) == []
    assert names(staff.get(f"{STAFF}?outlet_id={salon['North'].pk}")) == []
    hers = salon["Ana's"].pk
    assert names(staff.get(f"{STAFF}?service_id={hers}")) == []
    assert "Ana's" not in names(staff.get(f"{SERVICES}?staff_id={salon['Ana'].pk}"))
    take_off_offer(User, salon["Ben"])
    assert names(staff.get(f"{SERVICES}?outlet_id={salon['South'].pk}")) == []


@pytest.mark.parametrize(
    ("utc", "works"),
    [("2025-03-31T16:59:59Z", True), ("2025-03-31T17:00:00Z", False)],
)
def test_hours_are_over_by_the_day_of_the_business(utc, works, as_role, super_admin, tenant):
    """It is midnight in Jakarta at 17:00 UTC. The hours end with 31 March."""
    hours = WorkingHoursFactory(tenant=tenant, valid_to=dt.date(2025, 3, 31))
    with time_machine.travel(utc, tick=False):
        clients = as_role("staff"), as_role("super_admin")
        for client in clients:
            shown = client.get(f"{STAFF}/{hours.staff_id}").json()
            assert shown["outlet_ids"] == ([hours.outlet_id] if works else [])
            listed = client.get(f"{STAFF}?outlet_id={hours.outlet_id}").json()
            assert listed["total"] == int(works)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("outlets?page=0", "page"),
        ("outlets?is_active=banana", "is_active"),
        ("outlets?is_active=", "is_active"),
        ("outlets?search=a&search=b", "search"),
        ("outlets?search=" + "a" * 101, "search"),
        ("services?category=", "category"),
        ("services?staff_id=", "staff_id"),
        ("services?staff_id=x", "staff_id"),
        (f"services?staff_id={NO_SUCH_ID}", "staff_id"),
        (f"services?outlet_id={NO_SUCH_ID}", "outlet_id"),
        (f"staff?outlet_id={NO_SUCH_ID.upper()}", "outlet_id"),
        (f"staff?service_id={NO_SUCH_ID}&service_id={NO_SUCH_ID}", "service_id"),
        ("staff?service_id=%00", "service_id"),
    ],
)
def test_a_parameter_that_is_not_valid_is_a_400_that_names_it(query, field, staff):
    answer = staff.get(f"/api/v1/{query}")
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field] * len(answer.json()["errors"])


def test_unknown_parameters_are_ignored(staff, tenant):
    OutletFactory(tenant=tenant)
    assert staff.get(f"{OUTLETS}?colour=red&category=x").json()["total"] == 1


@pytest.mark.parametrize("path", [OUTLETS, SERVICES, STAFF])
def test_other_businesses_do_not_exist(path, each_tenant_guard, staff, super_admin, tenant, other_tenant):
    make = {OUTLETS: OutletFactory, SERVICES: ServiceFactory, STAFF: UserFactory}[path]
    own, foreign = make(tenant=tenant), make(tenant=other_tenant)
    listed = {item["id"] for item in staff.get(path).json()["items"]}
    assert own.pk in listed
    assert foreign.pk not in listed
    absent, hidden = (staff.get(f"{path}/{pk}") for pk in (new_id(), foreign.pk))
    assert (hidden.status_code, hidden.content) == (404, absent.content)
    of_all = super_admin.get(path).json()["items"]
    assert {own.pk, foreign.pk} <= {item["id"] for item in of_all}
    assert {item["tenant_id"] for item in of_all} == {tenant.pk, other_tenant.pk}
    narrowed = super_admin.get(f"{path}?tenant_id={other_tenant.pk}").json()["items"]
    assert {item["tenant_id"] for item in narrowed} == {other_tenant.pk}


def test_a_service_that_names_nobody_is_offered_by_its_own_business_alone(super_admin, tenant, other_tenant):
    own, theirs = (ServiceFactory(tenant=business, name=business.name) for business in (tenant, other_tenant))
    ana, bea = (UserFactory(tenant=business, first_name=business.name) for business in (tenant, other_tenant))
    for service, person in ((own, ana), (theirs, bea)):
        assert names(super_admin.get(f"{SERVICES}?staff_id={person.pk}")) == [service.name]
        listed = super_admin.get(f"{STAFF}?service_id={service.pk}").json()["items"]
        assert {item["tenant_id"] for item in listed} == {service.tenant_id}


def test_a_super_admin_is_not_staff(super_admin, tenant):
    UserFactory(tenant=tenant)
    assert super_admin.get(STAFF).json()["total"] == 1
    assert super_admin.get(f"{STAFF}/{super_admin.user.pk}").status_code == 404
    assert super_admin.get(f"{SERVICES}?staff_id={super_admin.user.pk}").status_code == 400


@pytest.mark.parametrize("query", ["outlets", "services", "staff", "services?staff_id={}", "staff?search=rina"])
def test_a_list_sends_as_many_queries_for_many_rows_as_for_few(query, staff, tenant):
    url = f"/api/v1/{query.format(staff.user.pk)}"

    def count_queries():
        with CaptureQueriesContext(connection) as queries:
            assert staff.get(f"{url}{'&' if '?' in url else '?'}size=100").json()["items"]
        return len(queries)

    def add():
        service, hours = ServiceFactory(tenant=tenant), WorkingHoursFactory(tenant=tenant)
        ServiceStaffFactory(tenant=tenant, service=service, staff_id=staff.user.pk)
        ServiceStaffFactory(tenant=tenant, service=service, staff_id=hours.staff_id)

    add()
    few = count_queries()
    for _ in range(5):
        add()
    # Who asks, the row that a parameter names, the count, the page.
    assert few == count_queries() == (4 if "_id=" in query else 3)
