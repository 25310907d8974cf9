"""The page of a done import leads to its customers, and undoes what it did where nobody changed it since."""

import pytest

from appointments.tests.factories import AppointmentFactory
from customers.models import Customer
from customers.tests.factories import CustomerFactory
from customers.tests.pages import PAGE, shown_messages
from customers.tests.test_transfer_admin import body, checked
from customers.tests.transfer import as_csv
from customers.transfer.undoing import import_request_id
from tenants.models import AuditEvent
from tenants.tests.factories import OutletFactory, ServiceFactory


@pytest.fixture
def imported(back_office, in_scope):
    """Imports two new customers and a changed one. Returns the browser and the page of the import."""
    services = [ServiceFactory(tenant=in_scope).pk for _ in range(2)]
    ann = CustomerFactory(tenant=in_scope, first_name="Ann", email="ann@example.com", email_verified=True, notes="tea")
    ann.change({"preferred_services": services[:1], "tags": ["vip"]})
    rows = [
        ["id", "first_name", "email", "notes", "tags", "preferred_services", "marketing_consent", "date_of_birth"],
        [ann.pk, "Anna", "anna@example.com", "coffee", "old;new", ";".join(services), "", "1990-01-31"],
        ["", "Bob", "bob@example.com", "", "", "", "", ""],
        ["", "Cid", "cid@example.com", "", "", "", "", ""],
    ]
    browser = back_office("tenant_admin")
    url = checked(browser, as_csv(rows), update=True)
    body(browser.post(url, {"import": "1"}))
    return browser, url


def test_done_leads_to_the_customers_of_the_import(imported, tenant):
    browser, url = imported
    CustomerFactory(tenant=tenant, first_name="Other")
    page = browser.get(url).content.decode()
    pk = url.split("/")[-2]
    for kind, found in (("", {"Anna", "Bob", "Cid"}), (":created", {"Bob", "Cid"}), (":updated", {"Anna"})):
        assert f'href="{PAGE}?import={pk}{kind}&amp;deleted=all"' in page
        shown = browser.get(f"{PAGE}?import={pk}{kind}").context["cl"].result_list
        assert {one.first_name for one in shown} == found
    assert browser.get(f"{PAGE}?import=x").url.endswith("?e=1")


def test_an_import_is_undone_as_a_whole(imported, in_scope):
    browser, url = imported
    before = Customer.objects.with_preferred().get(first_name="Anna")
    assert "Undo this import?" in browser.get(f"{url}?ask-undo").content.decode()
    assert Customer.objects.undeleted().count() == 3
    assert shown_messages(browser.post(url, {"undo": "1"}))[-1].startswith("Undone: 3.")
    ann = Customer.objects.undeleted().with_preferred().get()
    assert (ann.pk, ann.first_name, ann.email, ann.notes, ann.date_of_birth) == (
        before.pk,
        "Ann",
        "ann@example.com",
        "tea",
        None,
    )
    assert (ann.tags, len(ann.preferred_services), ann.email_verified) == (["vip"], 1, True)
    assert set(Customer.objects.deleted().values_list("first_name", flat=True)) == {"Bob", "Cid"}
    assert AuditEvent.objects.filter(action="soft_deleted", actor=browser.user).count() == 2
    # Once more there is nothing to undo but what was changed since.
    assert shown_messages(browser.post(url, {"undo": "1"}))[-1].startswith("Undone: 0.")


def test_who_was_changed_since_stays_and_is_named(imported, in_scope):
    browser, url = imported
    Customer.objects.get(first_name="Anna").change({"notes": "water"})
    AppointmentFactory(tenant=in_scope, customer=Customer.objects.get(first_name="Bob"))
    told = shown_messages(browser.post(url, {"undo": "1"}))
    assert told[-1].startswith("Undone: 1.")
    assert sum("stays as imported. Somebody changed this customer, or booked for them" in one for one in told) == 2
    assert set(Customer.objects.undeleted().values_list("first_name", flat=True)) == {"Anna", "Bob"}


@pytest.mark.parametrize(
    ("column", "factory"), [("preferred_services", ServiceFactory), ("preferred_outlet_id", OutletFactory)]
)
def test_who_preferred_what_was_deleted_since_stays_and_is_named(back_office, in_scope, column, factory):
    old, new = factory(tenant=in_scope), factory(tenant=in_scope)
    ann = CustomerFactory(tenant=in_scope, first_name="Ann")
    ann.change({column: [old.pk] if column == "preferred_services" else old.pk})
    browser = back_office("tenant_admin")
    rows = [
        ["id", "first_name", "email", column],
        [ann.pk, "Anna", ann.email, new.pk],
        ["", "Bob", "bob@example.com", ""],
    ]
    url = checked(browser, as_csv(rows), update=True)
    body(browser.post(url, {"import": "1"}))
    old.delete()
    told = shown_messages(browser.post(url, {"undo": "1"}))
    assert "stays as imported. An outlet, a service or a person whom they preferred was deleted since." in told[-2]
    assert told[-1].startswith("Undone: 1.")
    assert Customer.objects.undeleted().get().first_name == "Anna"


def test_an_import_that_is_not_done_cannot_be_undone(back_office, in_scope):
    browser = back_office("tenant_admin")
    url = checked(browser)
    assert shown_messages(browser.post(url, {"undo": "1"})) == ["This import is not done, so it can't be undone yet."]
    assert back_office("outlet_manager").post(url, {"undo": "1"}).status_code == 403


def test_nobody_can_have_their_own_writes_taken_for_those_of_an_import(imported, staff, in_scope):
    browser, url = imported
    headers = {"X-Request-ID": import_request_id(url.split("/")[-2])}
    staff.post("/api/v1/customers", {"first_name": "Dan", "email": "dan@example.com"}, headers=headers)
    bob = Customer.objects.get(first_name="Bob")
    staff.put(f"/api/v1/customers/{bob.pk}/preferences", {"preferred_categories": ["Hair"]}, headers=headers)
    assert shown_messages(browser.post(url, {"undo": "1"}))[-1].startswith("Undone: 2.")
    assert {*Customer.objects.undeleted().values_list("first_name", flat=True)} == {"Ann", "Bob", "Dan"}
