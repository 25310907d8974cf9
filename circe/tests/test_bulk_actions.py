"""Every bulk action of the admin asks before it changes anything, has a maximum of rows, and is only for its roles.

The actions are read from the admin itself, so that a new one is tested too.
"""

import datetime as dt

import pytest
from django.apps import apps
from django.contrib.admin import site
from django.contrib.messages import get_messages
from django.test import RequestFactory
from django.urls import reverse

from appointments.models import Appointment, Status
from appointments.tests.factories import AppointmentFactory, works_always
from customers.models import Customer
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from tenants.admin import bulk_actions
from tenants.models import AuditEvent, Role, User
from tenants.tests.factories import UserFactory

pytestmark = pytest.mark.slow("makes and changes hundreds of rows by each action, in each role")


def make_upcoming(tenant):
    """Creates a booking that can be handed on to a colleague."""
    booking = AppointmentFactory(tenant=tenant, status=Status.CONFIRMED, appointment_date=dt.date(2030, 6, 3))
    works_always(tenant, UserFactory(tenant=tenant).pk, booking.outlet_id)
    return booking


# By model: creates rows of each kind. A new model with actions fails until it is added here.
MAKE = {
    Customer: [lambda tenant: CustomerFactory(tenant=tenant, tags=["old"]), DeletedCustomerFactory],
    Appointment: [
        *(lambda tenant, status=status: AppointmentFactory(tenant=tenant, status=status) for status in Status),
        make_upcoming,
    ],
}
# The query with which a list shows all rows that the role may see.
QUERY = {Customer: "deleted=all", Appointment: "day=all"}
SEES_DELETED = {Role.SUPER_ADMIN, Role.TENANT_ADMIN}
# The other fields of the pages that ask.
ANSWERS = {"tag": "old", "typed": "{number} customers", "staff": "anybody"}
MAX_ROWS = 2


def list_actions(model, role):
    request = RequestFactory().get("/")
    request.user = User(role=role)
    return set(site.get_model_admin(model).get_actions(request))


MODELS = [model for model in apps.get_models() if site.is_registered(model)]
ACTIONS = [
    pytest.param(model, action, id=f"{model.__name__}.{action}")
    for model in MODELS
    for action in sorted(set().union(*(list_actions(model, role) for role in Role.values)))
]


@pytest.fixture
def rows(tenant, monkeypatch):
    """Returns a function: `rows(model, n)` creates n rows of each kind. Limits actions to MAX_ROWS rows."""
    monkeypatch.setattr(bulk_actions, "MAX_ROWS", MAX_ROWS)
    return lambda model, number: [[make(tenant=tenant) for _ in range(number)] for make in MAKE[model]]


def post(browser, model, action, selected, *, confirmed, across=False):
    answers = {name: text.format(number=len(selected)) for name, text in ANSWERS.items()}
    if action == "tag":
        answers["tag"] = "new"
    body = {"action": action, "_selected_action": [row.pk for row in selected], "select_across": int(across)}
    page = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    query = "" if model is Customer and browser.user.role not in SEES_DELETED else QUERY[model]
    response = browser.post(f"{page}?{query}", body | (answers | {"asked": 1} if confirmed else {}))
    # A file is generated while it is read.
    response.getvalue() if response.streaming else response.content
    return response


def count_changes():
    return AuditEvent._base_manager.exclude(action="refused").count()


def is_file(response):
    return response.get("Content-Disposition", "").startswith("attachment")


def read_messages(response):
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def find_role(model, action):
    return next(role for role in Role.values if action in list_actions(model, role))


def test_there_are_actions_to_test():
    assert len(ACTIONS) >= 10
    assert bulk_actions.MAX_ROWS <= 500


@pytest.mark.parametrize(("model", "action"), ACTIONS)
def test_an_action_asks_with_the_number_of_rows_before_it_changes_anything(back_office, rows, model, action):
    browser, asked, done = back_office(find_role(model, action)), 0, 0
    for selected in rows(model, MAX_ROWS):
        for across in (False, True):
            before = count_changes()
            response = post(browser, model, action, selected, confirmed=False, across=across)
            assert count_changes() == before
            if response.status_code == 200 and not is_file(response):
                asked += 1
                form = response.context["form"]
                assert str(len(form.rows)) in form.consequence()
                text = response.content.decode()
                assert all(row.pk in text for row in form.rows)
        response = post(browser, model, action, selected, confirmed=True)
        done += count_changes() > before or is_file(response)
    # It changes rows of some kind. It asked before, unless it returns a file and changes nothing.
    assert done
    assert asked or is_file(response)


@pytest.mark.parametrize("confirmed", [False, True])
@pytest.mark.parametrize(("model", "action"), ACTIONS)
def test_an_action_on_too_many_rows_changes_nothing_and_gives_the_reason(back_office, rows, model, action, confirmed):
    browser, refusals = back_office(find_role(model, action)), 0
    rows_by_kind = rows(model, MAX_ROWS + 1)
    before = count_changes()
    for selected in rows_by_kind:
        for across in (False, True):
            response = post(browser, model, action, selected, confirmed=confirmed, across=across)
            assert count_changes() == before
            refusals += f"Choose at most {MAX_ROWS}" in read_messages(response) or is_file(response)
    assert refusals


@pytest.mark.parametrize("role", Role.values)
@pytest.mark.parametrize(("model", "action"), ACTIONS)
def test_an_action_is_neither_offered_to_other_roles_nor_done_for_them(back_office, rows, model, action, role):
    if action in list_actions(model, role):
        # Staff have no bulk actions.
        assert role != Role.STAFF
        return
    browser, rows_by_kind = back_office(role), rows(model, 1)
    before = count_changes()
    for selected in rows_by_kind:
        for across in (False, True):
            response = post(browser, model, action, selected, confirmed=True, across=across)
            assert count_changes() == before
            assert not is_file(response)
            assert f'<option value="{action}"' not in response.content.decode()
