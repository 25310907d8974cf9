"""Adds the page of mails to the back office of a demo."""

from django.apps import AppConfig
from django.conf import settings


class DemoConfig(AppConfig):
    """Links to the page of mails from the header, where mails are kept as files."""

    name = "circe.demo"

    def ready(self) -> None:
        from circe.backoffice.site import register_header_link
        from circe.demo.mails.mailbox import is_in_use

        if is_in_use(settings.EMAIL_BACKEND):
            register_header_link("mails", "Mails")
