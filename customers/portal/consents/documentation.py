"""The documentation of a customer's own consents, for the OpenAPI document."""

from circe.api.operations import Example, Operation
from customers.consents.documentation import CONSENT, LEDGER_DESCRIPTION
from customers.portal.consents.serializers import NewOwnConsentSerializer, OwnConsentSerializer

OWN_CONSENT: Example = {name: CONSENT[name] for name in OwnConsentSerializer.Meta.fields} | {"source": "portal"}

OPERATIONS = {
    "list": Operation(
        id="listOwnConsents",
        summary="List your consents",
        description=LEDGER_DESCRIPTION,
        is_paged=True,
        response=OwnConsentSerializer,
        is_list=True,
        example={"items": [OWN_CONSENT], "total": 1, "page": 1, "size": 20, "pages": 1},
    ),
    "create": Operation(
        id="recordOwnConsent",
        summary="Grant or withdraw a consent",
        description="It counts from now on. Its `source` is `portal`.\n\n" + LEDGER_DESCRIPTION,
        body=NewOwnConsentSerializer,
        body_examples={"withdrawal": {"channel": "email", "purpose": "marketing", "state": "withdrawn"}},
        response=OwnConsentSerializer,
        example=OWN_CONSENT,
        status=201,
    ),
}
