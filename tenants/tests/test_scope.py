"""The tenant boundary in the code: nothing outside a scope, one's own rows inside."""

import threading

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Count, Exists, OuterRef, Q, Subquery

from appointments.tests.factories import AppointmentFactory
from circe.db.ids import new_id
from circe.db.roles import as_owner
from circe.tests.cases import in_one_test
from customers.models import Customer
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from tenants.models import Outlet, Staff, Tenant, User
from tenants.scope import (
    ALL_TENANTS,
    CrossTenantWrite,
    NoTenantScope,
    current_scope,
    current_tenant,
    current_tenant_id,
    tenant_scope,
)
from tenants.tests.factories import OutletFactory, UserFactory

LIST = "/api/v1/customers"

# Made when the module is imported, long before there is a tenant, as in a viewset.
AT_IMPORT = Outlet.objects.order_by("name")


@pytest.fixture
def ours(tenant):
    return OutletFactory(tenant=tenant, name="Ours")


@pytest.fixture
def theirs(other_tenant):
    return OutletFactory(tenant=other_tenant, name="Theirs")


@pytest.fixture
def both(ours, theirs):
    return ours, theirs


QUERIES = {
    "iteration": lambda: list(Outlet.objects.all()),
    "iterator": lambda: list(Outlet.objects.iterator()),
    "get": lambda: Outlet.objects.get(pk=new_id()),
    "get by name": lambda: Outlet.objects.get(name="Ours"),
    "first": lambda: Outlet.objects.first(),
    "latest": lambda: Outlet.objects.latest("created_at"),
    "count": lambda: Outlet.objects.count(),
    "len": lambda: len(Outlet.objects.all()),
    "bool": lambda: bool(Outlet.objects.all()),
    "slice": lambda: Outlet.objects.all()[0],
    "exists": lambda: Outlet.objects.exists(),
    "contains": lambda: Outlet.objects.contains(Outlet(pk=new_id())),
    "exclude exists": lambda: Outlet.objects.exclude(name="x").exists(),
    "exclude own": lambda: list(Outlet.objects.exclude(tenant_id=new_id())),
    "explain": lambda: Outlet.objects.all().explain(),
    "aggregate": lambda: Outlet.objects.aggregate(n=Count("pk")),
    "annotate": lambda: list(Outlet.objects.annotate(n=Count("pk"))),
    "values": lambda: list(Outlet.objects.values("name")),
    "values_list": lambda: list(Outlet.objects.values_list("name", flat=True)),
    "distinct": lambda: list(Outlet.objects.distinct()),
    "only": lambda: list(Outlet.objects.only("name")),
    "dates": lambda: list(Outlet.objects.dates("created_at", "year")),
    "order_by": lambda: list(Outlet.objects.order_by("-name").reverse()),
    "or": lambda: list(Outlet.objects.filter(name="x") | Outlet.objects.exclude(name="x")),
    "and": lambda: list(Outlet.objects.all() & Outlet.objects.all()),
    "Q or": lambda: list(Outlet.objects.filter(Q(name="x") | ~Q(name="x"))),
    "union": lambda: list(Outlet.objects.all().union(Outlet.objects.all())),
    "intersection": lambda: list(Outlet.objects.all().intersection(Outlet.objects.all())),
    "difference": lambda: list(Outlet.objects.all().difference(Outlet.objects.filter(name="x"))),
    "in_bulk": lambda: Outlet.objects.in_bulk([new_id()]),
    "in_bulk of all": lambda: Outlet.objects.in_bulk(),
    "select_for_update": lambda: list(Outlet.objects.select_for_update()),
    "update": lambda: Outlet.objects.update(name="Mine"),
    "delete": lambda: Outlet.objects.all().delete(),
    "delete one": lambda: Outlet.objects.filter(pk=new_id()).delete(),
    "bulk_update": lambda: Outlet.objects.bulk_update([Outlet(pk=new_id(), name="Mine")], ["name"]),
    "create": lambda: Outlet.objects.create(name="Mine"),
    "bulk_create": lambda: Outlet.objects.bulk_create([Outlet(name="Mine")]),
    "get_or_create": lambda: Outlet.objects.get_or_create(name="Mine"),
    "update_or_create": lambda: Outlet.objects.update_or_create(name="Mine"),
    "save": lambda: Outlet(name="Mine", tenant_id=new_id()).save(),
    "using": lambda: list(Outlet.objects.using("default")),
    "all.all": lambda: list(Outlet.objects.all().all()),
    "default manager": lambda: list(Outlet._default_manager.all()),
    "queryset class": lambda: list(Customer.objects.undeleted()),
    "proxy": lambda: list(Staff.objects.all()),
    "Exists": lambda: list(Tenant.objects.filter(Exists(Outlet.objects.filter(tenant=OuterRef("pk"))))),
    "not Exists": lambda: list(Tenant.objects.filter(~Exists(Outlet.objects.filter(tenant=OuterRef("pk"))))),
    "Subquery": lambda: list(Tenant.objects.annotate(name_=Subquery(Outlet.objects.values("name")[:1]))),
    "in a subquery": lambda: list(Tenant.objects.filter(pk__in=Outlet.objects.values("tenant"))),
    "in excluded": lambda: list(Tenant.objects.filter(pk__in=Outlet.objects.exclude(name="x").values("tenant"))),
    "not in a subquery": lambda: list(Tenant.objects.exclude(pk__in=Outlet.objects.values("tenant"))),
    "made at import": lambda: list(AT_IMPORT.all()),
    "raw": lambda: list(Outlet.objects.all().values_list().query.get_compiler("default").as_sql()),
}  # fmt: skip


@in_one_test("name", QUERIES)
def test_outside_a_scope_nothing_runs(name, both):
    with pytest.raises(NoTenantScope), transaction.atomic():
        QUERIES[name]()
    with tenant_scope(ALL_TENANTS):
        assert list(Outlet.objects.values_list("name", flat=True)) == ["Ours", "Theirs"]


def test_outside_a_scope_no_related_manager_runs(tenant):
    customer = CustomerFactory(tenant=tenant)
    with pytest.raises(NoTenantScope):
        list(customer.appointments.all())
    with pytest.raises(NoTenantScope):
        customer.appointments.update(notes="Mine")
    with pytest.raises(NoTenantScope):
        list(Customer.objects.prefetch_related("appointments"))


def test_outside_a_scope_there_is_none():
    for question in (current_scope, current_tenant, current_tenant_id):
        with pytest.raises(NoTenantScope):
            question()


def test_inside_one_sees_ones_own(both, tenant, other_tenant):
    for scope, names in ((tenant, ["Ours"]), (other_tenant, ["Theirs"]), (ALL_TENANTS, ["Ours", "Theirs"])):
        with tenant_scope(scope):
            assert list(Outlet.objects.values_list("name", flat=True)) == names
            assert list(AT_IMPORT.values_list("name", flat=True)) == names
            assert list(Outlet.objects.exclude(name="x").values_list("name", flat=True)) == names
            assert Outlet.objects.count() == Outlet.objects.aggregate(n=Count("pk"))["n"] == len(names)
            assert Tenant.objects.filter(pk__in=Outlet.objects.values("tenant")).count() == len(names)
            assert Tenant.objects.exclude(pk__in=Outlet.objects.values("tenant")).count() == 0
            assert Tenant.objects.filter(~Exists(Outlet.objects.filter(tenant=OuterRef("pk")))).count() == 0
            assert sorted(outlet.name for outlet in Outlet.objects.in_bulk().values()) == names
            assert (
                list((Outlet.objects.filter(name="x") | Outlet.objects.all()).values_list("name", flat=True)) == names
            )
            assert sorted(row["name"] for row in Outlet.objects.values("name").union(AT_IMPORT.values("name"))) == names


def test_the_row_of_another_is_out_of_reach(both, in_scope, theirs):
    assert not Outlet.objects.filter(pk=theirs.pk).exists()
    assert Outlet.objects.filter(pk=theirs.pk).update(name="Mine") == 0
    assert Outlet.objects.filter(pk=theirs.pk).delete() == (0, {})
    assert Outlet.objects.in_bulk([theirs.pk]) == {}
    with pytest.raises(Outlet.DoesNotExist):
        Outlet.objects.get(pk=theirs.pk)
    with tenant_scope(ALL_TENANTS):
        theirs.refresh_from_db()
    assert theirs.name == "Theirs"


def test_a_related_manager_is_scoped(tenant, other_tenant):
    visit = AppointmentFactory(tenant=other_tenant)
    with tenant_scope(other_tenant):
        assert visit.customer.appointments.count() == 1
    with tenant_scope(tenant):
        assert visit.customer.appointments.count() == 0


@pytest.mark.usefixtures("each_tenant_guard")
def test_staff_are_the_people_of_the_tenant(tenant, other_tenant):
    ours, theirs = UserFactory(tenant=tenant), UserFactory(tenant=other_tenant)
    with tenant_scope(tenant):
        assert [person.pk for person in Staff.objects.all()] == [ours.pk]
    assert set(User.objects.values_list("pk", flat=True)) == {ours.pk, theirs.pk}


def test_a_queryset_follows_the_scope_in_which_it_runs(both, tenant, other_tenant):
    with tenant_scope(tenant):
        outlets = Outlet.objects.all()
    with tenant_scope(other_tenant):
        assert [outlet.name for outlet in outlets] == ["Theirs"]


def test_scopes_nest(tenant, other_tenant):
    with tenant_scope(tenant):
        with tenant_scope(other_tenant):
            assert current_tenant() == other_tenant
            with tenant_scope(ALL_TENANTS):
                assert (current_tenant(), current_tenant_id()) == (None, None)
            with tenant_scope(None), pytest.raises(NoTenantScope):
                current_scope()
            assert current_tenant() == other_tenant
        assert current_tenant_id() == tenant.pk


def test_an_exception_closes_the_scope(tenant):
    with pytest.raises(ZeroDivisionError), tenant_scope(tenant):
        raise ZeroDivisionError
    with pytest.raises(NoTenantScope):
        current_scope()


def test_a_thread_does_not_inherit_the_scope(in_scope):
    found = []

    def run():
        try:
            found.append(current_scope())
        except NoTenantScope as error:
            found.append(type(error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [NoTenantScope]


def test_what_is_created_belongs_to_the_tenant(in_scope, other_tenant):
    assert Outlet.objects.create(name="New").tenant_id == in_scope.pk
    for foreign in ({"tenant": other_tenant}, {"tenant_id": other_tenant.pk}):
        with pytest.raises(CrossTenantWrite):
            Outlet.objects.create(name="New", **foreign)
        with pytest.raises(CrossTenantWrite):
            Outlet.objects.update_or_create(name="New one", defaults=foreign)


def test_no_row_is_saved_into_another_scope(ours, theirs, tenant, other_tenant):
    with tenant_scope(tenant):
        theirs.name = "Mine"
        with pytest.raises(CrossTenantWrite):
            theirs.save()
        ours.tenant = other_tenant
        with pytest.raises(CrossTenantWrite):
            ours.save()
        with pytest.raises(CrossTenantWrite):
            ours.save(update_fields=["tenant"])


def test_in_the_scope_of_every_tenant_a_new_row_names_its_own(other_tenant):
    with tenant_scope(ALL_TENANTS):
        assert Outlet.objects.create(name="New", tenant=other_tenant).tenant_id == other_tenant.pk
        with pytest.raises(IntegrityError), transaction.atomic():
            Outlet.objects.create(name="New")


class TestDoors:
    """The token opens the scope of a request, and the end of the request closes it."""

    def test_closed_after_a_request(self, staff, super_admin):
        for client in (staff, super_admin):
            assert client.get(LIST).status_code == 200
            with pytest.raises(NoTenantScope):
                current_scope()

    def test_closed_after_a_refusal(self, staff):
        assert staff.get(f"{LIST}/statistics/summary").status_code == 403
        with pytest.raises(NoTenantScope):
            current_scope()

    def test_closed_after_a_crash(self, staff, tenant):
        CustomerFactory(tenant=tenant)
        with as_owner(), connection.cursor() as cursor:
            cursor.execute("ALTER TABLE customers_customer RENAME COLUMN first_name TO forename")
        assert staff.get(LIST).status_code == 500
        with pytest.raises(NoTenantScope):
            current_scope()

    def test_a_request_does_not_see_the_scope_around_it(self, in_scope, anonymous, as_role, other_tenant):
        assert as_role("staff", tenant=other_tenant).get(LIST).json()["total"] == 0
        assert anonymous.get(LIST).status_code == 401
        assert current_tenant() == in_scope

    def test_one_client_after_the_other(self, as_role, tenant, other_tenant):
        CustomerFactory(tenant=tenant, first_name="Ours")
        CustomerFactory(tenant=other_tenant, first_name="Theirs")
        ours, theirs = as_role("staff"), as_role("staff", tenant=other_tenant)
        for client, name in ((ours, "Ours"), (theirs, "Theirs")) * 2:
            assert [item["first_name"] for item in client.get(LIST).json()["items"]] == [name]


class TestNarrowing:
    """A super_admin sees all, and narrows with ?tenant_id=."""

    @pytest.fixture
    def people(self, tenant, other_tenant):
        CustomerFactory(tenant=tenant, first_name="Ours")
        CustomerFactory(tenant=other_tenant, first_name="Theirs")
        DeletedCustomerFactory(tenant=other_tenant, first_name="Gone")

    @pytest.fixture
    def names(self, people):
        def get(client, query=""):
            return sorted(item["first_name"] for item in client.get(LIST + query).json()["items"])

        return get

    def test_all(self, super_admin, names):
        assert names(super_admin) == ["Ours", "Theirs"]

    def test_one(self, super_admin, names, tenant, other_tenant):
        assert names(super_admin, f"?tenant_id={tenant.pk}") == ["Ours"]
        assert names(super_admin, f"?tenant_id={other_tenant.pk}") == ["Theirs"]

    def test_a_suspended_one(self, super_admin, names, other_tenant):
        other_tenant.is_active = False
        other_tenant.save()
        assert names(super_admin, f"?tenant_id={other_tenant.pk}") == ["Theirs"]

    def test_the_row_of_another_than_named(self, super_admin, tenant, other_tenant):
        theirs = CustomerFactory(tenant=other_tenant)
        assert super_admin.get(f"{LIST}/{theirs.pk}?tenant_id={other_tenant.pk}").status_code == 200
        for suffix in ("", "/appointments"):
            assert super_admin.get(f"{LIST}/{theirs.pk}{suffix}?tenant_id={tenant.pk}").status_code == 404
        for send in (super_admin.put, super_admin.delete):
            assert send(f"{LIST}/{theirs.pk}?tenant_id={tenant.pk}", {}).status_code == 404

    @pytest.mark.parametrize(
        "value", ["507f1f77bcf86cd799439011", "", "x", "%00", "null", "None", "507F1F77BCF86CD799439011", "*"]
    )
    def test_none_that_exists(self, value, super_admin, people):
        answer = super_admin.get(f"{LIST}?tenant_id={value}")
        assert answer.status_code == 400
        assert [fault["field"] for fault in answer.json()["errors"]] == ["tenant_id"]

    def test_twice(self, super_admin, people, tenant, other_tenant):
        for other in (tenant, other_tenant):
            answer = super_admin.get(f"{LIST}?tenant_id={tenant.pk}&tenant_id={other.pk}")
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "tenant_id")

    @pytest.mark.parametrize("role", ["tenant_admin", "outlet_manager", "staff"])
    def test_everybody_else_sees_their_own(self, role, as_role, names, tenant, other_tenant):
        client = as_role(role)
        assert names(client) == names(client, f"?tenant_id={tenant.pk}") == ["Ours"]
        refusals = [
            client.get(f"{LIST}?tenant_id={other}")
            for other in (other_tenant.pk, new_id(), "", "x", tenant.pk.upper() + "0")
        ]
        assert {answer.status_code for answer in refusals} == {403}
        assert len({answer.content for answer in refusals}) == 1
        assert client.get(f"{LIST}?tenant_id={tenant.pk}&tenant_id={other_tenant.pk}").status_code == 400

    def test_other_names_of_it_are_not_known(self, staff, names, other_tenant):
        for name in ("tenant", "tenant_id[]", "TENANT_ID", "tenantId", "tenant_id%00", "scope"):
            assert names(staff, f"?{name}={other_tenant.pk}") == ["Ours"]
        for header in ("X-Tenant-Id", "X-Tenant"):
            answer = staff.get(LIST, headers={header: other_tenant.pk})
            assert [item["first_name"] for item in answer.json()["items"]] == ["Ours"]

    def test_a_body_does_not_open_another(self, staff, other_tenant):
        body = {"first_name": "Jane", "phone": "+1234567890", "tenant_id": other_tenant.pk}
        assert staff.post(LIST, body).status_code == 403
        with tenant_scope(ALL_TENANTS):
            assert Customer.objects.count() == 0
