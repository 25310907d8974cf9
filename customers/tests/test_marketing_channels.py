"""The column `marketing_channels` of an exported file says by which channels a customer may be sent marketing. The filter by
consent says only whether the consent counts.
"""

import pytest

from customers.consents.ledger import confirm_marketing, record_consent, withdraw_consents
from customers.messages.decision import decide
from customers.models import Customer, MailedLink
from customers.tests.factories import CustomerFactory
from customers.tests.transfer import from_csv
from tenants.scope import ALL_TENANTS, tenant_scope
from tenants.tests.shell import run

from .pages import PAGE, names

CHANNELS = ["email", "sms", "push", "whatsapp"]


def add(tenant, name, **changes):
    """Returns a new customer who may be sent marketing on every channel, but for the changes."""
    values = {"email_verified": True, "accepts_whatsapp": True, "marketing_consent": True}
    return CustomerFactory(tenant=tenant, first_name=name, last_name=None, **values | changes)


@pytest.fixture
def people(in_scope, other_tenant):
    """Customers of a business with double opt-in, by first name, each with another reason for or against marketing; and one
    of a business without double opt-in.
    """
    erased = [add(in_scope, "Erased"), add(in_scope, "Erased")]
    for customer in erased:
        run("erase_customer", "--tenant", "lotus", "--id", customer.pk, "--yes")
    in_scope.double_opt_in = True
    in_scope.save()
    made = {
        name: add(in_scope, name, **changes)
        for name, changes in {
            "Waiting": {},
            "Confirmed": {},
            "Withdrawn": {},
            "Granted again": {},
            "Unverified": {},
            "Inactive": {"is_active": False},
            "Mail off": {"accepts_email": False},
            "WhatsApp off": {"accepts_whatsapp": False},
            "No phone": {"phone": None},
            "No consent": {"marketing_consent": False},
            "Blocked": {"email": erased[0].email, "phone": erased[0].phone},
            "Blocked, confirmed since": {"email": erased[1].email, "phone": erased[1].phone},
        }.items()
    }
    for customer in made.values():
        if customer.first_name not in ("Waiting", "No consent", "Blocked"):
            confirm_marketing(MailedLink.objects.get(customer=customer))
    withdraw_consents(made["Withdrawn"], source="portal", channels=["email", "push"])
    withdraw_consents(made["Granted again"], source="portal", channels=["email"])
    record_consent(made["Granted again"], channel="email", purpose="marketing", state="granted", source="paper")
    made["Unverified"].refresh_from_db()
    made["Unverified"].change({"email_verified": False})
    run("erase_customer", "--tenant", "lotus", "--id", add(in_scope, "Erased", phone=None).pk, "--yes")
    with tenant_scope(other_tenant):
        made["Stranger"] = add(other_tenant, "Stranger")
    return made


def exported(browser):
    """Returns the cells `marketing_channels` of the exported file, by first name."""
    header, *rows = from_csv(b"".join(browser.get(f"{PAGE}export/csv/").streaming_content))
    cells = [dict(zip(header, row, strict=True)) for row in rows]
    return {one["first_name"]: one["marketing_channels"].split("; ") for one in cells}


def test_an_export_lists_the_channels_that_the_decision_about_a_message_allows(back_office, people):
    found = exported(back_office("super_admin"))
    with tenant_scope(ALL_TENANTS):
        decided = {
            customer.first_name: sorted(one for one in CHANNELS if decide(customer, "marketing", [one]).allowed)
            for customer in Customer.objects.undeleted().select_related("tenant")
        }
    assert found == {name: channels or [""] for name, channels in decided.items()}
    without_email = ["push", "sms", "whatsapp"]
    assert found == dict.fromkeys(people, sorted(CHANNELS)) | {
        "Waiting": without_email,
        "Withdrawn": ["sms", "whatsapp"],
        "Granted again": without_email,
        "Unverified": without_email,
        "Inactive": [""],
        "Mail off": without_email,
        "WhatsApp off": ["email", "push", "sms"],
        "No phone": ["email"],
        "No consent": [""],
        "Blocked": [""],
        "Blocked, confirmed since": ["email"],
    }


def test_the_filter_by_consent_finds_those_whose_consent_counts(back_office, people):
    browser = back_office("tenant_admin")
    waiting = {"Waiting", "Granted again", "Blocked"}
    everyone = {*people} - {"Stranger"}
    assert {*names(browser, "?consent=email")} == everyone - waiting - {"Withdrawn", "No consent"}
    assert {*names(browser, "?consent=sms")} == everyone - {"No consent"}
    assert {*names(browser, "?consent=all")} == everyone - waiting - {"Withdrawn", "No consent"}
    assert {*names(browser, "?consent=none")} == {"No consent"}
