"""Tests the names of customers, outlets, services and staff in an import."""

import pytest

from customers.models import Customer
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from customers.tests.test_transfer_admin import LIST, body, checked, figures
from customers.tests.transfer import as_csv, from_csv
from tenants.models import Outlet, Service, Staff
from tenants.scope import current_tenant
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory


def test_the_reason_of_a_refused_row_links_to_the_customer_who_is_here_already(back_office, in_scope, other_tenant):
    same_phone = CustomerFactory(tenant=in_scope, first_name="<Ann>", last_name="Lee", phone="+628123456701")
    deleted = DeletedCustomerFactory(tenant=in_scope, first_name="Bo", last_name="", email="bo@example.com")
    differs = CustomerFactory(tenant=in_scope, first_name="Cy", last_name="", email="cy@example.com")
    theirs = CustomerFactory(tenant=other_tenant, first_name="Stranger")
    rows = [
        ["first_name", "email", "phone", "gender"],
        ["Annie", "annie@example.com", "+628123456701", ""],
        ["Bob", "bo@example.com", "", ""],
        ["Cyrus", "cy@example.com", "", ""],
        # This cell reads like a reason of Circe. The page must not name another business's customer for it.
        ["Dan", "dan@example.com", "", f"Customer {theirs.pk}"],
    ]
    browser = back_office("tenant_admin")
    url = checked(browser, as_csv(rows))

    def named(customer, name):
        return f'Customer <a href="{LIST}{customer.pk}/change/">{name}</a>'

    page = browser.get(url).content.decode()
    assert f"<td>phone</td><td>{named(same_phone, '&lt;Ann&gt; Lee')} has this phone number.</td>" in page
    assert f"{named(deleted, 'Bo')}, who was deleted, has this e-mail address: restore them instead." in page
    assert f"{named(differs, 'Cy')} is here already, and differs." in page
    assert "Stranger" not in page
    assert f"{theirs.pk}/change/" not in page
    # The file of refused rows has the id of the customer, and not the name.
    refused = from_csv(body(browser.get(f"{url}refused.csv")).encode())
    assert refused[1][:3] == ["2", "phone", f"Customer {same_phone.pk} has this phone number."]


HEADER = ["first_name", "email", "preferred_outlet_id", "preferred_services", "preferred_staff_ids"]


@pytest.fixture
def offers(tenant):
    """Two outlets, three services and two people of the business."""
    for name in ("Kota", "Café Sud"):
        OutletFactory(tenant=tenant, name=name)
    for name in ("Cut", "Cut, wash; dry", "Colour"):
        ServiceFactory(tenant=tenant, name=name)
    for first_name, last_name in (("Ana", "Lee"), ("Vina", "")):
        email = f"{first_name.lower()}@example.com"
        UserFactory(tenant=tenant, first_name=first_name, last_name=last_name, email=email)


def favourites():
    """Returns the names of the favourites of each customer, by the first name."""
    return {
        customer.first_name: (
            customer.preferred_outlet and customer.preferred_outlet.name,
            [Service.objects.get(pk=pk).name for pk in customer.preferred_services],
            [Staff.objects.get(pk=pk).full_name for pk in customer.preferred_staff_ids],
        )
        for customer in Customer.objects.with_preferred()
    }


def test_favourites_are_imported_by_name(import_rows, offers):
    result = import_rows(
        HEADER,
        ["As written", "a@example.com", "Kota", "Colour;Cut", "Vina;Ana Lee"],
        ["Folded", "f@example.com", " cafe  sud ", "COLOUR", "VINA@EXAMPLE.COM"],
        ["Commas", "c@example.com", "", "cut, colour", "ana lee, Vina"],
        ["Marks within a name", "m@example.com", "", "Cut, wash\\; dry;Cut", ""],
    )
    assert result.refused_rows == []
    assert favourites() == {
        "As written": ("Kota", ["Colour", "Cut"], ["Vina", "Ana Lee"]),
        "Folded": ("Café Sud", ["Colour"], ["Vina"]),
        "Commas": (None, ["Cut", "Colour"], ["Ana Lee", "Vina"]),
        "Marks within a name": (None, ["Cut, wash; dry", "Cut"], []),
    }


def test_an_unknown_name_is_refused_and_the_names_that_exist_are_told(import_rows, offers, other_tenant):
    OutletFactory(tenant=other_tenant, name="Aker")
    for number in range(12):
        UserFactory(tenant=current_tenant(), first_name=f"P{number:02}", last_name="")
    result = import_rows(
        HEADER, ["Jane", "j@example.com", "Aker", "", ""], ["Joe", "k@example.com", "", "", "Ana Lee;Nobody"]
    )
    people = ", ".join(["Ana Lee", *(f"P{number:02}" for number in range(9))])
    assert result.refused_rows == [
        (2, "preferred_outlet_id", "There is no outlet “Aker”. The business has Café Sud, Kota."),
        (3, "preferred_staff_ids", f"There is no member of staff “Nobody”. The business has {people} and 4 more."),
    ]


def test_a_name_that_two_have_is_refused_and_the_row_has_to_say_which(import_rows, offers, tenant):
    UserFactory(tenant=tenant, first_name="ana", last_name="LEE", email="another@example.com")
    ids = [
        ServiceFactory(tenant=tenant, name=name, is_active=name == "TRIM").pk
        for name in ("Trim", "TRIM", "Once", "Once")
    ]
    result = import_rows(
        HEADER,
        ["As written", "a@example.com", "", "", "Ana Lee"],
        ["Two", "t@example.com", "", "", "ANA LEE"],
        ["Address", "d@example.com", "", "", "another@example.com"],
        # An active one comes before one that is no longer on offer.
        ["Active", "c@example.com", "", "trim", ""],
        ["Inactive", "i@example.com", "", "once", ""],
    )
    assert result.refused_rows == [
        (
            3,
            "preferred_staff_ids",
            "2 members of staff have the name “ANA LEE”. Write which one: ana@example.com, another@example.com.",
        ),
        (6, "preferred_services", f"2 services have the name “once”. Write which one: {', '.join(sorted(ids[2:]))}."),
    ]
    assert {name: found[1:] for name, found in favourites().items()} == {
        "As written": ([], ["Ana Lee"]),
        "Address": ([], ["ana LEE"]),
        "Active": (["TRIM"], []),
    }


def test_an_export_without_the_columns_of_ids_is_imported_by_its_names(back_office, offers, in_scope):
    jane = CustomerFactory(tenant=in_scope, first_name="Jane", preferred_outlet=Outlet.objects.get(name="Kota"))
    jane.change(
        {
            "preferred_services": [Service.objects.get(name="Cut").pk],
            "preferred_staff_ids": [Staff.objects.get(first_name="Ana").pk],
        }
    )
    browser = back_office("tenant_admin")
    header, *rows = from_csv(body(browser.get(f"{LIST}export/csv/")).encode())
    assert figures(browser, checked(browser, as_csv([header, *rows]), update="on")) == {"unchanged": 1}
    id_columns = {header.index(name) for name in HEADER[2:]}
    header, row = ([cell for index, cell in enumerate(row) if index not in id_columns] for row in (header, *rows))
    assert figures(browser, checked(browser, as_csv([header, row]), update="on")) == {"unchanged": 1}
    row[header.index("preferred_service_names")] = "Cut; Colour"
    body(browser.post(checked(browser, as_csv([header, row]), update="on"), {"import": "1"}))
    assert favourites() == {"Jane": ("Kota", ["Cut", "Colour"], ["Ana Lee"])}
