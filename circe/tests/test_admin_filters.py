"""Every filter of every list of the back office says so where it does not know the value that an address gives it."""

import pytest
from django.contrib import admin
from django.urls import reverse
from django.utils.html import escape

from appointments.models import Appointment
from appointments.tests.factories import AppointmentFactory
from circe.db.ids import new_id
from circe.tests.cases import in_one_test
from customers.admin.filters import RangeFilter
from customers.models import Customer
from tenants.admin.base import UNKNOWN_TO_LIST
from tenants.models import Tenant

MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
LISTS = {model: reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist") for model in MODELS}
# Whatever the filter, it is no value of it: no id, day, number, tag or word.
UNKNOWN = "ban&ana!"


def is_understood(browser, model, **query):
    answer = browser.get(LISTS[model], query, follow=True)
    assert answer.status_code == 200, (model, query)
    return UNKNOWN_TO_LIST not in answer.content.decode()


def filters(browser, model):
    """Yields each parameter of the filters of a list, with the text of its label if its value is typed, else with None."""
    model_admin = admin.site.get_model_admin(model)
    request = browser.get(LISTS[model], {"day": "all"} if model is Appointment else {}).wsgi_request
    for entry in model_admin.get_list_filter(request):
        if isinstance(entry, type) and issubclass(entry, RangeFilter):
            yield from ((name, field.label) for name, field in entry.fields.items())
        elif isinstance(entry, type):
            yield entry.parameter_name, None
        else:
            field = model._meta.get_field(entry)
            suffixes = ["__id__exact" if field.remote_field else "__exact", "__isnull"]
            if field.get_internal_type() == "DateTimeField":
                suffixes = ["__gte", "__lt"]
            yield from ((f"{entry}{suffix}", None) for suffix in suffixes)
            if not field.remote_field:
                yield entry, None


@pytest.mark.slow("opens each list with each of its filters")
@in_one_test("model", MODELS)
def test_a_list_says_that_it_does_not_know_the_value_of_a_filter(back_office, tenant, model):
    AppointmentFactory(tenant=tenant)
    # An administrator sees the own business instead of the list of businesses.
    for role in ("super_admin", *(["tenant_admin"] if model is not Tenant else [])):
        browser = back_office(role)
        for name, typed in filters(browser, model):
            if typed is None:
                assert not is_understood(browser, model, **{name: UNKNOWN}), name
            else:
                page = browser.get(LISTS[model], {name: UNKNOWN}).content.decode()
                assert f", {typed}: “{escape(UNKNOWN)}” is not a " in page, name


@pytest.mark.slow("opens every list of the back office with each choice of each filter")
@in_one_test("model", MODELS)
def test_a_list_understands_every_choice_that_it_offers(back_office, tenant, model):
    AppointmentFactory(tenant=tenant)
    browser = back_office("super_admin")
    changelist = browser.get(LISTS[model]).context["cl"]
    for spec in changelist.filter_specs:
        for choice in spec.choices(changelist):
            answer = browser.get(f"{LISTS[model]}{choice['query_string']}", follow=True)
            assert UNKNOWN_TO_LIST not in answer.content.decode(), choice


def test_a_list_says_that_it_does_not_know_a_person_an_outlet_or_a_customer(back_office, tenant):
    appointment = AppointmentFactory(tenant=tenant)
    browser = back_office("tenant_admin")
    # The only outlet of the business is no choice to offer, but a link may name it.
    for name, pk in (
        ("staff__id__exact", appointment.staff_id),
        ("outlet__id__exact", appointment.outlet_id),
        ("customer", appointment.customer_id),
    ):
        assert is_understood(browser, Appointment, day="all", **{name: pk})
        assert not is_understood(browser, Appointment, day="all", **{name: new_id()})


def test_the_page_of_an_export_leads_to_the_note_too(back_office, tenant):
    answer = back_office("tenant_admin").get(f"{LISTS[Customer]}export/?registered=banana", follow=True)
    assert UNKNOWN_TO_LIST in answer.content.decode()
