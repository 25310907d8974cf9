"""PUT and PATCH /api/v1/customers/{customer_id}."""

import pytest
from django.contrib.auth.hashers import check_password
from django.utils import timezone

from circe.tests.cases import in_one_test
from customers.models import Customer
from customers.tests.bodies import CUSTOMERS, NO_SUCH_ID, faults, instant, not_found, preferences, profile
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from tenants.scope import ALL_TENANTS, tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory


@pytest.fixture(params=["put", "patch"])
def change(request, manager):
    """`change(customer, {...})`: the response to a manager's PUT and, in a second run, PATCH."""

    def send(customer, body, client=manager, query=""):
        return getattr(client, request.param)(f"{CUSTOMERS}/{customer.pk}{query}", body)

    return send


@pytest.fixture
def jane(tenant):
    return CustomerFactory(
        tenant=tenant,
        last_name="Doe",
        email="jane@example.com",
        phone="+628123456",
        email_verified=True,
        phone_verified=True,
        tags=["vip"],
        address="Jl. Sudirman 1",
        gender="female",
        date_of_birth="1990-02-28",
        created_at=timezone.now().replace(year=2020),
        updated_at=timezone.now().replace(year=2020),
    )


def stored(customer):
    """Every column of the row, whatever state it is in."""
    with tenant_scope(ALL_TENANTS):
        return Customer.objects.filter(pk=customer.pk).values().get()


def test_the_documented_body_changes_only_the_keys_given(change, tenant, jane):
    outlet = OutletFactory(tenant=tenant)
    before = stored(jane)
    response = change(
        jane,
        {
            "first_name": "Jane",
            "phone": "+1234567890",
            "preferences": {"marketing_consent": True, "preferred_outlet_id": outlet.pk},
        },
    )
    changes = {
        "phone": "+1234567890",
        "phone_verified": False,
        "marketing_consent": True,
        "preferred_outlet_id": outlet.pk,
    }
    after = stored(jane)
    assert {k: v for k, v in after.items() if k not in ("updated_at", "changed_at", "search_text")} == {
        k: v for k, v in (before | changes).items() if k not in ("updated_at", "changed_at", "search_text")
    }
    assert (response.status_code, response.json()) == (
        200,
        profile(
            jane,
            phone="+1234567890",
            email_verified=True,
            tags=["staff-created", "walk-in", "vip"],
            address="Jl. Sudirman 1",
            gender="female",
            date_of_birth="1990-02-28",
            preferences=preferences(marketing_consent=True, preferred_outlet_id=outlet.pk),
            updated_at=instant(after["updated_at"]),
        ),
    )
    assert before["updated_at"] < after["updated_at"] <= timezone.now()


@pytest.mark.parametrize(("role", "status"), [("super_admin", 200), ("tenant_admin", 200), ("staff", 403)])
def test_tenant_admin_outlet_manager_or_super_admin_only(change, as_role, jane, role, status):
    before = stored(jane)
    assert change(jane, {"first_name": "Eve"}, client=as_role(role)).status_code == status
    assert (stored(jane) == before) == (status == 403)


def test_what_is_read_can_be_sent_back_whole(change, manager, jane):
    read = manager.get(f"{CUSTOMERS}/{jane.pk}").json()
    echoed = change(jane, read).json()
    assert echoed == read | {"updated_at": echoed["updated_at"]}


def test_read_only_and_unknown_keys_are_ignored(change, jane):
    before = stored(jane)
    body = {
        "id": NO_SUCH_ID,
        "created_at": "2001-01-01T00:00:00Z",
        "updated_at": "junk",
        "email_verified": False,
        "phone_verified": False,
        "loyalty_points": "many",
        "total_appointments": -1,
        "total_spent": None,
        "last_appointment_date": "x",
        "has_password": True,
        "source": "elsewhere",
        "is_deleted": True,
        "deleted_at": "2020-01-01T00:00:00Z",
        "email_key": "x",
        "search_text": "x",
        "tenant": NO_SUCH_ID,
        "shoe_size": 38,
        "preferred_services": [NO_SUCH_ID],
        "marketing_consent": True,
    }
    assert change(jane, body).status_code == 200
    assert stored(jane) == before


def test_an_empty_body_changes_nothing(change, jane):
    before = stored(jane)
    assert change(jane, {}).json()["updated_at"] == instant(before["updated_at"])
    assert stored(jane) == before


def test_null_clears(change, jane):
    cleared = ("last_name", "phone", "gender", "date_of_birth", "address")
    body = change(jane, dict.fromkeys(cleared) | {"tags": None}).json()
    assert [body[key] for key in cleared] == [None] * 5
    assert (body["tags"], body["phone_verified"], body["email_verified"]) == ([], False, True)
    body = change(jane, {"phone": "+628123456", "email": ""}).json()
    assert (body["email"], body["email_verified"], body["phone"]) == (None, False, "+628123456")


def test_preferences_and_communication_preferences_merge_key_by_key(change, tenant, jane):
    services, person = ServiceFactory.create_batch(2, tenant=tenant), UserFactory(tenant=tenant)
    likes = {
        "notes": "window seat",
        "language": "en",
        "preferred_services": [services[1].pk, services[0].pk],
        "preferred_staff_ids": [person.pk],
        "preferred_categories": ["nails", "hair", "nails"],
    }
    assert change(jane, {"preferences": likes}).json()["preferences"] == preferences(**likes)
    change(jane, {"preferences": {"communication_preferences": {"whatsapp": True}}})
    change(jane, {"preferences": {"communication_preferences": {"email": False}, "marketing_consent": True}})
    channels = {"email": False, "sms": True, "push_notifications": True, "whatsapp": True}
    expected = preferences(**likes, communication_preferences=channels, marketing_consent=True)
    assert change(jane, {"preferences": {}}).json()["preferences"] == expected
    likes = {"preferred_services": None, "preferred_staff_ids": [], "notes": None, "preferred_categories": None}
    assert change(jane, {"preferences": likes}).json()["preferences"] == expected | {
        "preferred_services": [],
        "preferred_staff_ids": [],
        "preferred_categories": [],
        "notes": None,
    }


@in_one_test(
    ("body", "field"),
    [
        ({"first_name": None}, "first_name"),
        ({"first_name": ""}, "first_name"),
        ({"email": None, "phone": None}, "email"),
        ({"email": "x"}, "email"),
        ({"phone": "x"}, "phone"),
        ({"is_active": None}, "is_active"),
        ({"is_active": "false"}, "is_active"),
        ({"password": "short"}, "password"),
        ({"password": "SecurePass123!", "email": None}, "email"),
        ({"date_of_birth": "1899-12-31"}, "date_of_birth"),
        ({"tags": ["a b"]}, "tags"),
        ({"preferences": None}, "preferences"),
        ({"preferences": {"language": None}}, "preferences.language"),
        ({"preferences": {"marketing_consent": None}}, "preferences.marketing_consent"),
        ({"preferences": {"tenant_id": NO_SUCH_ID}}, "preferences.tenant_id"),
        ({"preferences": {"communication_preferences": None}}, "preferences.communication_preferences"),
        ({"preferences": {"communication_preferences": {"sms": "on"}}}, "preferences.communication_preferences.sms"),
        ({"preferences": {"preferred_services": [NO_SUCH_ID]}}, "preferences.preferred_services"),
    ],
)
def test_bad_values_are_named_and_nothing_is_half_stored(change, jane, body, field):
    before = stored(jane)
    sent = {"last_name": "Half", "preferences": {"notes": "half", "preferred_categories": ["half"]}} | body
    assert faults(change(jane, sent)) == {field}
    assert stored(jane) == before


@in_one_test("body", [[], "x", 5, True, [{"first_name": "x"}]])
def test_a_body_that_is_no_object_is_refused(change, jane, body):
    assert faults(change(jane, body)) == {"body"}


def test_is_active_can_be_changed(change, jane):
    assert change(jane, {"is_active": False}).json()["is_active"] is False
    assert change(jane, {"is_active": True}).json()["is_active"] is True


# --- contacts --------------------------------------------------------------------------------------------------------


def test_a_new_email_is_unverified_again_and_the_same_spelled_otherwise_stays_verified(change, jane):
    body = change(jane, {"email": " ＪANE@Example.COM "}).json()
    assert (body["email"], body["email_verified"]) == ("JANE@Example.COM", True)
    body = change(jane, {"phone": "0812 3456"}).json()
    assert (body["phone"], body["phone_verified"]) == ("+628123456", True)
    body = change(jane, {"email": "jane.doe@example.com"}).json()
    assert (body["email_verified"], body["phone_verified"]) == (False, True)
    body = change(jane, {"phone": "0812 3457"}).json()
    assert (body["email_verified"], body["phone_verified"]) == (False, False)


def test_email_and_phone_must_remain_unique_within_the_tenant(change, tenant, other_tenant, jane):
    other = CustomerFactory(tenant=tenant, email="bob@example.com", phone="+629999999")
    deleted = DeletedCustomerFactory(tenant=tenant, email="bob@example.com", phone="+627777777")
    CustomerFactory(tenant=other_tenant, email="free@example.com", phone="+628888888")
    before = stored(jane)
    response = change(jane, {"email": "BOB@example.com", "phone": "09999999", "last_name": "Half"})
    assert response.status_code == 409
    assert response.json() == {
        "type": "urn:circe:problem:duplicate_customer",
        "title": "Conflict",
        "status": 409,
        "detail": "Another customer has this e-mail address and phone number.",
        "code": "duplicate_customer",
        "conflicts": [
            {"field": "email", "customer_id": other.pk, "is_deleted": False},
            {"field": "email", "customer_id": deleted.pk, "is_deleted": True},
            {"field": "phone", "customer_id": other.pk, "is_deleted": False},
        ],
    }
    assert stored(jane) == before
    # Neither a deleted customer's nor another tenant's stand in the way.
    assert change(jane, {"email": "free@example.com", "phone": "+627777777"}).status_code == 200


# --- password --------------------------------------------------------------------------------------------------------


def test_a_password_can_be_given_and_taken_away(change, jane):
    response = change(jane, {"password": "SecurePass123!"})
    assert (response.status_code, response.json()["has_password"]) == (200, True)
    hashed = stored(jane)["password"]
    assert check_password("SecurePass123!", hashed)
    assert b"argon2" not in response.content
    assert change(jane, {"first_name": "Janet"}).json()["has_password"] is True
    assert stored(jane)["password"] == hashed
    assert faults(change(jane, {"email": None})) == {"email"}
    assert change(jane, {"password": None, "email": None}).json()["has_password"] is False


# --- tenant ----------------------------------------------------------------------------------------------------------


def test_the_tenant_assignment_cannot_be_changed(change, admin, super_admin, tenant, other_tenant, jane):
    before = stored(jane)
    for client in (admin, super_admin):
        for another in (other_tenant.pk, NO_SUCH_ID, "garbage", "", 5, [tenant.pk], {"id": tenant.pk}, True):
            body = {"tenant_id": another, "first_name": "Half"}
            assert faults(change(jane, body, client=client)) == {"tenant_id"}, another
    assert stored(jane) == before
    for own in (tenant.pk, None):
        assert change(jane, {"tenant_id": own, "first_name": "Janet"}).json()["tenant_id"] == tenant.pk


def test_a_super_admin_changes_within_the_customers_tenant(change, super_admin, tenant, other_tenant):
    kari = CustomerFactory(tenant=other_tenant, phone="+4791919191")
    ours, theirs = OutletFactory(tenant=tenant), OutletFactory(tenant=other_tenant)
    wrong = change(kari, {"preferences": {"preferred_outlet_id": ours.pk}}, client=super_admin)
    assert faults(wrong) == {"preferences.preferred_outlet_id"}
    body = {"phone": "22 33 44 55", "preferences": {"preferred_outlet_id": theirs.pk}}
    changed = change(kari, body, client=super_admin).json()
    assert (changed["phone"], changed["preferences"]["preferred_outlet_id"]) == ("+4722334455", theirs.pk)
    assert change(kari, {"first_name": "x"}, client=super_admin, query=f"?tenant_id={tenant.pk}").status_code == 404


def test_404_whatever_is_not_there(change, tenant, other_tenant):
    for absent in (CustomerFactory(tenant=other_tenant), DeletedCustomerFactory(tenant=tenant)):
        before = stored(absent)
        assert change(absent, {"first_name": "Eve"}).json() == not_found()
        assert change(absent, {"first_name": ""}).json() == not_found()
        assert stored(absent) == before


@pytest.mark.parametrize("blank", ["", " "])
def test_an_empty_text_clears_a_date_an_id_and_a_list_as_null_does(change, admin, jane, tenant, blank):
    likes = {
        "preferred_outlet_id": OutletFactory(tenant=tenant).pk,
        "preferred_services": [ServiceFactory(tenant=tenant).pk],
        "preferred_staff_ids": [UserFactory(tenant=tenant).pk],
        "preferred_categories": ["nails"],
    }
    url, fresh = f"{CUSTOMERS}/{jane.pk}", {"first_name": "Joe", "phone": "+1234567890"}
    nothing = {key: [] for key in likes} | {"preferred_outlet_id": None}
    blank_likes = dict.fromkeys(likes, blank)
    blanks = {"date_of_birth": blank, "tags": blank, "preferences": blank_likes}

    change(jane, {"date_of_birth": "1990-02-28", "tags": ["vip"], "preferences": likes})
    changed = change(jane, blanks).json()
    change(jane, {"preferences": likes})
    preferred = admin.put(f"{url}/preferences", blank_likes).json()
    created = admin.post(CUSTOMERS, fresh | blanks).json()

    assert (changed["date_of_birth"], created["date_of_birth"]) == (None, None)
    assert (changed["tags"], created["tags"]) == ([], ["staff-created", "walk-in"])
    assert all(nothing.items() <= body["preferences"].items() for body in (changed, preferred, created))


def test_an_unknown_choice_is_answered_with_the_choices(manager, tenant):
    answer = manager.patch(f"{CUSTOMERS}/{CustomerFactory(tenant=tenant).pk}", {"gender": "woman"})
    [error] = answer.json()["errors"]
    assert error == {
        "field": "gender",
        "code": "invalid_choice",
        "detail": "Write one of female, male, non_binary, other, undisclosed.",
    }
