"""POST /api/v1/customers."""

import datetime as dt

import phonenumbers
import pytest
from django.contrib.auth.hashers import check_password, identify_hasher
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from circe.tests.cases import in_one_test
from customers.models import Customer
from customers.tests.bodies import CUSTOMERS, INSTANT, NO_SUCH_ID, faults, preferences, profile
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from tenants import identity
from tenants.scope import ALL_TENANTS, tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory

JANE = {"first_name": "Jane", "phone": "+1234567890"}


def rows():
    with tenant_scope(ALL_TENANTS):
        return Customer.objects.count()


def test_the_documented_body_creates_a_complete_profile(staff, tenant, in_scope):
    before = timezone.now().replace(microsecond=0)
    response = staff.post(
        CUSTOMERS,
        {
            "email": "customer@example.com",
            "first_name": "Jane",
            "last_name": "Doe",
            "password": "SecurePass123!",
            "phone": "+1234567890",
            "source": "website",
            "tenant_id": tenant.pk,
        },
    )
    assert response.status_code == 201
    customer = Customer.objects.get()
    assert response["Location"] == f"{CUSTOMERS}/{customer.pk}"
    assert response.json() == profile(
        customer,
        email="customer@example.com",
        first_name="Jane",
        last_name="Doe",
        phone="+1234567890",
        has_password=True,
        source="website",
        tags=["self-registered"],
        possible_duplicates=[],
    )
    created_at = response.json()["created_at"]
    assert INSTANT.match(created_at)
    assert before <= dt.datetime.fromisoformat(created_at) <= timezone.now()
    assert staff.get(response["Location"]).json() | {"possible_duplicates": []} == response.json()


@pytest.mark.parametrize("role", ["super_admin", "tenant_admin", "outlet_manager", "staff"])
def test_all_staff_members_can_create_customers(as_role, tenant, role):
    assert as_role(role).post(CUSTOMERS, JANE | {"tenant_id": tenant.pk}).status_code == 201


def test_a_walk_in_needs_no_more_than_a_first_name_and_a_phone(staff, in_scope):
    body = staff.post(CUSTOMERS, {"first_name": "Sri", "phone": "0812 3456 789"}).json()
    expected = profile(Customer.objects.get(), last_name=None, email=None, phone="+628123456789")
    assert body == expected | {"possible_duplicates": []}


@in_one_test(
    ("changes", "field"),
    [
        ({"first_name": None}, "first_name"),
        ({"first_name": ""}, "first_name"),
        ({"first_name": " \t "}, "first_name"),
        ({"first_name": 5}, "first_name"),
        ({"first_name": ["Jane"]}, "first_name"),
        ({"first_name": "J" * 101}, "first_name"),
        ({"first_name": "\u200b"}, "first_name"),
        ({"first_name": "Ja\x1b[31mne"}, "first_name"),
        ({"first_name": "Jane\nDoe"}, "first_name"),
        ({"last_name": "\u202eeoD"}, "last_name"),
        # Normalising makes three characters of this one.
        ({"first_name": "\ufb2c" * 100}, "first_name"),
        ({"last_name": "\ufb2c" * 100}, "last_name"),
        ({"phone": None}, "email"),
        ({"phone": ""}, "email"),
        ({"phone": "", "email": ""}, "email"),
        ({"phone": "12"}, "phone"),
        ({"phone": "+1234567890123456"}, "phone"),
        ({"phone": "call me"}, "phone"),
        ({"phone": 81234567890}, "phone"),
        ({"phone": "++6281234567"}, "phone"),
        ({"phone": "22334455/22334456"}, "phone"),
        ({"phone": "8.12E+10"}, "phone"),
        ({"phone": "0" * 33}, "phone"),
        ({"email": "jane"}, "email"),
        ({"email": "jane@"}, "email"),
        ({"email": "ja\u200bne@example.com"}, "email"),
        ({"email": "jane@example.com\u200d"}, "email"),
        ({"email": "a@b.co, c@d.co"}, "email"),
        ({"email": {"address": "jane@example.com"}}, "email"),
        ({"email": "a" * 250 + "@example.com"}, "email"),
        # 201 characters as given, more than 254 as compared.
        ({"email": "jane@" + ".".join(["例えばテスト" * 3] * 10) + ".example.com"}, "email"),
        ({"email": "jane@" + "ﷺ" * 60 + ".example.com"}, "email"),
        ({"email": "j@example.com", "password": "short"}, "password"),
        ({"email": "j@example.com", "password": "password123"}, "password"),
        ({"email": "j@example.com", "password": ""}, "password"),
        ({"email": "j@example.com", "password": "x" * 129}, "password"),
        ({"email": "j@example.com", "password": 12345678901}, "password"),
        ({"password": "SecurePass123!"}, "email"),
        ({"gender": "robot"}, "gender"),
        ({"date_of_birth": "2025-02-30"}, "date_of_birth"),
        ({"date_of_birth": "yesterday"}, "date_of_birth"),
        ({"date_of_birth": "20000101"}, "date_of_birth"),
        ({"date_of_birth": "2000-W01-1"}, "date_of_birth"),
        ({"date_of_birth": "٢٠٠٠-٠١-٠١"}, "date_of_birth"),
        ({"date_of_birth": "2999-01-01"}, "date_of_birth"),
        ({"date_of_birth": "0001-01-01"}, "date_of_birth"),
        ({"date_of_birth": 20000101}, "date_of_birth"),
        ({"address": "x" * 501}, "address"),
        ({"address": {"street": "Jl. Sudirman"}}, "address"),
        ({"source": "Walk In!"}, "source"),
        ({"source": "x" * 51}, "source"),
        ({"tags": "vip"}, "tags"),
        ({"tags": [f"tag{n}" for n in range(51)]}, "tags"),
        ({"tags": {"vip": True}}, "tags"),
        ({"tags": ["x" * 51]}, "tags.0"),
        ({"tags": ["a,b"]}, "tags"),
        ({"tags": ["ﬃ" * 20]}, "tags.0"),
        ({"tags": ["vip", 7]}, "tags.1"),
        ({"tags": ["vip", None]}, "tags.1"),
        ({"preferences": []}, "preferences"),
        ({"preferences": {"sms": True}}, "preferences.sms"),
        ({"preferences": {"language": "klingon!"}}, "preferences.language"),
        ({"preferences": {"marketing_consent": "yes"}}, "preferences.marketing_consent"),
        ({"preferences": {"marketing_consent": 1}}, "preferences.marketing_consent"),
        (
            {"preferences": {"communication_preferences": {"fax": True}}},
            "preferences.communication_preferences.fax",
        ),
        ({"preferences": {"preferred_outlet_id": NO_SUCH_ID}}, "preferences.preferred_outlet_id"),
        ({"preferences": {"preferred_services": [NO_SUCH_ID]}}, "preferences.preferred_services"),
    ],
)
def test_bad_values_are_named_and_nothing_is_stored(staff, changes, field):
    assert faults(staff.post(CUSTOMERS, JANE | changes)) == {field}
    assert rows() == 0


@in_one_test("body", [None, [], [JANE], "Jane", 5, True])
def test_a_body_that_is_no_object_is_refused(staff, super_admin, body):
    assert faults(staff.post(CUSTOMERS, body)) == {"body"} or body is None
    assert super_admin.post(CUSTOMERS, body).status_code == 400


@pytest.mark.parametrize("body", ["", "null", "{", '{"first_name": "a\\u0000", "phone": "+1234567890"}', "\ud800"])
def test_a_body_that_is_no_json_object_is_refused(staff, body):
    raw = body.encode("utf-8", "surrogatepass")
    assert staff.post(CUSTOMERS, raw, content_type="application/json").status_code == 400
    assert rows() == 0


def test_last_name_may_be_empty_and_absent_values_are_null(staff):
    body = staff.post(
        CUSTOMERS,
        JANE
        | {"last_name": "", "email": " ", "gender": "", "source": "", "address": "  "}
        | {"preferences": {"notes": "", "accessibility_needs": " "}},
    ).json()
    assert [body[key] for key in ("last_name", "email", "gender", "source", "address")] == [None] * 5
    assert body["preferences"] == preferences()


def test_everything_that_can_be_said_at_once(staff, tenant):
    outlet, service = OutletFactory(tenant=tenant), ServiceFactory(tenant=tenant)
    person = UserFactory(tenant=tenant)
    likes = preferences(
        communication_preferences={"email": False, "sms": False, "push_notifications": False, "whatsapp": True},
        language="pt-BR",
        marketing_consent=True,
        notes="Prefers morning appointments",
        preferred_outlet_id=outlet.pk,
        preferred_services=[service.pk],
        preferred_staff_ids=[person.pk],
        preferred_categories=["nails", "hair"],
        accessibility_needs="Step-free access",
    )
    given = {
        "first_name": "Zoë",
        "last_name": "O’Brien-Ng",
        "email": "zoe@example.com",
        "phone": "+628120001",
        "gender": "non_binary",
        "date_of_birth": "1990-02-28",
        "address": "Jl. Sudirman 1\nJakarta",
        "source": "walk-in",
        "preferences": likes,
    }
    body = staff.post(CUSTOMERS, given).json()
    assert {key: body[key] for key in given} == given


def test_unknown_keys_and_read_only_keys_are_ignored(staff, tenant):
    echoed = {
        "id": NO_SUCH_ID,
        "created_at": "2001-01-01T00:00:00Z",
        "updated_at": "2001-01-01T00:00:00Z",
        "email_verified": True,
        "phone_verified": True,
        "loyalty_points": 9000,
        "total_appointments": 7,
        "total_spent": 7,
        "last_appointment_date": "2020-01-01",
        "has_password": True,
        "is_active": False,
        "is_deleted": True,
        "email_key": "x",
        "shoe_size": 38,
    }
    body = staff.post(CUSTOMERS, JANE | echoed).json()
    plain = staff.post(CUSTOMERS, JANE | {"phone": "+1234567891"}).json()
    changing = {"id", "created_at", "updated_at", "phone"}
    assert {k: v for k, v in body.items() if k not in changing} == {k: v for k, v in plain.items() if k not in changing}
    assert body["id"] != NO_SUCH_ID
    assert body["created_at"] > "2025"


# --- tags and password -----------------------------------------------------------------------------------------------


def test_walk_in_customers_are_tagged_staff_created_and_own_tags_are_added(staff):
    body = staff.post(CUSTOMERS, JANE | {"tags": [" VIP ", "vip", "walk-in", "Gäste", "2024_club"]}).json()
    assert body["tags"] == ["staff-created", "walk-in", "vip", "gäste", "2024_club"]


def test_null_for_a_password_is_a_walk_in_and_null_for_tags_none_of_ones_own(staff):
    body = staff.post(CUSTOMERS, JANE | {"password": None, "tags": None}).json()
    assert (body["has_password"], body["tags"]) == (False, ["staff-created", "walk-in"])


def test_if_a_password_is_provided_it_is_hashed_and_in_no_response(staff, in_scope):
    secret = " Secure Pass 123! "
    body = JANE | {"email": "jane@example.com", "password": secret, "tags": ["vip"]}
    created = staff.post(CUSTOMERS, body)
    assert (created.json()["has_password"], created.json()["tags"]) == (True, ["self-registered", "vip"])
    customer = Customer.objects.get()
    assert customer.password.startswith("argon2$argon2id$")
    assert identify_hasher(customer.password).algorithm == "argon2"
    assert check_password(secret, customer.password)
    again = staff.post(CUSTOMERS, body)
    assert again.status_code == 409
    for response in (created, again, staff.get(CUSTOMERS), staff.get(created["Location"])):
        assert b"password" not in response.content.replace(b"has_password", b"")
        assert b"argon2" not in response.content
        assert secret.encode() not in response.content


# --- tenant ----------------------------------------------------------------------------------------------------------


def test_a_customer_gets_the_tenants_language(as_role, other_tenant):
    body = as_role("staff", tenant=other_tenant).post(CUSTOMERS, {"first_name": "Kari", "phone": "22 33 44 55"}).json()
    assert (body["phone"], body["preferences"]["language"], body["tenant_id"]) == ("+4722334455", "nb", other_tenant.pk)


def test_another_tenant_in_the_body_is_forbidden(staff, tenant, other_tenant):
    assert staff.post(CUSTOMERS, JANE | {"tenant_id": None}).status_code == 201
    for foreign in (other_tenant.pk, NO_SUCH_ID, "garbage", "", 5, [tenant.pk], {"id": tenant.pk}, False):
        response = staff.post(CUSTOMERS, {"first_name": "Jo", "phone": "+1234567891", "tenant_id": foreign})
        assert response.status_code == 403, foreign
    assert rows() == 1


def test_a_super_admin_must_name_a_tenant(super_admin, tenant, other_tenant):
    for absent in ({}, {"tenant_id": None}):
        assert faults(super_admin.post(CUSTOMERS, JANE | absent)) == {"tenant_id"}
    for garbage in (NO_SUCH_ID, "garbage", "", 5, [tenant.pk], {"id": tenant.pk}, False):
        assert faults(super_admin.post(CUSTOMERS, JANE | {"tenant_id": garbage})) == {"tenant_id"}, garbage
    assert rows() == 0
    for one in (tenant, other_tenant):
        response = super_admin.post(CUSTOMERS, JANE | {"tenant_id": one.pk})
        assert (response.status_code, response.json()["tenant_id"]) == (201, one.pk)


def test_a_super_admin_writes_with_the_named_tenants_region_and_favourites(super_admin, tenant, other_tenant):
    service, foreign = ServiceFactory(tenant=other_tenant), ServiceFactory(tenant=tenant)
    body = {"first_name": "Kari", "phone": "22334455", "tenant_id": other_tenant.pk}
    wrong = super_admin.post(CUSTOMERS, body | {"preferences": {"preferred_services": [foreign.pk]}})
    assert faults(wrong) == {"preferences.preferred_services"}
    created = super_admin.post(CUSTOMERS, body | {"preferences": {"preferred_services": [service.pk]}}).json()
    assert (created["phone"], created["preferences"]["preferred_services"]) == ("+4722334455", [service.pk])


# --- duplicates ------------------------------------------------------------------------------------------------------


def conflict(customer, field, is_deleted=False):
    return {"field": field, "customer_id": customer.pk, "is_deleted": is_deleted}


@in_one_test("check", ["", "?check_duplicates=true", "?check_duplicates=false", "?check_duplicates=0"])
@pytest.mark.usefixtures("each_tenant_guard")
def test_email_and_phone_must_be_unique_within_the_tenant(staff, tenant, other_tenant, check):
    by_email = CustomerFactory(tenant=tenant, email="jane@example.com", phone=None)
    by_phone = CustomerFactory(tenant=tenant, email=None, phone="+628123456")
    CustomerFactory(tenant=other_tenant, email="jane@example.com", phone="+628123456")
    body = {"first_name": "J", "email": " ＪANE@Example.com ", "phone": "(0812) 34-56"}
    response = staff.post(CUSTOMERS + check, body)
    assert response.status_code == 409
    assert response.json() == {
        "type": "urn:circe:problem:duplicate_customer",
        "title": "Conflict",
        "status": 409,
        "detail": "Another customer has this e-mail address and phone number.",
        "code": "duplicate_customer",
        "conflicts": [conflict(by_email, "email"), conflict(by_phone, "phone")],
    }
    assert rows() == 3


def test_the_same_person_may_be_a_customer_of_two_tenants(staff, other_tenant):
    CustomerFactory(tenant=other_tenant, email="jane@example.com", phone="+628123456")
    response = staff.post(CUSTOMERS, {"first_name": "Jane", "email": "jane@example.com", "phone": "+628123456"})
    assert (response.status_code, response.json()["possible_duplicates"]) == (201, [])


def test_any_number_of_customers_may_lack_an_email_or_a_phone(staff):
    for n in range(3):
        assert staff.post(CUSTOMERS, {"first_name": "Jo", "phone": f"+123456789{n}"}).status_code == 201
        assert staff.post(CUSTOMERS, {"first_name": "Jo", "email": f"jo{n}@example.com"}).status_code == 201


def test_a_soft_deleted_match_alone_is_reported_and_does_not_block(staff, tenant):
    one = DeletedCustomerFactory(tenant=tenant, email="jane@example.com", phone="+628123456")
    two = DeletedCustomerFactory(tenant=tenant, email="jane@example.com", phone="+628123457")
    body = {"first_name": "Jane", "email": "JANE@example.com", "phone": "0812 3456"}
    response = staff.post(CUSTOMERS, body)
    assert response.status_code == 201
    found = response.json()["possible_duplicates"]
    key = lambda match: (match["field"], match["customer_id"])  # noqa: E731
    expected = [conflict(one, "email", True), conflict(two, "email", True), conflict(one, "phone", True)]
    assert sorted(found, key=key) == sorted(expected, key=key)
    live = response.json()["id"]
    again = staff.post(CUSTOMERS, body).json()["conflicts"]
    assert again[0] == {"field": "email", "customer_id": live, "is_deleted": False}
    assert sorted([match for match in again if match["is_deleted"]], key=key) == sorted(expected, key=key)


def test_without_the_look_up_nothing_is_named(staff, tenant):
    DeletedCustomerFactory(tenant=tenant, email="jane@example.com")
    response = staff.post(CUSTOMERS + "?check_duplicates=false", {"first_name": "J", "email": "jane@example.com"})
    assert (response.status_code, response.json()["possible_duplicates"]) == (201, [])


@in_one_test("value", ["banana", "", "2", "null", "true&check_duplicates=true", "%00"])
def test_check_duplicates_is_true_or_false(staff, value):
    assert faults(staff.post(f"{CUSTOMERS}?check_duplicates={value}", JANE)) == {"check_duplicates"}
    assert rows() == 0


@pytest.mark.django_db(transaction=True)
def test_a_create_is_seven_round_trips(staff):
    with CaptureQueriesContext(connection) as queries:
        assert staff.post(CUSTOMERS, JANE).status_code == 201
    statements = [query["sql"] for query in queries]
    assert [sql for sql in statements if "SAVEPOINT" in sql] == []
    # Who asks, before anything is begun; then the turn, the row, who has the same, and the answer.
    assert [statements.index("BEGIN"), statements.index("COMMIT"), len(statements)] == [1, 6, 7]


def test_a_create_reads_its_phone_and_its_email_once(staff, monkeypatch):
    read_phones, read_emails = [], []
    parse, check = phonenumbers.parse, identity.validate_email
    monkeypatch.setattr(phonenumbers, "parse", lambda text, *rest: read_phones.append(text) or parse(text, *rest))
    monkeypatch.setattr(identity, "validate_email", lambda text: read_emails.append(text) or check(text))
    person = {"first_name": "Sri", "phone": "+6281234567890", "email": "Sri@Example.com"}
    assert staff.post(CUSTOMERS, person).status_code == 201
    assert (read_phones, read_emails) == (["+6281234567890"], ["sri@example.com"])


def test_a_phone_and_an_email_have_no_more_characters_than_a_column(staff):
    long = {"phone": f"0812{' ' * 30}3456789", "email": f"{'k' * 250}@example.com"}
    assert faults(staff.post(CUSTOMERS, JANE | long)) == {"phone", "email"}
