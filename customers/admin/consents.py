"""The panel of a customer's page about what they may be sent, and what they have asked for in the portal."""

from typing import NamedTuple

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString

from customers.consents.ledger import CurrentConsent, consents_of, current_consents
from customers.consents.texts import TEXTS
from customers.models import Consent, ConsentSource, Customer, DeletionRequest, Purpose
from tenants.accounts.permissions import ADMINS
from tenants.models import User

# By source: who said it, if no account recorded the entry.
WHO_BY_SOURCE = {
    ConsentSource.PORTAL: "the customer, in the portal",
    ConsentSource.LINK: "the customer, by a mailed link",
    ConsentSource.IMPORT: "an import",
}
MAX_ENTRIES = 200


class ShownEntry(NamedTuple):
    """An entry of the ledger, with who recorded it and the words to which the customer agreed."""

    entry: Consent
    who: str
    words: str


class ShownConsent(NamedTuple):
    """The consent that counts now for a channel, its state in words, and the entry that decides it, or None."""

    consent: CurrentConsent
    state: str
    shown: ShownEntry | None


def consents_panel(request: HttpRequest, customer: Customer) -> SafeString:
    """Returns the panel with the customer's consents, the ledger, the pending phone and the requests to be deleted."""
    entries = list(consents_of(customer)[: MAX_ENTRIES + 1])
    current = current_consents(customer)
    shown = _make_shown_entries([*entries, *(consent.entry for consent in current if consent.entry)])
    shown_by_purpose = [
        (
            purpose,
            [
                ShownConsent(consent, _state_in_words(consent), consent.entry and shown[consent.entry.pk])
                for consent in current
                if consent.purpose == purpose
            ],
        )
        for purpose in Purpose
    ]
    pending = customer.pending_phone
    context = {
        "customer": customer,
        "purposes": shown_by_purpose,
        "entries": [shown[entry.pk] for entry in entries[:MAX_ENTRIES]],
        "has_more": len(entries) > MAX_ENTRIES,
        "phone_owner": Customer.objects.undeleted().filter(phone=pending).first() if pending else None,
        "deletion_requests": DeletionRequest.objects.filter(customer=customer),
        "may_handle": request.user.role in ADMINS,
    }
    return render_to_string("admin/customers/customer/consents_panel.html", context, request)  # type: ignore[return-value]


def _make_shown_entries(entries: list[Consent]) -> dict[str, ShownEntry]:
    people = User.objects.in_bulk({entry.recorded_by for entry in entries} - {None})
    return {
        entry.pk: ShownEntry(
            entry,
            str(people.get(entry.recorded_by) or WHO_BY_SOURCE.get(ConsentSource(entry.source), "")),
            TEXTS.get(entry.text_version or "", ""),
        )
        for entry in entries
    }


def _state_in_words(consent: CurrentConsent) -> str:
    if consent.is_granted and not consent.is_confirmed:
        return "Waits for the mailed link"
    if consent.entry is None:
        return "Accepted by default" if consent.is_granted else "Not granted"
    return "Granted" if consent.is_granted else "Withdrawn"


def handle_deletion_request(customer: Customer) -> bool:
    """Marks the customer's open request to be deleted as handled. Returns whether there was one."""
    request = DeletionRequest.objects.select_for_update().filter(customer=customer, handled_at=None).first()
    if request is None:
        return False
    request.handled_at = timezone.now()
    request.save(update_fields={"handled_at"})
    return True
