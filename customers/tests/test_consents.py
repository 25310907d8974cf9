"""`/api/v1/customers/{id}/consents`: staff record what customers have granted and withdrawn, and see all of it."""

import datetime as dt

import pytest
from django.db import connection
from django.utils import timezone

from circe.tests.cases import in_one_test
from customers.consents.ledger import (
    GRANTED_BY_DEFAULT,
    confirm_marketing,
    consents_of,
    current_consents,
    record_consent,
    withdraw_consents,
)
from customers.models import Consent, Customer, MailedLink
from customers.tests.factories import CustomerFactory
from tenants.models import AuditEvent

WHATSAPP = {"channel": "whatsapp", "purpose": "service", "state": "granted"}
CHANNELS = ["email", "sms", "push", "whatsapp"]


@pytest.fixture
def jane(in_scope):
    return CustomerFactory(tenant=in_scope)


def url(customer):
    return f"/api/v1/customers/{customer.pk}/consents"


def kinds(customer):
    """Returns `purpose channel state source` of each entry, the earliest first."""
    entries = consents_of(customer).order_by("at", "id")
    return [f"{one.purpose} {one.channel} {one.state} {one.source}" for one in entries]


def booleans(client, customer):
    """Returns the communication preferences that are on, and the marketing consent."""
    preferences = client.get(f"/api/v1/customers/{customer.pk}").json()["preferences"]
    return {name for name, on in preferences["communication_preferences"].items() if on}, preferences[
        "marketing_consent"
    ]


def test_the_code_and_both_triggers_have_the_same_defaults(jane):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT purpose, channel FROM circe_current_consents(%s, %s) WHERE is_granted", [jane.tenant_id, jane.pk]
        )
        assert {*cursor.fetchall()} == GRANTED_BY_DEFAULT == {("service", name) for name in ("email", "sms", "push")}
    assert kinds(jane) == []


def test_staff_record_a_consent_and_see_it(staff, jane):
    body = WHATSAPP | {
        "source": "paper",
        "text_version": "form-2025-01",
        "evidence": "Folder 12, sheet 3",
        "at": "2025-01-15T10:30:00Z",
    }
    answer = staff.post(url(jane), body, format="json")
    entry = answer.json()
    assert (answer.status_code, answer.headers["Location"]) == (201, url(jane))
    assert entry == body | {
        "id": entry["id"],
        "customer_id": jane.pk,
        "recorded_by": staff.user.pk,
        "created_at": entry["created_at"],
    }
    page = staff.get(url(jane)).json()
    assert page == {"items": [entry], "total": 1, "page": 1, "size": 20, "pages": 1}
    assert booleans(staff, jane) == ({"email", "sms", "push_notifications", "whatsapp"}, False)


def test_without_a_source_and_a_time_it_was_said_at_reception_just_now(staff, jane):
    before = timezone.now()
    entry = staff.post(url(jane), WHATSAPP, format="json").json()
    assert (entry["source"], entry["text_version"], entry["evidence"]) == ("reception", None, None)
    assert before <= Consent.objects.get().at <= timezone.now()


def test_a_consent_with_an_idempotency_key_is_recorded_once(staff, jane):
    answers = [staff.post(url(jane), WHATSAPP, headers={"Idempotency-Key": "k"}, format="json") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert Consent.objects.count() == 1


@in_one_test(
    "field, value",
    [
        *((field, value) for field in ("channel", "purpose", "state", "source") for value in ("fax", "", 1, None, [])),
        *(("source", source) for source in ("portal", "import", "link")),
        ("at", "2999-01-01T00:00:00Z"),
        ("at", "yesterday"),
        ("at", 1),
        ("at", "0000-01-01T00:00:00Z"),
        ("text_version", "x" * 51),
        ("evidence", "x" * 501),
        ("evidence", {}),
    ],
)
def test_a_consent_with_a_wrong_value_is_a_400_and_records_nothing(staff, jane, field, value):
    answer = staff.post(url(jane), WHATSAPP | {field: value}, format="json")
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (400, [field])
    assert not Consent.objects.exists()


@in_one_test("field", ["channel", "purpose", "state"])
def test_a_consent_needs_channel_purpose_and_state(staff, jane, field):
    answer = staff.post(url(jane), {name: value for name, value in WHATSAPP.items() if name != field}, format="json")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)


def test_the_latest_entry_counts_whenever_it_was_recorded(staff, jane):
    staff.post(url(jane), {"channel": "sms", "purpose": "service", "state": "withdrawn"}, format="json")
    earlier = {"channel": "sms", "purpose": "service", "state": "granted", "at": "2025-01-15T10:30:00Z"}
    assert staff.post(url(jane), earlier, format="json").status_code == 201
    assert booleans(staff, jane) == ({"email", "push_notifications"}, False)
    assert [entry["state"] for entry in staff.get(url(jane)).json()["items"]] == ["withdrawn", "granted"]


@in_one_test("states", [["granted", "withdrawn"], ["withdrawn", "granted"]])
def test_of_two_entries_at_one_moment_the_withdrawal_counts(staff, jane, states):
    for state in states:
        body = WHATSAPP | {"state": state, "at": "2025-01-15T10:30:00Z"}
        assert staff.post(url(jane), body, format="json").status_code == 201
    assert "whatsapp" not in booleans(staff, jane)[0]


def test_marketing_consent_is_marketing_on_all_channels(staff, jane):
    for number, channel in enumerate(CHANNELS):
        assert booleans(staff, jane)[1] is False, number
        staff.post(url(jane), {"channel": channel, "purpose": "marketing", "state": "granted"}, format="json")
    assert booleans(staff, jane)[1] is True
    staff.post(url(jane), {"channel": "push", "purpose": "marketing", "state": "withdrawn"}, format="json")
    assert booleans(staff, jane)[1] is False
    granted = {one.channel for one in current_consents(jane) if one.purpose == "marketing" and one.is_granted}
    assert granted == {"email", "sms", "whatsapp"}


def test_the_documented_endpoints_write_entries_with_the_actor(manager, staff, jane):
    body = {"preferences": {"marketing_consent": True, "communication_preferences": {"sms": False}}}
    assert manager.put(f"/api/v1/customers/{jane.pk}", body, format="json").status_code == 200
    body = {"marketing_consent": False, "communication_preferences": {"sms": False, "whatsapp": True}}
    assert staff.put(f"/api/v1/customers/{jane.pk}/preferences", body, format="json").status_code == 200
    entries = {(one.purpose, one.channel, one.state, one.source, one.recorded_by) for one in Consent.objects.all()}
    assert entries == {
        ("service", "sms", "withdrawn", "reception", manager.user.pk),
        *(("marketing", channel, "granted", "reception", manager.user.pk) for channel in CHANNELS),
        *(("marketing", channel, "withdrawn", "reception", staff.user.pk) for channel in CHANNELS),
        ("service", "whatsapp", "granted", "reception", staff.user.pk),
    }


def test_a_new_customer_has_entries_for_what_differs_from_the_defaults(staff, in_scope):
    preferences = {"marketing_consent": True, "communication_preferences": {"email": False, "sms": True}}
    body = {"first_name": "Jane", "phone": "+1234567890", "preferences": preferences}
    pk = staff.post("/api/v1/customers", body, format="json").json()["id"]
    assert sorted(kinds(Customer.objects.get(pk=pk))) == sorted(
        ["service email withdrawn reception", *(f"marketing {channel} granted reception" for channel in CHANNELS)]
    )
    assert set(Consent.objects.values_list("recorded_by", flat=True)) == {staff.user.pk}


def test_a_new_customer_with_the_defaults_has_no_entry(staff, in_scope):
    body = {"first_name": "Jane", "phone": "+1234567890", "preferences": {"marketing_consent": False}}
    assert staff.post("/api/v1/customers", body, format="json").status_code == 201
    assert not Consent.objects.exists()


def test_marketing_consent_false_withdraws_each_channel_that_is_granted(staff, jane):
    staff.post(url(jane), {"channel": "email", "purpose": "marketing", "state": "granted"}, format="json")
    preferences = f"/api/v1/customers/{jane.pk}/preferences"
    assert staff.put(preferences, {"marketing_consent": False}, format="json").status_code == 200
    assert staff.put(preferences, {"marketing_consent": False}, format="json").status_code == 200
    assert kinds(jane) == ["marketing email granted reception", "marketing email withdrawn reception"]


@pytest.mark.parametrize("path", ["consents", "preferences"])
def test_a_body_that_was_read_before_a_withdrawal_grants_nothing(manager, staff, jane, path):
    jane.change({"marketing_consent": True})
    stale = manager.get(f"/api/v1/customers/{jane.pk}").json()
    if path == "consents":
        for purpose, channel in (("marketing", "email"), ("service", "sms")):
            staff.post(url(jane), {"channel": channel, "purpose": purpose, "state": "withdrawn"}, format="json")
    else:
        body = {"marketing_consent": False, "communication_preferences": {"sms": False}}
        staff.put(f"/api/v1/customers/{jane.pk}/preferences", body, format="json")
    entries = Consent.objects.count()
    for body in (stale, stale | {"updated_at": stale["updated_at"].replace("Z", "+00:00")}):
        answer = manager.put(f"/api/v1/customers/{jane.pk}", body | {"last_name": "Lee"}, format="json")
        assert (answer.status_code, answer.json()["last_name"]) == (200, "Lee")
        assert booleans(manager, jane) == ({"email", "push_notifications"}, False)
        assert Consent.objects.count() == entries


def test_a_body_that_was_read_after_the_withdrawal_grants(manager, staff, jane):
    """Also where the withdrawal has changed no boolean, and all happens within a second."""
    staff.post(url(jane), {"channel": "email", "purpose": "marketing", "state": "withdrawn"}, format="json")
    for _ in range(3):
        fresh = manager.get(f"/api/v1/customers/{jane.pk}").json()
        fresh["preferences"]["marketing_consent"] = True
        manager.put(f"/api/v1/customers/{jane.pk}", fresh, format="json")
        assert booleans(manager, jane)[1] is True
        staff.put(f"/api/v1/customers/{jane.pk}/preferences", {"marketing_consent": False}, format="json")
        # Another change in the same second.
        staff.put(f"/api/v1/customers/{jane.pk}/preferences", {"notes": "tea"}, format="json")
        assert booleans(manager, jane)[1] is False


@in_one_test("echoed", ["yesterday", 1, None, [], "2999-01-01T00:00:00Z", ""])
def test_an_echoed_time_that_is_no_instant_is_ignored(manager, jane, echoed):
    body = {"updated_at": echoed, "preferences": {"marketing_consent": True}}
    answer = manager.put(f"/api/v1/customers/{jane.pk}", body, format="json")
    assert (answer.status_code, answer.json()["preferences"]["marketing_consent"]) == (200, True)


def test_a_restored_customer_has_what_they_had_said_before_and_since(admin, jane):
    jane.change({"marketing_consent": True})
    admin.delete(f"/api/v1/customers/{jane.pk}")
    jane.refresh_from_db()
    withdraw_consents(jane, source="link")
    assert admin.post(f"/api/v1/customers/{jane.pk}/restore").json()["preferences"]["marketing_consent"] is False


def test_withdrawing_again_writes_nothing_more(jane):
    assert [one.channel for one in withdraw_consents(jane, source="link", channels=["email"])] == ["email"]
    assert [one.channel for one in withdraw_consents(jane, source="link")] == ["sms", "push", "whatsapp"]
    assert withdraw_consents(jane, source="link") == []


def test_entries_are_in_the_audit_trail_and_leave_it_with_their_customer(jane, staff):
    staff.post(url(jane), WHATSAPP, format="json")
    event = AuditEvent.objects.get(table="consent")
    assert (event.action, event.customer_id, event.actor_id) == ("created", jane.pk, staff.user.pk)
    jane.purge()
    assert not Consent.objects.exists()
    assert set(AuditEvent.objects.filter(table="consent").values_list("before", "after")) == {(None, None)}


# --- double opt-in --------------------------------------------------------------------------------------------------


def is_confirmed(customer):
    customer.tenant.refresh_from_db()
    return next(one for one in current_consents(customer) if (one.channel, one.purpose) == ("email", "marketing"))[2:4]


def opened_link(customer):
    """Returns the link that waits to be mailed to the customer."""
    return MailedLink.objects.get(customer=customer, kind="confirm_marketing", state="queued")


def test_with_double_opt_in_marketing_by_email_counts_once_the_link_is_opened(staff, jane, in_scope):
    in_scope.double_opt_in = True
    in_scope.save()
    staff.put(f"/api/v1/customers/{jane.pk}/preferences", {"marketing_consent": True}, format="json")
    link = opened_link(jane)
    assert (link.email, link.email_key, is_confirmed(jane)) == (jane.email, jane.email_key, (True, False))
    entry = confirm_marketing(link)
    jane.refresh_from_db()
    assert (entry.source, entry.state, jane.email_verified, is_confirmed(jane)) == (
        "link",
        "granted",
        True,
        (True, True),
    )
    # To grant it again needs no second mail, but after a withdrawal it does.
    link.delete()
    record_consent(jane, channel="email", purpose="marketing", state="granted", source="reception")
    assert (is_confirmed(jane), MailedLink.objects.count()) == ((True, True), 0)
    withdraw_consents(jane, source="reception")
    record_consent(jane, channel="email", purpose="marketing", state="granted", source="reception")
    assert (is_confirmed(jane), opened_link(jane).email) == ((True, False), jane.email)


def test_a_link_from_before_a_withdrawal_grants_nothing(jane, in_scope):
    in_scope.double_opt_in = True
    in_scope.save()
    record_consent(jane, channel="email", purpose="marketing", state="granted", source="paper")
    link = opened_link(jane)
    withdraw_consents(jane, source="reception")
    assert confirm_marketing(link) is None
    assert is_confirmed(jane) == (False, False)


def test_a_link_for_another_address_grants_nothing(jane, in_scope):
    in_scope.double_opt_in = True
    in_scope.save()
    record_consent(jane, channel="email", purpose="marketing", state="granted", source="paper")
    link = opened_link(jane)
    jane.change({"email": "new@example.com"})
    assert confirm_marketing(link) is None
    assert is_confirmed(jane) == (True, False)


def test_a_customer_gets_one_waiting_mail_and_at_most_five_an_hour(jane, in_scope):
    in_scope.double_opt_in = True
    in_scope.save()

    def grant(source="reception"):
        withdraw_consents(jane, source="reception")
        record_consent(jane, channel="email", purpose="marketing", state="granted", source=source)

    for _ in range(3):
        grant()
    assert MailedLink.objects.count() == 1
    for _ in range(7):
        MailedLink.objects.update(state="sent")
        grant()
    assert MailedLink.objects.count() == 5
    MailedLink.objects.update(created_at=timezone.now() - dt.timedelta(hours=2))
    grant()
    assert MailedLink.objects.count() == 6


def test_nobody_gets_a_mail_without_double_opt_in_or_an_address_or_by_an_import(jane, in_scope):
    without = CustomerFactory(tenant=in_scope, email=None, marketing_consent=True)
    jane.change({"marketing_consent": True})
    in_scope.double_opt_in = True
    in_scope.save()
    without.change({"marketing_consent": False})
    without.change({"marketing_consent": True})
    other = CustomerFactory(tenant=in_scope)
    record_consent(other, channel="email", purpose="marketing", state="granted", source="import")
    assert not MailedLink.objects.exists()
