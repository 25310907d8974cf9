"""Shared by the tests of the admin's pages of customers."""

from django.contrib.messages import get_messages

from tenants.tests.forms import opened

PAGE = "/admin/customers/customer/"
ADD = f"{PAGE}add/"

# The fields that the form for a new customer sends if only a name is typed.
JANE = {
    "first_name": "Jane",
    "last_name": "Doe",
    "gender": "",
    "date_of_birth": "",
    "email": "jane@example.com",
    "phone": "0812 3456 789",
    "address": "",
    "tags": "VIP,  regular ,,vip",
    "language": "id",
    "preferred_outlet": "",
    "preferred_categories": "",
    "accessibility_needs": "",
    "notes": "",
    "accepts_email": "on",
    "accepts_sms": "on",
    "accepts_push": "on",
    "source": "",
}


def change_page(customer):
    return f"{PAGE}{customer.pk}/change/"


def change(browser, customer, **changes):
    return browser.post(change_page(customer), opened(browser, change_page(customer)) | changes)


def errors(response):
    assert response.status_code == 200, response
    return dict(response.context["adminform"].form.errors)


def shown_messages(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


def act(browser, action, *customers, query="", **asked):
    body = {"action": action, "_selected_action": [one.pk for one in customers]}
    return browser.post(PAGE + query, body | asked)


def names(browser, query=""):
    return [customer.full_name for customer in browser.get(PAGE + query).context["cl"].result_list]
