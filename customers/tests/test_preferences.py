"""PUT /api/v1/customers/{customer_id}/preferences."""

import pytest

from circe.tests.cases import in_one_test
from customers.models import Customer
from customers.models.preferences import PreferredService
from customers.tests.bodies import CUSTOMERS, NO_SUCH_ID, faults, instant, not_found, preferences, profile
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory


@pytest.fixture
def jane(tenant):
    return CustomerFactory(tenant=tenant)


@pytest.fixture
def prefer(staff, jane):
    """`prefer(notes="x")`: the response to a member of staff."""

    def send(body=None, client=staff, **given):
        return client.put(f"{CUSTOMERS}/{jane.pk}/preferences", given if body is None else body)

    return send


def test_the_documented_keys_and_the_whole_profile(prefer, staff, tenant, jane, in_scope):
    service, person, outlet = ServiceFactory(tenant=tenant), UserFactory(tenant=tenant), OutletFactory(tenant=tenant)
    given = {
        "communication_preferences": {"email": True, "push_notifications": True, "sms": True, "whatsapp": False},
        "language": "en",
        "marketing_consent": True,
        "notes": "Prefers morning appointments",
        "preferred_outlet_id": outlet.pk,
        "preferred_services": [service.pk],
        "preferred_staff_ids": [person.pk],
    }
    response = prefer(given)
    likes = preferences(**given)
    whole = profile(jane, preferences=likes, updated_at=instant(Customer.objects.get().updated_at))
    assert (response.status_code, response.json()) == (200, likes | whole)
    assert staff.get(f"{CUSTOMERS}/{jane.pk}").json() == whole


@pytest.mark.parametrize("role", ["super_admin", "tenant_admin", "outlet_manager", "staff"])
def test_all_staff_members_can_update_preferences(prefer, as_role, role):
    assert prefer(client=as_role(role), notes="x").json()["preferences"] == preferences(notes="x")


def test_any_subset_changes_just_that(prefer, tenant):
    service = ServiceFactory(tenant=tenant)
    prefer(preferred_services=[service.pk], preferred_categories=["hair"], accessibility_needs="Ramp")
    prefer(communication_preferences={"sms": False})
    prefer(communication_preferences={"whatsapp": True}, language="nb")
    assert prefer({}).json()["preferences"] == preferences(
        preferred_services=[service.pk],
        preferred_categories=["hair"],
        accessibility_needs="Ramp",
        communication_preferences={"email": True, "sms": False, "push_notifications": True, "whatsapp": True},
        language="nb",
    )


def test_null_clears(prefer, tenant):
    likes = {"notes": "x", "preferred_outlet_id": OutletFactory(tenant=tenant).pk, "accessibility_needs": "x"}
    likes |= {"preferred_services": [ServiceFactory(tenant=tenant).pk], "preferred_categories": ["x"]}
    assert prefer(likes).json()["preferences"] == preferences(**likes)
    assert prefer(dict.fromkeys(likes)).json()["preferences"] == preferences()


def test_lists_keep_their_order_and_take_an_id_once(prefer, tenant):
    services = [service.pk for service in ServiceFactory.create_batch(4, tenant=tenant)]
    people = [UserFactory(tenant=tenant).pk for _ in range(3)]
    for order in (services[::-1], [services[2], services[0]], [services[1], *services[:1], services[1], services[3]]):
        body = prefer(preferred_services=order, preferred_staff_ids=people[::-1]).json()
        assert body["preferred_services"] == list(dict.fromkeys(order))
        assert body["preferred_staff_ids"] == people[::-1]


@pytest.mark.parametrize("key", ["preferred_services", "preferred_staff_ids", "preferred_outlet_id"])
def test_a_changed_favourite_is_a_modification(prefer, tenant, jane, in_scope, key):
    made = {
        "preferred_services": ServiceFactory,
        "preferred_staff_ids": UserFactory,
        "preferred_outlet_id": OutletFactory,
    }
    pk = made[key](tenant=tenant).pk
    Customer.objects.update(updated_at=jane.updated_at.replace(year=2020))
    assert prefer({key: pk if key.endswith("_id") else [pk]}).json()["updated_at"] >= instant(jane.updated_at)


@in_one_test(
    ("body", "field"),
    [
        ({"first_name": "Eve"}, "first_name"),
        ({"email": True}, "email"),
        ({"tenant_id": NO_SUCH_ID}, "tenant_id"),
        ({"prefered_services": []}, "prefered_services"),
        ({"accepts_sms": True}, "accepts_sms"),
        ({"communication_preferences": {"telegram": True}}, "communication_preferences.telegram"),
        ({"communication_preferences": {"sms": None}}, "communication_preferences.sms"),
        ({"communication_preferences": []}, "communication_preferences"),
        ({"communication_preferences": None}, "communication_preferences"),
        ({"marketing_consent": "true"}, "marketing_consent"),
        ({"language": ""}, "language"),
        ({"language": None}, "language"),
        ({"language": "e"}, "language"),
        ({"notes": "x" * 2001}, "notes"),
        ({"notes": ["x"]}, "notes"),
        ({"accessibility_needs": "x" * 501}, "accessibility_needs"),
        ({"preferred_categories": "hair"}, "preferred_categories"),
        ({"preferred_categories": [""]}, "preferred_categories.0"),
        ({"preferred_categories": ["hair", "x" * 51]}, "preferred_categories.1"),
        ({"preferred_categories": ["x"] * 101}, "preferred_categories"),
        ({"preferred_services": NO_SUCH_ID}, "preferred_services"),
        ({"preferred_services": ["x"]}, "preferred_services.0"),
        ({"preferred_services": [None]}, "preferred_services.0"),
        ({"preferred_services": [[]]}, "preferred_services.0"),
        ({"preferred_services": [5]}, "preferred_services.0"),
        ({"preferred_services": [NO_SUCH_ID] * 101}, "preferred_services"),
        ({"preferred_staff_ids": [NO_SUCH_ID.upper()]}, "preferred_staff_ids.0"),
        ({"preferred_staff_ids": {"0": NO_SUCH_ID}}, "preferred_staff_ids"),
        ({"preferred_outlet_id": "x"}, "preferred_outlet_id"),
        ({"preferred_outlet_id": 5}, "preferred_outlet_id"),
        ({"preferred_outlet_id": [NO_SUCH_ID]}, "preferred_outlet_id"),
    ],
)
def test_unknown_keys_and_bad_values_are_named_and_nothing_is_half_stored(prefer, staff, jane, body, field):
    assert faults(prefer({"notes": "half", "preferred_categories": ["half"]} | body)) == {field}
    assert staff.get(f"{CUSTOMERS}/{jane.pk}").json() == profile(jane)


@pytest.mark.parametrize("body", [[], "x", 5, True, [{"notes": "x"}]])
def test_a_body_that_is_no_object_is_refused(prefer, body):
    assert faults(prefer(body)) == {"body"}


@in_one_test(
    ("key", "make"),
    [
        ("preferred_outlet_id", OutletFactory),
        ("preferred_services", ServiceFactory),
        ("preferred_staff_ids", UserFactory),
    ],
)
@pytest.mark.usefixtures("each_tenant_guard")
def test_the_same_400_for_a_foreign_id_and_a_random_one(prefer, super_admin, other_tenant, tenant, key, make):
    foreign = make(tenant=other_tenant).pk
    # A super_admin, who sees both tenants, can't tie one's to the other's either.
    for client in (None, super_admin):
        answers = []
        for pk in (foreign, NO_SUCH_ID):
            send = {"client": client} if client else {}
            response = prefer({key: pk if key.endswith("_id") else [make(tenant=tenant).pk, pk]}, **send)
            assert faults(response) == {key}
            answers.append(response.content.replace(pk.encode(), b"<id>"))
        assert answers[0] == answers[1]
    with tenant_scope(tenant):
        assert not PreferredService.objects.exists()


def test_404_whatever_is_not_there(staff, tenant, other_tenant):
    for absent in (
        CustomerFactory(tenant=other_tenant).pk,
        DeletedCustomerFactory(tenant=tenant).pk,
        NO_SUCH_ID,
        "122",
    ):
        response = staff.put(f"{CUSTOMERS}/{absent}/preferences", {"notes": "x"})
        assert (response.status_code, response.json()) == (404, not_found())


def test_put_is_the_only_method(staff, jane):
    for method in ("get", "post", "patch", "delete"):
        assert getattr(staff, method)(f"{CUSTOMERS}/{jane.pk}/preferences").status_code == 405
