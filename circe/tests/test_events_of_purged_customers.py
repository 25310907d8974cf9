"""After a purge, the events of every audited table have no data about the person any more."""

import json

import pytest
from django.apps import apps

from appointments.models import Appointment
from appointments.tests.factories import AppointmentFactory
from circe.db.audit_trigger import AuditTrigger
from customers.consents.ledger import record_consent
from customers.models import Consent, Customer, DeletionRequest
from customers.models.preferences import PreferredService, PreferredStaff
from customers.tests.bodies import CUSTOMERS
from customers.tests.factories import CustomerFactory
from tenants.models import AuditEvent
from tenants.scope import tenant_scope
from tenants.tests.factories import ServiceFactory, UserFactory


def triggers():
    """Returns the AuditTrigger of every audited table, by model, without proxy models."""
    return {
        model: constraint
        for model in apps.get_models()
        if not model._meta.proxy
        for constraint in model._meta.constraints
        if isinstance(constraint, AuditTrigger)
    }


ABOUT_CUSTOMERS = sorted(
    (model for model, trigger in triggers().items() if trigger.subject_column), key=lambda model: model.__name__
)
# By model: creates events of the model's table with data about the customer.
MAKE_EVENTS = {
    Customer: lambda customer: customer.change({"last_name": "Xylophonova", "notes": "Hummingbird"}),
    PreferredService: lambda customer: [
        customer.change({"preferred_services": ids}) for ids in ([ServiceFactory(tenant=customer.tenant).pk], [])
    ],
    PreferredStaff: lambda customer: [
        customer.change({"preferred_staff_ids": ids}) for ids in ([UserFactory(tenant=customer.tenant).pk], [])
    ],
    Consent: lambda customer: record_consent(
        customer, channel="sms", purpose="service", state="granted", source="paper", evidence="Hummingbird"
    ),
    DeletionRequest: DeletionRequest.get_or_create_open,
    Appointment: lambda customer: AppointmentFactory(tenant=customer.tenant, customer=customer, notes="Hummingbird"),
}


def test_the_events_of_a_table_that_refers_to_customers_have_the_customers_id():
    for model, trigger in triggers().items():
        columns = [
            field.column
            for field in model._meta.concrete_fields
            if field.many_to_one and field.related_model is Customer
        ]
        assert columns in ([], [trigger.subject_column]), model


@pytest.mark.parametrize("model", ABOUT_CUSTOMERS, ids=lambda model: model.__name__)
def test_the_events_of_a_table_have_no_data_about_a_purged_customer(model, tenant, super_admin):
    assert model in MAKE_EVENTS, f"Add {model.__name__} to MAKE_EVENTS, and an SQL file that clears its events."
    customer, bystander = CustomerFactory(tenant=tenant, first_name="Quetzalcoatl"), CustomerFactory(tenant=tenant)
    with tenant_scope(tenant):
        MAKE_EVENTS[model](customer)
        MAKE_EVENTS[model](bystander)
        events = AuditEvent.objects.filter(table=model._meta.model_name)
        assert events.filter(customer_id=customer.pk).exists()
        of_bystander = list(events.filter(customer_id=bystander.pk).values())

    assert super_admin.delete(f"{CUSTOMERS}/{customer.pk}?permanent=true").status_code == 200

    with tenant_scope(tenant):
        for event in events.filter(customer_id=customer.pk):
            assert (event.before, event.after) == (None, None), event
        text = json.dumps(list(events.exclude(customer_id=bystander.pk).values_list("before", "after")))
        assert not [word for word in (customer.pk, "Quetzalcoatl", "Xylophonova", "Hummingbird") if word in text]
        assert list(events.filter(customer_id=bystander.pk).values()) == of_bystander != []
