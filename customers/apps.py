"""Registers what `tenants` and `circe.api` need to know of customers, since they may not import this app."""

from django.apps import AppConfig
from django.urls import reverse


class CustomersConfig(AppConfig):
    """Links the audit trail to a customer's history, and describes the `conflicts` of a duplicate in OpenAPI."""

    name = "customers"

    def ready(self) -> None:
        from customers import extensions
        from customers.admin.deletion_requests import portal_panel
        from tenants.admin.audit_trail import register_history_page

        extensions.register_panel(portal_panel)
        register_history_page(lambda customer_id: reverse("admin:customers_customer_history", args=[customer_id]))
        from customers.messages.sending import register_outgoing
        from customers.models import MailedLink
        from customers.portal.mails import compose_link_mail

        register_outgoing(MailedLink, compose_link_mail)
        from circe.api.openapi import register_problem_member

        register_problem_member(
            "conflicts",
            {
                "type": "array",
                "description": "The customers of the caller's business who have the e-mail or the phone already.",
                "items": {"$ref": "#/components/schemas/Conflict"},
            },
        )
