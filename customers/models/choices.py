"""The choices of a customer's fields, and the language that a new customer gets."""

from django.db import models

from tenants.scope import current_tenant


class Gender(models.TextChoices):
    """The gender by which the person wishes to be addressed."""

    FEMALE = "female"
    MALE = "male"
    NON_BINARY = "non_binary", "Non-binary"
    OTHER = "other"
    UNDISCLOSED = "undisclosed"


class PreferredChannel(models.TextChoices):
    """The way by which a customer likes best to be reached."""

    PHONE = "phone", "phone call"
    EMAIL = "email", "e-mail"
    SMS = "sms", "SMS"
    WHATSAPP = "whatsapp", "WhatsApp"

    @property
    def advice(self) -> str:
        """The instruction for staff, such as `Call, don’t text`."""
        return "Call, don’t text" if self == PreferredChannel.PHONE else f"Prefers {self.label}"


def tenant_language() -> str:
    """Returns the language of the tenant in scope, a tag such as `en-GB`. Returns `en` in the scope of all tenants."""
    tenant = current_tenant()
    return tenant.language if tenant else "en"
