"""Adds the mails of a demo to the back office, and the demo's accounts to the page that shows the API."""

from django.apps import AppConfig
from django.conf import settings


class DemoConfig(AppConfig):
    """Offers the accounts at `/docs`. If mails are kept as files, the header of the back office links to them."""

    name = "circe.demo"

    def ready(self) -> None:
        from circe.api.document_pages import DemoAccount, offer_demo_account
        from circe.backoffice.site import register_header_link
        from circe.demo.accounts import DOCUMENTED_TENANTS, PASSWORD, PORTAL_LOCAL_PART, STAFF_ROLES, SUPER_ADMIN_EMAIL
        from circe.demo.mails.mailbox import keeps_mails_as_files

        if keeps_mails_as_files(settings.EMAIL_BACKEND):
            register_header_link("mails", "Mails")
        sign_in = "/api/v1/auth/login"
        offer_demo_account(DemoAccount(SUPER_ADMIN_EMAIL, PASSWORD, "super_admin", sign_in))
        for slug, _ in DOCUMENTED_TENANTS:
            for name, role in STAFF_ROLES.items():
                offer_demo_account(DemoAccount(f"{name}@{slug}.test", PASSWORD, role, sign_in))
            portal = f"/api/v1/portal/{slug}/login"
            offer_demo_account(DemoAccount(f"{PORTAL_LOCAL_PART}@{slug}.test", PASSWORD, "customer (portal)", portal))
