"""Registers what lower apps need to know of customers when Django starts."""

from django.apps import AppConfig
from django.urls import reverse


class CustomersConfig(AppConfig):
    """Links the audit trail to a customer's history, and describes the `conflicts` of a duplicate in OpenAPI."""

    name = "customers"

    def ready(self) -> None:
        from tenants.admin.audit_trail import register_history_page

        register_history_page(lambda customer_id: reverse("admin:customers_customer_history", args=[customer_id]))
        from circe.api.openapi import register_problem_member

        register_problem_member(
            "conflicts",
            {
                "type": "array",
                "description": "The customers in the way, of one's own business.",
                "items": {"$ref": "#/components/schemas/Conflict"},
            },
        )
