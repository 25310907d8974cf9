"""The functions by which the pages of the audit trail find and name customers."""

from typing import Any

from django.db.models import CharField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Concat
from django.urls import reverse

from customers.models import Customer, SearchableCustomer
from tenants.admin.audit_trail import CustomerLookup


def _history_url(customer_id: str) -> str:
    return reverse("admin:customers_customer_history", args=[customer_id])


def _find_ids(text: str) -> QuerySet:
    return SearchableCustomer.objects.matching(text)


def _name() -> Any:
    customer = Customer.objects.filter(pk=OuterRef("customer_id")).order_by()
    last_name = Coalesce("last_name", Value(""), output_field=CharField())
    return Subquery(customer.values(name=Concat("first_name", Value(" "), last_name, output_field=CharField())))


AUDIT_LOOKUP = CustomerLookup(_history_url, _find_ids, _name)
