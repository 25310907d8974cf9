"""Registers what customers add to lower apps, which may not import this app, and to the purge and the export."""

from functools import partial

from django.apps import AppConfig


class CustomersConfig(AppConfig):
    """Registers how the audit trail finds customers, the search in the header of the back office, the mails with links,
    also those to staff, what a purge removes, the further columns of an export, and the `conflicts` of a 409 in OpenAPI.
    """

    name = "customers"

    def ready(self) -> None:
        from circe.api.openapi import register_problem_member
        from circe.backoffice.site import register_search
        from customers import extensions
        from customers.admin.audit_lookup import AUDIT_LOOKUP
        from customers.admin.export_columns import EXPORT_COLUMNS
        from customers.messages.sending import register_outgoing
        from customers.models import Consent, CustomerSession, DeletionRequest, MailedLink
        from customers.models.portal import delete_links, links_to
        from customers.portal.mails import compose_link_mail
        from customers.portal.staff_links import find_open_staff_links, send_staff_link, withdraw_staff_links
        from tenants.admin.audit_trail import register_customer_lookup
        from tenants.admin.invitations import register_links

        register_customer_lookup(AUDIT_LOOKUP)
        extensions.register_export_columns(*EXPORT_COLUMNS)
        register_links(send=send_staff_link, withdraw=withdraw_staff_links, find_open=find_open_staff_links)
        register_search("admin:customers_customer_changelist", "Find a customer")
        register_outgoing(MailedLink, compose_link_mail)
        extensions.register_purge_step(delete_links)
        for name, model in (
            ("consents", Consent),
            ("portal_sessions", CustomerSession),
            ("deletion_requests", DeletionRequest),
        ):
            extensions.register_rows_deleted_with_customers(name, partial(extensions.rows_of, model))
        extensions.register_rows_deleted_with_customers("mailed_links", links_to)
        register_problem_member(
            "conflicts",
            {
                "type": "array",
                "description": "The customers of the caller's business who have the e-mail or the phone already.",
                "items": {"$ref": "#/components/schemas/Conflict"},
            },
        )
