"""Outlets and services are created and changed, and nothing is deleted."""

import threading

import pytest
from django.db import connection

from appointments.availability import find_slots
from appointments.tests.factories import AppointmentFactory, WorkingHoursFactory
from circe.api.local_time import to_local
from circe.db.ids import new_id
from tenants.models import AuditEvent, Service, ServiceStaff
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, ServiceStaffFactory, UserFactory

OUTLETS, SERVICES, STAFF = "/api/v1/outlets", "/api/v1/services", "/api/v1/staff"
CUT = {"name": "Cut", "duration_minutes": 60, "price": 350000}
BODIES = {OUTLETS: {"name": "Kemang"}, SERVICES: CUT}
MAKE = {OUTLETS: OutletFactory, SERVICES: ServiceFactory}


def refusal(answer):
    return answer.status_code, answer.json()["code"], [error["field"] for error in answer.json().get("errors", ())]


def test_an_outlet_is_created(admin, tenant):
    answer = admin.post(OUTLETS, {"name": " Kemang ", "address": "Jl. Kemang Selatan 12"})
    assert answer.status_code == 201, answer.content
    created = answer.json()
    assert created | {"id": 0, "created_at": 0, "updated_at": 0} == {
        "id": 0,
        "tenant_id": tenant.pk,
        "name": "Kemang",
        "address": "Jl. Kemang Selatan 12",
        "is_active": True,
        "created_at": 0,
        "updated_at": 0,
    }
    assert answer.headers["Location"] == f"{OUTLETS}/{created['id']}"
    again = admin.get(answer.headers["Location"])
    assert (again.json(), again.headers["ETag"]) == (created, answer.headers["ETag"])


def test_a_service_is_created_with_everything(admin, tenant):
    rina, ana = (UserFactory(tenant=tenant) for _ in range(2))
    body = CUT | {
        "category": "hair",
        "buffer_minutes": 15,
        "rebooking_days": 30,
        "is_active": False,
        "staff_ids": [ana.pk, rina.pk, ana.pk],
    }
    answer = admin.post(SERVICES, body)
    assert answer.status_code == 201, answer.content
    assert answer.json().items() >= (body | {"currency": "IDR", "staff_ids": sorted([ana.pk, rina.pk])}).items()
    assert admin.get(answer.headers["Location"]).json() == answer.json()


def test_what_a_body_leaves_out_has_its_default(admin):
    shown = admin.post(SERVICES, CUT).json()
    assert {
        name: shown[name] for name in ("category", "buffer_minutes", "rebooking_days", "is_active", "staff_ids")
    } == {
        "category": None,
        "buffer_minutes": 0,
        "rebooking_days": None,
        "is_active": True,
        "staff_ids": [],
    }


@pytest.mark.parametrize("method", ["put", "patch"])
def test_an_update_changes_the_given_keys_only(method, admin, tenant):
    rina = UserFactory(tenant=tenant)
    cut = ServiceFactory(tenant=tenant, name="Cut", buffer_minutes=10, rebooking_days=30)
    ServiceStaffFactory(tenant=tenant, service=cut, staff_id=rina.pk)
    before = admin.get(f"{SERVICES}/{cut.pk}")
    after = getattr(admin, method)(f"{SERVICES}/{cut.pk}", {"price": 400000})
    changed = {"price": 400000, "updated_at": after.json()["updated_at"]}
    assert (after.status_code, after.json()) == (200, before.json() | changed)
    assert after.headers["ETag"] != before.headers["ETag"]
    assert admin.get(f"{SERVICES}/{cut.pk}").json() == after.json()


def test_null_and_an_empty_text_clear_a_value(admin, tenant):
    cut = ServiceFactory(tenant=tenant, category="hair", rebooking_days=30)
    kemang = OutletFactory(tenant=tenant, address="Jl. Kemang")
    for empty in (None, ""):
        shown = admin.put(
            f"{SERVICES}/{cut.pk}", {"category": empty, "rebooking_days": empty, "staff_ids": empty}
        ).json()
        assert (shown["category"], shown["rebooking_days"], shown["staff_ids"]) == (None, None, [])
        assert admin.put(f"{OUTLETS}/{kemang.pk}", {"address": empty}).json()["address"] is None


def test_staff_ids_replace_those_before_and_only_the_difference_is_recorded(admin, tenant):
    ana, ben, cid = (UserFactory(tenant=tenant).pk for _ in range(3))
    url = admin.post(SERVICES, CUT | {"staff_ids": [ana, ben]}).headers["Location"]
    with tenant_scope(tenant):
        before = Service.objects.get()
    answer = admin.put(url, {"staff_ids": [ben, cid]})
    assert answer.json()["staff_ids"] == sorted([ben, cid])
    with tenant_scope(tenant):
        events = AuditEvent.objects.filter(table="servicestaff").values_list("action", flat=True)
        assert sorted(events) == ["created"] * 3 + ["deleted"]
        assert Service.objects.get().updated_at > before.updated_at
    assert admin.put(url, {"staff_ids": []}).json()["staff_ids"] == []
    with tenant_scope(tenant):
        assert not ServiceStaff.objects.exists()


def test_what_a_client_read_can_be_sent_back(admin, tenant):
    for path, make in MAKE.items():
        url = f"{path}/{make(tenant=tenant).pk}"
        shown = admin.get(url).json()
        assert admin.put(url, shown | {"id": new_id(), "created_at": "x", "unknown": 1}).json() == shown | {
            "updated_at": admin.get(url).json()["updated_at"]
        }


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (OUTLETS, {"name": ""}, "name"),
        (OUTLETS, {"name": "  "}, "name"),
        (OUTLETS, {"name": None}, "name"),
        (OUTLETS, {"name": 7}, "name"),
        (OUTLETS, {"name": "a" * 101}, "name"),
        # Nobody sees it, or it turns the text after it around.
        (OUTLETS, {"name": "\u200b"}, "name"),
        (SERVICES, {"name": "\u2800"}, "name"),
        (SERVICES, {"name": "Cut \u202egnp"}, "name"),
        (SERVICES, {"name": "Cut\tand colour"}, "name"),
        (OUTLETS, {"address": "a" * 501}, "address"),
        (OUTLETS, {"is_active": "true"}, "is_active"),
        (OUTLETS, {"is_active": None}, "is_active"),
        (SERVICES, {"duration_minutes": 0}, "duration_minutes"),
        (SERVICES, {"duration_minutes": 1440}, "duration_minutes"),
        (SERVICES, {"duration_minutes": "60"}, "duration_minutes"),
        (SERVICES, {"duration_minutes": True}, "duration_minutes"),
        (SERVICES, {"duration_minutes": 60.5}, "duration_minutes"),
        (SERVICES, {"duration_minutes": None}, "duration_minutes"),
        (SERVICES, {"buffer_minutes": -1}, "buffer_minutes"),
        (SERVICES, {"buffer_minutes": None}, "buffer_minutes"),
        (SERVICES, {"price": -1}, "price"),
        (SERVICES, {"price": 10**12 + 1}, "price"),
        (SERVICES, {"price": 10**30}, "price"),
        (SERVICES, {"rebooking_days": 0}, "rebooking_days"),
        (SERVICES, {"category": "a" * 51}, "category"),
        (SERVICES, {"staff_ids": "x"}, "staff_ids"),
        (SERVICES, {"staff_ids": ["x"]}, "staff_ids.0"),
        (SERVICES, {"staff_ids": [new_id()] * 1001}, "staff_ids"),
    ],
)
def test_a_value_that_is_not_valid_is_a_400_and_nothing_is_stored(path, body, field, admin, tenant):
    row = MAKE[path](tenant=tenant, name="Before")
    for answer in (admin.post(path, BODIES[path] | body), admin.put(f"{path}/{row.pk}", body)):
        assert refusal(answer) == (400, "invalid", [field])
    assert [item["name"] for item in admin.get(path).json()["items"]] == ["Before"]


def test_people_of_another_business_are_refused_like_nobody(admin, super_admin, tenant, other_tenant):
    cut = ServiceFactory(tenant=tenant)
    for pk in (UserFactory(tenant=other_tenant).pk, super_admin.user.pk, new_id()):
        for answer in (
            admin.post(SERVICES, CUT | {"staff_ids": [pk]}),
            admin.put(f"{SERVICES}/{cut.pk}", {"staff_ids": [pk]}),
            super_admin.post(SERVICES, CUT | {"tenant_id": tenant.pk, "staff_ids": [pk]}),
            super_admin.put(f"{SERVICES}/{cut.pk}", {"staff_ids": [pk]}),
        ):
            assert refusal(answer) == (400, "invalid", ["staff_ids"])
            assert answer.json()["errors"][0]["detail"] == f"There is no member of staff with the id {pk}."


@pytest.mark.parametrize("path", MAKE)
class TestNames:
    """A name is unique among the active ones of a business."""

    def test_a_taken_name_is_a_409(self, path, admin, tenant):
        MAKE[path](tenant=tenant, name="Å")
        other = MAKE[path](tenant=tenant, name="Other")
        what = {OUTLETS: "outlet", SERVICES: "service"}[path]
        # A letter and a combining mark; spaces around; a zero-width space and a soft hyphen, which nobody sees.
        for name in ("Å", "A\u030a", " Å ", "Å\u200b", "\u00adÅ"):
            for answer in (
                admin.post(path, BODIES[path] | {"name": name}),
                admin.put(f"{path}/{other.pk}", {"name": name}),
            ):
                assert refusal(answer) == (409, "duplicate_name", ["name"])
                assert answer.json()["detail"] == f"Another active {what} has this name."
        assert {item["name"] for item in admin.get(path).json()["items"]} == {"Å", "Other"}

    def test_an_inactive_one_and_another_business_do_not_take_a_name(self, path, admin, tenant, other_tenant):
        MAKE[path](tenant=tenant, name="Spa", is_active=False)
        MAKE[path](tenant=other_tenant, name="Spa")
        assert admin.post(path, BODIES[path] | {"name": "Spa"}).status_code == 201
        assert admin.post(path, BODIES[path] | {"name": "Spa", "is_active": False}).status_code == 201

    def test_one_comes_back_on_offer_unless_its_name_was_taken_meanwhile(self, path, admin, tenant):
        url = f"{path}/{MAKE[path](tenant=tenant, name='Spa').pk}"
        assert admin.patch(url, {"is_active": False}).json()["is_active"] is False
        other = admin.post(path, BODIES[path] | {"name": "Spa"}).headers["Location"]
        assert refusal(admin.patch(url, {"is_active": True})) == (409, "duplicate_name", ["name"])
        assert admin.get(url).json()["is_active"] is False
        admin.patch(other, {"is_active": False})
        assert admin.patch(url, {"is_active": True}).status_code == 200

    def test_one_keeps_its_own_name(self, path, admin, tenant):
        row = MAKE[path](tenant=tenant, name="Spa")
        assert admin.put(f"{path}/{row.pk}", {"name": "Spa", "is_active": True}).status_code == 200

    @pytest.mark.slow("waits for eight threads")
    @pytest.mark.django_db(transaction=True)
    def test_of_many_at_once_exactly_one_gets_the_name(self, path, as_role):
        clients, barrier, statuses = [as_role("tenant_admin") for _ in range(8)], threading.Barrier(8), []

        def create(client):
            barrier.wait()
            statuses.append(client.post(path, BODIES[path]).status_code)
            connection.close()

        threads = [threading.Thread(target=create, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(statuses) == [201] + [409] * 7


@pytest.mark.parametrize("path", MAKE)
class TestTenants:
    """Everybody writes in their own business; a super_admin names one."""

    def test_ones_own_may_be_named(self, path, admin, tenant):
        assert admin.post(path, BODIES[path] | {"tenant_id": tenant.pk}).status_code == 201

    def test_another_is_a_403_and_on_update_a_400(self, path, admin, tenant, other_tenant):
        for pk in (other_tenant.pk, new_id()):
            assert refusal(admin.post(path, BODIES[path] | {"tenant_id": pk})) == (403, "permission_denied", [])
            url = f"{path}/{MAKE[path](tenant=tenant).pk}"
            assert refusal(admin.put(url, {"tenant_id": pk})) == (400, "invalid", ["tenant_id"])

    def test_a_super_admin_names_one_to_create(self, path, super_admin, tenant):
        assert refusal(super_admin.post(path, BODIES[path])) == (400, "invalid", ["tenant_id"])
        answer = super_admin.post(path, BODIES[path] | {"tenant_id": tenant.pk})
        assert (answer.status_code, answer.json()["tenant_id"]) == (201, tenant.pk)

    def test_a_row_of_another_business_is_as_one_that_is_absent(self, path, admin, other_tenant):
        foreign = MAKE[path](tenant=other_tenant, name="Theirs")
        hidden, absent = (admin.put(f"{path}/{pk}", {"name": "Mine"}) for pk in (foreign.pk, new_id()))
        assert (hidden.status_code, hidden.content) == (404, absent.content)
        foreign.refresh_from_db()
        assert foreign.name == "Theirs"


@pytest.mark.parametrize("path", MAKE)
def test_only_administrators_write(path, staff, manager, tenant):
    url = f"{path}/{MAKE[path](tenant=tenant).pk}"
    for client in (staff, manager):
        for answer in (
            client.post(path, BODIES[path]),
            client.put(url, {"name": "x"}),
            client.patch(url, {"name": "x"}),
        ):
            assert refusal(answer) == (403, "permission_denied", [])


@pytest.mark.parametrize("path", [OUTLETS, SERVICES, STAFF])
def test_nothing_is_deleted(path, super_admin, tenant):
    make = MAKE.get(path, UserFactory)
    assert super_admin.delete(f"{path}/{make(tenant=tenant).pk}").status_code == 405


def test_accounts_are_not_made_by_the_api(super_admin, tenant):
    assert super_admin.post(STAFF, {"name": "Rina"}).status_code == 405
    assert super_admin.put(f"{STAFF}/{UserFactory(tenant=tenant).pk}", {"name": "Rina"}).status_code == 405


@pytest.mark.parametrize("path", MAKE)
def test_a_stale_version_changes_nothing(path, admin, tenant):
    url = f"{path}/{MAKE[path](tenant=tenant, name='Spa').pk}"
    etag = admin.get(url).headers["ETag"]
    fresh = admin.put(url, {"name": "Spa 2"}, headers={"If-Match": etag})
    assert fresh.status_code == 200
    assert refusal(admin.put(url, {"name": "Spa 3"}, headers={"If-Match": etag})) == (412, "stale", [])
    assert admin.get(url).json()["name"] == "Spa 2"
    assert admin.put(url, {"name": "Spa 3"}, headers={"If-Match": fresh.headers["ETag"]}).status_code == 200


@pytest.mark.parametrize("path", MAKE)
def test_a_request_sent_again_with_its_key_is_done_once(path, admin):
    first, again = (admin.post(path, BODIES[path], headers={"Idempotency-Key": "one"}) for _ in range(2))
    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["ETag"] == first.headers["ETag"]
    assert admin.get(path).json()["total"] == 1


def test_what_is_off_offer_leaves_availability_and_stays_in_the_history(admin, back_office, tenant):
    visit = AppointmentFactory(tenant=tenant)
    WorkingHoursFactory(tenant=tenant, outlet=visit.outlet, staff_id=visit.staff_id)
    browser = back_office("staff")

    def choices():
        form = browser.get("/admin/appointments/appointment/add/").context["adminform"].form
        with tenant_scope(tenant):
            return {row.pk for name in ("outlet", "service") for row in form.fields[name].queryset}

    def slots():
        with tenant_scope(tenant):
            service = Service.objects.select_related("tenant").get(pk=visit.service_id)
            first = to_local(visit.created_at, tenant.zone)
            return find_slots(service, first=first, last=first.replace(year=first.year + 1), limit=1)

    assert slots()
    assert choices() == {visit.outlet_id, visit.service_id}
    admin.patch(f"{OUTLETS}/{visit.outlet_id}", {"is_active": False})
    assert slots() == []
    assert choices() == {visit.service_id}
    admin.patch(f"{OUTLETS}/{visit.outlet_id}", {"is_active": True})
    admin.patch(f"{SERVICES}/{visit.service_id}", {"is_active": False})
    assert slots() == []
    # A visit of last week may be of a service that has ended since.
    assert choices() == {visit.outlet_id, visit.service_id}
    [shown] = admin.get(f"/api/v1/customers/{visit.customer_id}/appointments").json()["appointments"]
    assert (shown["service"]["id"], shown["outlet"]["id"]) == (visit.service_id, visit.outlet_id)
