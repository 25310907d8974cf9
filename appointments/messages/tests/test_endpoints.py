"""GET /messages and GET and PUT /messages/settings."""

import pytest

from appointments.messages.tests.conftest import change
from customers.tests.factories import CustomerFactory

pytestmark = pytest.mark.django_db
SETTINGS = "/api/v1/messages/settings"
DEFAULTS = {
    "sends_confirmations": False,
    "sends_changes": False,
    "sends_cancellations": False,
    "sends_reminders": False,
    "reminder_hours": 24,
    "quiet_from": None,
    "quiet_until": None,
    "reply_to": None,
    "double_opt_in": False,
    "cancellation_notice_hours": 24,
}


def test_staff_see_what_was_sent_to_a_customer_and_what_not(book, act, sent, staff, salon):
    pk = book()
    act(pk, status="cancelled")
    sent()
    other = CustomerFactory(tenant=salon.tenant)
    answer = staff.get(f"/api/v1/messages?customer_id={salon.jane.pk}").json()
    assert {key: answer[key] for key in ("total", "page", "size", "pages")} == {
        "total": 2,
        "page": 1,
        "size": 20,
        "pages": 1,
    }
    newest, oldest = answer["items"]
    assert (newest["kind"], newest["state"], newest["reasons"], newest["language"]) == (
        "cancellation",
        "sent",
        [],
        salon.jane.language,
    )
    assert (oldest["kind"], oldest["state"], oldest["reasons"], oldest["sent_at"]) == (
        "confirmation",
        "skipped",
        ["cancelled"],
        None,
    )
    assert {item["appointment_id"] for item in answer["items"]} == {pk}
    for query, total in (
        (f"customer_id={other.pk}", 0),
        ("state=sent", 1),
        ("state=skipped,failed&state=unknown", 1),
        ("kind=reminder", 0),
        ("kind=Cancellation&state=sent", 1),
        ("", 2),
    ):
        assert staff.get(f"/api/v1/messages?{query}").json()["total"] == total, query
    for query in ("state=lost", "kind=x", "customer_id=x", "page=0"):
        assert staff.get(f"/api/v1/messages?{query}").status_code == 400, query


def test_managers_read_and_change_what_the_business_sends(manager, tenant):
    answer = manager.get(SETTINGS)
    body = answer.json()
    assert {key: body[key] for key in DEFAULTS} == DEFAULTS
    assert body["tenant_id"] == tenant.pk
    given = {"sends_reminders": True, "quiet_from": "21:00", "quiet_until": "08:00:00", "reply_to": "a@lotus.example"}
    changed = manager.put(SETTINGS, given, headers={"If-Match": answer["ETag"]})
    assert changed.status_code == 200, changed.content
    wanted = DEFAULTS | given | {"quiet_from": "21:00:00"}
    assert {key: changed.json()[key] for key in DEFAULTS} == wanted
    assert manager.get(SETTINGS).json() == changed.json()
    assert manager.get(SETTINGS)["ETag"] == changed["ETag"]
    assert manager.put(SETTINGS, {}, headers={"If-Match": answer["ETag"]}).status_code == 412
    # Whole forms come with empty texts, and with what is read-only.
    assert (
        manager.put(SETTINGS, changed.json() | {"reply_to": None, "quiet_from": None, "quiet_until": None}).json()[
            "quiet_until"
        ]
        is None
    )


@pytest.mark.parametrize(
    "body",
    [
        {"quiet_from": "21:00"},
        {"quiet_until": "21:00"},
        {"quiet_from": "21:00", "quiet_until": "21:00"},
        {"quiet_from": "25:00", "quiet_until": "08:00"},
        {"reminder_hours": -1},
        {"reminder_hours": "24"},
        {"sends_reminders": "yes"},
        {"sends_reminders": None},
        {"reply_to": "nobody"},
        {"reply_to": "a@lotus.example\r\nBcc: b@evil.example"},
        {"cancellation_notice_hours": 10_000},
        {"tenant_id": "507f1f77bcf86cd799439011"},
    ],
)
def test_impossible_settings_are_refused_and_nothing_is_changed(manager, body):
    before = manager.get(SETTINGS).json()
    answer = manager.put(SETTINGS, body | {"sends_confirmations": True} if len(body) else body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid"), answer.content
    assert manager.get(SETTINGS).json() == before


def test_a_super_admin_names_the_business(super_admin, tenant, other_tenant):
    change(other_tenant, reply_to="hei@nordlys.example")
    assert super_admin.get(SETTINGS).status_code == 400
    assert super_admin.get(f"{SETTINGS}?tenant_id={other_tenant.pk}").json()["reply_to"] == "hei@nordlys.example"
    answer = super_admin.put(f"{SETTINGS}?tenant_id={other_tenant.pk}", {"sends_changes": True})
    assert answer.json()["tenant_id"] == other_tenant.pk
    assert super_admin.get(f"{SETTINGS}?tenant_id={tenant.pk}").json()["sends_changes"] is False
