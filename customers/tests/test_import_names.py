"""Tests the names of customers, outlets, services and staff in an import."""

from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from customers.tests.test_transfer_admin import LIST, body, checked
from customers.tests.transfer import as_csv, from_csv


def test_a_refused_row_names_the_customer_in_its_way_with_a_link(back_office, in_scope, stranger):
    same_phone = CustomerFactory(tenant=in_scope, first_name="<Ann>", last_name="Lee", phone="+628123456701")
    deleted = DeletedCustomerFactory(tenant=in_scope, first_name="Bo", last_name="", email="bo@example.com")
    differs = CustomerFactory(tenant=in_scope, first_name="Cy", last_name="", email="cy@example.com")
    theirs = CustomerFactory(tenant=stranger, first_name="Stranger")
    rows = [
        ["first_name", "email", "phone", "gender"],
        ["Annie", "annie@example.com", "+628123456701", ""],
        ["Bob", "bo@example.com", "", ""],
        ["Cyrus", "cy@example.com", "", ""],
        # A text of the file that looks like a reason of Circe names nobody of another business.
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
    # The file has ids, and no names of people whom it does not have itself.
    refused = from_csv(body(browser.get(f"{url}refused.csv")).encode())
    assert refused[1][:3] == ["2", "phone", f"Customer {same_phone.pk} has this phone number."]
