"""The documentation of the operations on consents, for the OpenAPI document."""

from circe.api.operations import Example, Operation
from customers.consents.serializers import ConsentSerializer, NewConsentSerializer

NEW_CONSENT: Example = {
    "channel": "email",
    "purpose": "marketing",
    "state": "granted",
    "source": "paper",
    "text_version": "form-2025-01",
    "evidence": "Folder 12, sheet 3",
    "at": "2025-01-15T10:30:00Z",
}
CONSENT: Example = {
    "id": "507f1f77bcf86cd799439060",
    "customer_id": "507f1f77bcf86cd799439011",
    **NEW_CONSENT,
    "recorded_by": "507f1f77bcf86cd799439021",
    "created_at": "2025-01-15T10:31:12Z",
}
WITHDRAWAL: Example = {"channel": "sms", "purpose": "service", "state": "withdrawn"}

LEDGER_DESCRIPTION = """\
The ledger holds what the customer has said about each `channel` and `purpose`. No entry is ever changed or deleted while the
customer is stored. When the customer is purged or erased, all their entries are deleted.

- For each channel and purpose **the entry with the latest `at` counts**. If a grant and a withdrawal have the same `at`, the
  withdrawal counts.
- `communication_preferences` of the customer say what counts for `service`: without an entry e-mail, SMS and push are
  granted, WhatsApp is not. `marketing_consent` is true if `marketing` is granted on all four channels. Both change with the
  ledger. If another operation sets them, entries are written here, with the account that set them. To set
  `marketing_consent` to false withdraws every channel.
- What was withdrawn is not granted again by a body whose `updated_at` is older than the withdrawal, by an import, or when a
  deleted customer is restored.
- `source` says how the business learnt of it: `reception`, `paper`, `portal` (the customer said it in the portal), `link`
  (the customer opened a mailed link), `import` (a file).
- If the business wants double opt-in, marketing by e-mail counts only after the customer has opened the mailed link, which
  writes an entry with the source `link`. Until then the decision about a message says `not_confirmed`."""

OPERATIONS = {
    "list": Operation(
        id="listCustomerConsents",
        summary="List a customer's consents",
        description=LEDGER_DESCRIPTION,
        is_paged=True,
        response=ConsentSerializer,
        is_list=True,
        example={"items": [CONSENT], "total": 1, "page": 1, "size": 20, "pages": 1},
    ),
    "create": Operation(
        id="recordCustomerConsent",
        summary="Record a consent or its withdrawal",
        description="Staff give `reception` or `paper` as the `source`. The other sources are not for staff: `portal` and "
        "`link` say that the customer did it, `import` that it comes from a file. An `at` in the past is allowed: the entry "
        "with the latest `at` still counts. An `at` in the future is a 400.\n\n" + LEDGER_DESCRIPTION,
        body=NewConsentSerializer,
        body_examples={"documented": NEW_CONSENT, "withdrawal": WITHDRAWAL},
        response=ConsentSerializer,
        example=CONSENT,
        status=201,
    ),
}
