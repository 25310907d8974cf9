"""`POST /api/v1/customers/{id}/messages/decision` says whether a customer may be sent a message, by what and why."""

import datetime as dt
from itertools import product

import pytest

from circe.tests.cases import in_one_test
from customers.consents.ledger import confirm_marketing, record_consent, withdraw_consents
from customers.messages.decision import ChannelFacts, decide, end_of_quiet_hours, is_quiet, reasons_against, reasons_for
from customers.models import Customer, MailedLink, MarketingBlock
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tenants.tests.shell import run

CHANNELS = ["email", "sms", "push", "whatsapp"]
NOON = "2026-01-15T12:00:00Z"


@pytest.fixture
def jane(in_scope):
    """A customer who may be sent everything."""
    jane = CustomerFactory(
        tenant=in_scope, email_verified=True, accepts_whatsapp=True, marketing_consent=True, language="en"
    )
    return Customer.objects.select_related("tenant").get(pk=jane.pk)


@pytest.fixture
def ask(staff, jane):
    """Returns `ask(purpose, **more)`: the answer of the endpoint about Jane, at noon."""

    def send(purpose, **more):
        answer = staff.post(
            f"/api/v1/customers/{jane.pk}/messages/decision", {"purpose": purpose, "at": NOON} | more, format="json"
        )
        assert answer.status_code == 200, answer.json()
        return answer.json()

    return send


# --- the rules ------------------------------------------------------------------------------------------------------


def oracle(facts, channel, purpose):
    """Returns the reasons against the message, in the words of the contract and of its description."""
    is_email, is_marketing = channel == "email", purpose == "marketing"
    reasons = []
    if facts.is_deleted:
        reasons.append("deleted")
    if not facts.is_active:
        reasons.append("inactive")
    if not facts.has_contact:
        reasons.append("no_email" if is_email else "no_phone")
    if is_marketing and is_email and not facts.is_verified:
        reasons.append("not_verified")
    if not facts.is_accepted:
        reasons.append("channel_off")
    if is_marketing and not facts.is_granted:
        reasons.append("no_consent")
    if is_marketing and is_email and facts.is_granted and not facts.is_confirmed:
        reasons.append("not_confirmed")
    if is_marketing and facts.is_blocked:
        reasons.append("address_blocked")
    if facts.is_quiet:
        reasons.append("quiet_hours")
    return reasons


def test_every_row_of_the_truth_table():
    rows = 0
    for values in product([False, True], repeat=len(ChannelFacts._fields)):
        facts = ChannelFacts(*values)
        for channel, purpose in product(CHANNELS, ["service", "marketing"]):
            assert reasons_against(facts, channel, purpose) == oracle(facts, channel, purpose), (
                facts,
                channel,
                purpose,
            )
            rows += 1
    assert rows == 4096


@in_one_test("channel, purpose", product(CHANNELS, ["service", "marketing"]))
def test_an_allowed_message_has_a_reason_for_each_rule_that_is_about_it(channel, purpose):
    of_email = ["verified", "confirmed"] if purpose == "marketing" and channel == "email" else []
    of_marketing = ["consent", "not_blocked"] if purpose == "marketing" else []
    contact = "has_email" if channel == "email" else "has_phone"
    expected = {"not_deleted", "active", contact, "channel_on", "no_quiet_hours", *of_email, *of_marketing}
    assert sorted(reasons_for(channel, purpose)) == sorted(expected)


# --- the facts ------------------------------------------------------------------------------------------------------

# A change of Jane, and by channel the reasons that it gives against service messages and against marketing.
PHONES = ["sms", "push", "whatsapp"]


def each(channels, slug):
    return {channel: [slug] for channel in channels}


FACTS = {
    "nothing": (lambda jane: None, {}, {}),
    "inactive": (
        lambda jane: jane.change({"is_active": False}),
        each(CHANNELS, "inactive"),
        each(CHANNELS, "inactive"),
    ),
    "no e-mail": (
        lambda jane: jane.change({"email": None}),
        {"email": ["no_email"]},
        {"email": ["no_email", "not_verified"]},
    ),
    "no phone": (
        lambda jane: jane.change({"phone": None}),
        each(PHONES, "no_phone"),
        each(PHONES, "no_phone"),
    ),
    "a new e-mail": (lambda jane: jane.change({"email": "new@example.com"}), {}, {"email": ["not_verified"]}),
    **{
        f"{channel} off": (
            lambda jane, channel=channel: jane.change({f"accepts_{channel}": False}),
            {channel: ["channel_off"]},
            {channel: ["channel_off"]},
        )
        for channel in CHANNELS
    },
    **{
        f"no marketing by {channel}": (
            lambda jane, channel=channel: withdraw_consents(jane, source="link", channels=[channel]),
            {},
            {channel: ["no_consent"]},
        )
        for channel in CHANNELS
    },
    "no marketing": (
        lambda jane: jane.change({"marketing_consent": False}),
        {},
        each(CHANNELS, "no_consent"),
    ),
    "double opt-in": (
        lambda jane: Tenant.objects.filter(pk=jane.tenant_id).update(double_opt_in=True),
        {},
        {"email": ["not_confirmed"]},
    ),
    "quiet hours": (
        # Noon in UTC is 19:00 in Jakarta.
        lambda jane: Tenant.objects.filter(pk=jane.tenant_id).update(quiet_from="18:00", quiet_until="09:00"),
        each(CHANNELS, "quiet_hours"),
        each(CHANNELS, "quiet_hours"),
    ),
}


@pytest.mark.slow("asks for a decision with each fact")
@in_one_test("name", FACTS)
def test_each_fact_makes_its_reasons_for_its_channels(ask, jane, name):
    change, *expected = FACTS[name]
    # The cases share the fixture.
    change(Customer.objects.get(pk=jane.pk))
    for purpose, against in zip(["service", "marketing"], expected, strict=True):
        answer = ask(purpose)
        found = answer["by_channel"]
        assert found == {channel: against.get(channel) or reasons_for(channel, purpose) for channel in CHANNELS}
        first = next((channel for channel in CHANNELS if channel not in against), None)
        assert (answer["allowed"], answer["channel"], answer["language"]) == (first is not None, first, "en")
        refusals = list(dict.fromkeys(slug for slugs in against.values() for slug in slugs))
        assert answer["reasons"] == (found[first] if first else refusals)


def test_the_channels_are_tried_in_the_order_of_the_request(ask, jane):
    assert ask("marketing", channels=["push", "email", "push"])["channel"] == "push"
    jane.change({"accepts_push": False})
    answer = ask("marketing", channels=["push", "email"])
    assert (answer["channel"], [*answer["by_channel"]]) == ("email", ["push", "email"])
    assert ask("marketing", channels=["push"])["reasons"] == ["channel_off"]


# Each row has the preferred channel, the fact that the test changes, the channels that the request names, and the channels
# that Circe tries, in this order.
ORDERS = [
    (None, "nothing", None, ["email", "sms", "push", "whatsapp"]),
    ("email", "nothing", None, ["email", "sms", "push", "whatsapp"]),
    ("sms", "nothing", None, ["sms", "email", "push", "whatsapp"]),
    ("whatsapp", "nothing", None, ["whatsapp", "email", "sms", "push"]),
    # Circe sends nothing by a phone call.
    ("phone", "nothing", None, ["email", "sms", "push", "whatsapp"]),
    # The next one is taken where the preferred one is forbidden: it stays the first that was tried.
    ("whatsapp", "whatsapp off", None, ["whatsapp", "email", "sms", "push"]),
    ("sms", "no phone", None, ["sms", "email", "push", "whatsapp"]),
    ("whatsapp", "no e-mail", None, ["whatsapp", "email", "sms", "push"]),
    # The channels of the request count more than the channel that the customer prefers.
    ("sms", "nothing", ["push", "sms"], ["push", "sms"]),
    ("sms", "nothing", ["email"], ["email"]),
]


@in_one_test("preferred, fact, channels, order", ORDERS)
def test_the_preferred_channel_is_tried_first_unless_the_request_names_channels(
    ask, jane, preferred, fact, channels, order
):
    change, *against = FACTS[fact]
    change(Customer.objects.get(pk=jane.pk))
    Customer.objects.get(pk=jane.pk).change({"preferred_channel": preferred})
    for purpose, forbidden in zip(["service", "marketing"], against, strict=True):
        answer = ask(purpose, **({"channels": channels} if channels else {}))
        assert [*answer["by_channel"]] == order
        assert answer["channel"] == next(channel for channel in order if channel not in forbidden)


def test_a_deleted_customer_is_sent_nothing(staff, in_scope):
    gone = DeletedCustomerFactory(tenant=in_scope)
    gone = Customer.objects.select_related("tenant").get(pk=gone.pk)
    assert decide(gone, "service", ["email"]).reasons == ["deleted", "inactive"]
    assert staff.post(f"/api/v1/customers/{gone.pk}/messages/decision", {"purpose": "service"}).status_code == 404


@in_one_test(
    "body, field",
    [
        ({}, "purpose"),
        ({"purpose": "spam"}, "purpose"),
        ({"purpose": None}, "purpose"),
        ({"purpose": ["service"]}, "purpose"),
        ({"purpose": "service", "channels": "email"}, "channels"),
        ({"purpose": "service", "channels": []}, "channels"),
        ({"purpose": "service", "channels": ["fax"]}, "channels.0"),
        ({"purpose": "service", "channels": ["sms"] * 5}, "channels"),
        ({"purpose": "service", "at": "tomorrow"}, "at"),
        ({"purpose": "service", "at": "0001-01-01T00:00:00Z"}, "at"),
        ({"purpose": "service", "at": "9999-12-31T23:59:59Z"}, "at"),
        ({"purpose": "service", "channel": "sms"}, "channel"),
    ],
)
def test_a_question_with_a_wrong_value_is_a_400(staff, jane, body, field):
    answer = staff.post(f"/api/v1/customers/{jane.pk}/messages/decision", body, format="json")
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (400, [field])


def test_the_link_of_double_opt_in_lets_marketing_through(ask, jane, in_scope):
    in_scope.double_opt_in = True
    in_scope.save()
    record_consent(jane, channel="email", purpose="marketing", state="granted", source="reception")
    assert ask("marketing", channels=["email"])["reasons"] == ["not_confirmed"]
    confirm_marketing(MailedLink.objects.get(customer=jane))
    assert ask("marketing", channels=["email"])["allowed"] is True


# --- quiet hours ----------------------------------------------------------------------------------------------------


def business(zone, start, end):
    return Tenant(
        time_zone=zone,
        quiet_from=start and dt.time.fromisoformat(start),
        quiet_until=end and dt.time.fromisoformat(end),
    )


# Time zone, begin, end, instant, and the end of the quiet hours in which it lies, or None.
QUIET = """
Asia/Jakarta  -      -      2026-01-15T12:00:00Z  -
Asia/Jakarta  21:00  08:00  2026-01-15T13:59:59Z  -
Asia/Jakarta  21:00  08:00  2026-01-15T14:00:00Z  2026-01-16T01:00:00Z
Asia/Jakarta  21:00  08:00  2026-01-15T17:30:00Z  2026-01-16T01:00:00Z
Asia/Jakarta  21:00  08:00  2026-01-16T00:59:59Z  2026-01-16T01:00:00Z
Asia/Jakarta  21:00  08:00  2026-01-16T01:00:00Z  -
Asia/Jakarta  12:00  14:00  2026-01-15T04:59:59Z  -
Asia/Jakarta  12:00  14:00  2026-01-15T05:00:00Z  2026-01-15T07:00:00Z
Asia/Jakarta  12:00  14:00  2026-01-15T07:00:00Z  -
Asia/Jakarta  00:00  06:00  2026-01-14T17:00:00Z  2026-01-14T23:00:00Z
Asia/Jakarta  22:00  00:00  2026-01-15T16:59:59Z  2026-01-15T17:00:00Z
Asia/Jakarta  22:00  00:00  2026-01-15T17:00:00Z  -
Europe/Oslo   22:00  07:00  2026-03-28T22:00:00Z  2026-03-29T05:00:00Z
Europe/Oslo   22:00  07:00  2026-10-24T21:00:00Z  2026-10-25T06:00:00Z
Europe/Oslo   22:00  02:30  2026-03-29T00:30:00Z  2026-03-29T01:00:00Z
Europe/Oslo   22:00  02:30  2026-03-29T01:00:00Z  -
Europe/Oslo   22:00  02:30  2026-10-25T00:10:00Z  2026-10-25T00:30:00Z
Europe/Oslo   22:00  02:30  2026-10-25T00:45:00Z  -
Europe/Oslo   22:00  02:30  2026-10-25T01:10:00Z  2026-10-25T01:30:00Z
Europe/Oslo   22:00  02:30  2026-10-25T01:30:00Z  -
"""


@in_one_test("zone, start, end, at, until", [line.split() for line in QUIET.strip().splitlines()])
def test_quiet_hours_are_those_of_the_business_and_its_clock(zone, start, end, at, until):
    tenant, at = business(zone, *(None if one == "-" else one for one in (start, end))), dt.datetime.fromisoformat(at)
    assert is_quiet(tenant, at) is (until != "-")
    if until != "-":
        assert end_of_quiet_hours(tenant, at) == dt.datetime.fromisoformat(until)


def test_a_message_that_only_quiet_hours_forbid_is_allowed_from_their_end(ask, jane):
    FACTS["quiet hours"][0](jane)
    assert ask("service")["allowed_from"] == "2026-01-16T02:00:00Z"
    assert ask("service", at="2026-01-16T02:00:00Z")["allowed_from"] is None
    # Not where it would be forbidden then, too.
    jane.change({"email": None, "phone": "+628123456789", **{f"accepts_{channel}": False for channel in CHANNELS}})
    assert (ask("service")["allowed"], ask("service")["allowed_from"]) == (False, None)


# --- addresses of people who were erased ----------------------------------------------------------------------------


def again(jane, tenant, **changes):
    """Returns a new customer with the addresses of Jane, whom reception enters with everything granted."""
    addresses = {"email": jane.email, "phone": jane.phone}
    new = CustomerFactory(
        tenant=tenant,
        **addresses | {"email_verified": True, "marketing_consent": True, "accepts_whatsapp": True} | changes,
    )
    return Customer.objects.select_related("tenant").get(pk=new.pk)


def blocked(customer):
    """Returns the channels by which marketing is blocked, and asserts that nothing else forbids it."""
    reasons = {channel: decide(customer, "marketing", [channel]).reasons for channel in CHANNELS}
    found = [channel for channel, slugs in reasons.items() if slugs == ["address_blocked"]]
    assert all(decide(customer, "marketing", [channel]).allowed for channel in set(CHANNELS) - {*found})
    assert decide(customer, "service").allowed
    return found


def test_after_erasure_marketing_is_blocked_to_the_addresses_until_their_owner_grants_it(jane, in_scope, other_tenant):
    certificate = run("erase_customer", "--tenant", "lotus", "--id", jane.pk, "--yes", "--json").report["rows"][-1]
    assert certificate["removed"]["consents"] == 5
    assert certificate["kept_without_the_person"]["blocked_addresses"] == 2
    assert not any(jane.phone in block or jane.email in block for block in _stored_texts())
    new = again(jane, in_scope)
    assert blocked(new) == CHANNELS
    for source in ("reception", "paper", "import"):
        record_consent(new, channel="email", purpose="marketing", state="granted", source=source)
        assert blocked(new) == CHANNELS
    record_consent(new, channel="email", purpose="marketing", state="granted", source="link")
    record_consent(new, channel="push", purpose="marketing", state="granted", source="portal")
    assert blocked(new) == ["sms", "whatsapp"]
    # Who has another address is not blocked, and in another spelling it is the same address.
    new.change({"email": "other@example.com", "email_verified": True})
    assert blocked(again(jane, in_scope, email=jane.email.upper(), phone="+628000000001")) == ["email"]
    run("erase_customer", "--tenant", "lotus", "--id", new.pk, "--yes")
    newest = again(new, in_scope)
    assert blocked(newest) == CHANNELS


def _stored_texts():
    return [str(value) for row in MarketingBlock.objects.values_list() for value in row]


def test_a_block_is_of_one_business_alone(jane, in_scope, other_tenant):
    run("erase_customer", "--tenant", "lotus", "--id", jane.pk, "--yes")
    assert MarketingBlock.objects.count() == 2
    with tenant_scope(other_tenant):
        assert blocked(again(jane, other_tenant)) == []


def test_a_purge_blocks_the_addresses_where_marketing_was_withdrawn(jane, in_scope):
    withdraw_consents(jane, source="link", channels=["email"])
    other = CustomerFactory(tenant=in_scope, marketing_consent=True)
    jane.purge()
    other.purge()
    assert blocked(again(jane, in_scope)) == ["email"]
    assert blocked(again(other, in_scope)) == []


def test_a_block_stands_after_the_secret_key_was_changed(jane, in_scope, settings):
    jane.change({"marketing_consent": False})
    jane.purge()
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another" * 10, [settings.SECRET_KEY]
    assert blocked(again(jane, in_scope)) == CHANNELS
