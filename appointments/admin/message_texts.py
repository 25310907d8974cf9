"""The back office pages of a business's own texts for messages about appointments, with a preview before they are saved."""

import datetime as dt
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from appointments.messages.default_texts import DEFAULT_TEXTS
from appointments.messages.texts import AppointmentFacts, RenderedText, render
from appointments.models import PLACEHOLDER_NAMES, MessageKind, MessageText
from circe.api.local_time import to_local
from customers.portal.languages import LANGUAGE_CHOICES, written_for
from customers.portal.links import page_url
from tenants.accounts.permissions import MANAGERS
from tenants.admin.base import TenantAdmin
from tenants.admin.forms import TenantForm
from tenants.models import Outlet, Service, Tenant
from tenants.scope import current_tenant

PREVIEW = "_preview"
BODY_HELP = (
    f"These are replaced by the facts: {', '.join(f'{{{name}}}' for name in PLACEHOLDER_NAMES)}. The link is where the "
    "customer moves or cancels the appointment; a text without it gets it at its end."
)


def sample_facts(tenant: Tenant) -> AppointmentFacts:
    """Returns an appointment as the business could have one, in a week's time."""
    service, outlet = (model.objects.filter(is_active=True).first() for model in (Service, Outlet))
    return AppointmentFacts(
        tenant=tenant,
        customer="Maria",
        day=to_local(timezone.now(), tenant.zone).date() + dt.timedelta(days=7),
        start=dt.time(14, 30),
        service=service.name if service else "Haircut",
        staff="Ana",
        outlet=outlet.name if outlet else tenant.name,
        link=f"{page_url(tenant, 'appointment')}?token=…",
    )


class MessageTextForm(TenantForm):
    """The form of a text. With the button Preview it shows the message, and saves nothing."""

    language = forms.ChoiceField(choices=LANGUAGE_CHOICES, help_text="Customers with another language get English.")
    preview: RenderedText | None = None

    def is_valid(self) -> bool:
        """Returns whether the text is to be saved: for a preview it is not."""
        is_valid = super().is_valid()
        if not is_valid or PREVIEW not in self.data:
            return is_valid
        text = MessageText(**{name: self.cleaned_data[name] for name in ("subject", "body")})
        values = [self.cleaned_data.get(name) or getattr(self.instance, name) for name in ("kind", "language")]
        tenant: Any = current_tenant()
        self.preview = render(*values, sample_facts(tenant), own_text=text)
        return False


@admin.register(MessageText)
class MessageTextAdmin(TenantAdmin):
    """The pages of a business's own texts. Where it has none, Circe's is sent."""

    form = MessageTextForm
    roles = dict.fromkeys(("view", "add", "change", "delete"), MANAGERS)
    change_form_template = "admin/appointments/messagetext/change_form.html"
    change_list_template = "admin/appointments/messagetext/change_list.html"
    list_display = ["kind", "language_name", "subject"]
    fields = ["kind", "language", "subject", "body"]

    @admin.display(description="language", ordering="language")
    def language_name(self, text: MessageText) -> str:
        return dict(LANGUAGE_CHOICES).get(text.language, text.language)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Begins with Circe's text of the kind and language in the address."""
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        kind, language, tenant = initial.get("kind"), initial.get("language"), current_tenant()
        if kind not in MessageKind.values or language not in dict(LANGUAGE_CHOICES) or not isinstance(tenant, Tenant):
            return initial
        with written_for(tenant, language):
            subject, body = DEFAULT_TEXTS[MessageKind(kind)]
            return initial | {"subject": str(subject), "body": str(body)}

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "body":
            field.help_text = BODY_HELP
            field.widget.attrs |= {"rows": 14, "style": "min-height: 18em"}
        return field

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Shows the texts of the business, and the kinds and languages in which it sends Circe's."""
        own = set(self.get_queryset(request).values_list("kind", "language"))
        circe_texts = [
            (kind, kind.label, [choice for choice in LANGUAGE_CHOICES if (kind.value, choice[0]) not in own])
            for kind in MessageKind
        ]
        shown = {"circe_texts": circe_texts if current_tenant() else []}
        return super().changelist_view(request, shown | (extra_context or {}))
