"""A customer says by themselves what they may be sent."""

import pytest

from customers.models import Consent
from customers.tests.bodies import INSTANT
from tenants.scope import tenant_scope

WITHDRAWAL = {"channel": "sms", "purpose": "service", "state": "withdrawn"}


@pytest.fixture
def jane(portal_client):
    """The client of a customer."""
    return portal_client()


@pytest.fixture
def url(jane):
    return f"{jane.url}/consents"


def test_a_customer_withdraws_and_grants(each_tenant_guard, jane, url):
    answer = jane.post(url, WITHDRAWAL)
    entry = answer.json()
    assert (answer.status_code, answer["Location"]) == (201, url)
    assert INSTANT.match(entry.pop("at"))
    assert INSTANT.match(entry.pop("created_at"))
    assert entry == WITHDRAWAL | {
        "id": entry["id"],
        "customer_id": jane.customer.pk,
        "source": "portal",
        "text_version": None,
    }
    assert jane.get(f"{jane.url}/preferences").json()["communication_preferences"]["sms"] is False
    for channel in ("email", "sms", "push", "whatsapp"):
        granted = {"channel": channel, "purpose": "marketing", "state": "granted", "text_version": "portal-1"}
        assert jane.post(url, granted).json()["text_version"] == "portal-1"
    assert jane.get(f"{jane.url}/preferences").json()["marketing_consent"] is True
    listed = jane.get(f"{url}?size=2").json()
    assert (listed["total"], [row["channel"] for row in listed["items"]]) == (5, ["whatsapp", "push"])


def test_preferences_write_entries_of_the_portal(jane, url):
    jane.put(f"{jane.url}/preferences", {"communication_preferences": {"email": False}})
    [entry] = jane.get(url).json()["items"]
    assert {name: entry[name] for name in ("channel", "purpose", "state", "source")} == {
        "channel": "email",
        "purpose": "service",
        "state": "withdrawn",
        "source": "portal",
    }


def test_what_a_customer_does_not_say_is_ignored(jane, url):
    extra = {
        "source": "paper",
        "at": "2020-01-01T00:00:00Z",
        "evidence": "x",
        "recorded_by": "507f1f77bcf86cd799439011",
    }
    entry = jane.post(url, WITHDRAWAL | extra).json()
    assert (entry["source"], entry["at"][:4] > "2020") == ("portal", True)
    with tenant_scope(jane.customer.tenant):
        row = Consent.objects.get()
    assert (row.evidence, row.recorded_by) == (None, None)


@pytest.mark.parametrize(
    "changes", [{"channel": "fax"}, {"purpose": "fun"}, {"state": None}, {"text_version": "x" * 51}]
)
def test_an_invalid_value_is_a_400(changes, jane, url):
    answer = jane.post(url, WITHDRAWAL | changes)
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (400, [*changes])


def test_staff_see_whose_word_it_was(jane, url, staff):
    jane.post(url, WITHDRAWAL)
    [entry] = staff.get(f"/api/v1/customers/{jane.customer.pk}/consents").json()["items"]
    assert (entry["source"], entry["recorded_by"]) == ("portal", None)


def test_the_words_of_staff_are_shown_without_their_notes(jane, url, staff):
    staff.post(f"/api/v1/customers/{jane.customer.pk}/consents", WITHDRAWAL | {"evidence": "Folder 12"})
    answer = jane.get(url)
    assert answer.json()["items"][0]["source"] == "reception"
    assert "Folder" not in answer.content.decode()


def test_an_entry_with_a_key_is_made_once(jane, url):
    headers = {"Idempotency-Key": "one"}
    first, second = (jane.post(url, WITHDRAWAL, headers=headers) for _ in range(2))
    assert (first.json(), jane.get(url).json()["total"]) == (second.json(), 1)
