"""Registers what `tenants` and `circe.api` need to know of customers, since they may not import this app."""

from django.apps import AppConfig


class CustomersConfig(AppConfig):
    """Links the audit trail to a customer's history, and describes the `conflicts` of a duplicate in OpenAPI."""

    name = "customers"

    def ready(self) -> None:
        from customers.admin.audit_lookup import AUDIT_LOOKUP
        from tenants.admin.audit_trail import register_customers

        register_customers(AUDIT_LOOKUP)
        from circe.api.openapi import register_problem_member
        from circe.backoffice.site import register_search

        register_search("admin:customers_customer_changelist", "Find a customer")

        register_problem_member(
            "conflicts",
            {
                "type": "array",
                "description": "The customers of the caller's business who have the e-mail or the phone already.",
                "items": {"$ref": "#/components/schemas/Conflict"},
            },
        )
