"""Gives each set of words that a property or a parameter may have a schema of its own, with a name.

Generated clients make a type of each: one `Gender`, instead of a type for each schema that has a gender.
"""

from typing import Any

from analytics.segments import SEGMENTS
from appointments.bookings.serializers import PAST_STATUSES
from appointments.models import MessageKind, Override, PaymentMethod, PaymentStatus, Status
from appointments.recommendations.favourites import Obstacle
from appointments.recommendations.points import Reason
from appointments.recommendations.serializers import PREFERENCE_KEYS
from circe.document.error_codes import FIELD_ERROR_CODES, PROBLEM_CODES
from customers.consents.serializers import STAFF_SOURCES
from customers.filters import to_ordering
from customers.messages.serializers import REASONS
from customers.models import Channel, ConsentSource, ConsentState, DeliveryState, Gender, PreferredChannel, Purpose
from customers.serializers import CONTACT_FIELDS
from tenants.models import AuditEvent, Role

Schema = dict[str, Any]

# By name: the description, and the words. No two have the same words.
ENUMS: dict[str, tuple[str, list[str]]] = {
    "AppointmentStatus": ("The status of an appointment. A completed appointment is a visit.", [*Status]),
    "AuditAction": ("The change of a row, or a refusal.", [*AuditEvent.Action]),
    "BookingRule": ("A rule against which staff may book.", [*Override]),
    "Channel": ("A channel by which a business may write to a customer.", [*Channel]),
    "ConsentSource": ("How a business learnt of a consent.", [*ConsentSource]),
    "ConsentState": ("Whether a consent is given.", [*ConsentState]),
    "ContactField": ("A contact of a customer. No two customers of a business have the same one.", CONTACT_FIELDS),
    "CustomerOrdering": (
        "The order of the list of customers; with `-` from the highest to the lowest.",
        [*to_ordering.allowed],
    ),
    "DecisionReason": ("A rule for or against a message.", REASONS),
    "FieldErrorCode": (
        "The error of a field. There may be new ones: treat a code that you do not know as `invalid`.",
        FIELD_ERROR_CODES,
    ),
    "Gender": ("A gender.", [*Gender]),
    "MessageKind": ("The kind of a message.", [*MessageKind]),
    "MessageState": ("The state of a message.", [*DeliveryState]),
    "NewAppointmentStatus": ("A status with which an appointment can be created.", [*PAST_STATUSES]),
    "PaymentMethod": ("A means of payment.", [*PaymentMethod]),
    "PaymentStatus": ("How much of an appointment is paid.", [*PaymentStatus]),
    "PreferenceKey": ("A preference of a customer.", PREFERENCE_KEYS),
    "PreferenceObstacle": ("Why a preference is no longer on offer.", [*Obstacle]),
    "PreferredChannel": ("How a customer likes to be reached. `phone` is a call.", [*PreferredChannel]),
    "ProblemCode": (
        "The kind of an error. There may be new ones: treat a code that you do not know by its status.",
        PROBLEM_CODES,
    ),
    "Purpose": ("The purpose of messages.", [*Purpose]),
    "RecommendationReason": ("A reason for a recommendation.", [*Reason]),
    "Role": ("The role of an account. The role with most rights comes first.", [*Role]),
    "Segment": ("A segment: each customer is in one.", [*SEGMENTS]),
    "StaffConsentSource": ("How staff learnt of a consent.", [*STAFF_SOURCES]),
}

_NAMES = {frozenset(map(str, words)): name for name, (_, words) in ENUMS.items()}
_DESCRIBES_USE = ("description", "default", "examples")


def name_enums(result: Schema) -> None:
    """Puts a reference in the place of each set of words."""
    _replace(result["paths"])
    _replace(result["components"])
    for schema, name in (("Problem", "ProblemCode"), ("FieldError", "FieldErrorCode")):
        code = result["components"]["schemas"][schema]["properties"]["code"]
        code |= {"$ref": f"#/components/schemas/{name}"}
        code.pop("type")
    result["components"]["schemas"] |= {
        name: {
            "type": "string",
            "description": text,
            "enum": [str(word) for word in words],
            "examples": [str(words[0])],
        }
        for name, (text, words) in ENUMS.items()
    }


def _replace(node: Any) -> None:
    if isinstance(node, list):
        for inner in node:
            _replace(inner)
    elif isinstance(node, dict):
        for inner in node.values():
            _replace(inner)
        if isinstance(node.get("enum"), list):
            _refer(node)


def _refer(schema: Schema) -> None:
    """Changes a schema with `enum` into a reference. Null, and the empty text of a form, are alternatives to it."""
    words = schema["enum"]
    reference = {"$ref": f"#/components/schemas/{_NAMES[frozenset(words) - {None, ''}]}"}
    others = ([{"type": "string", "maxLength": 0}] if "" in words else []) + (
        [{"type": "null"}] if None in words else []
    )
    use = {key: schema[key] for key in _DESCRIBES_USE if key in schema}
    schema.clear()
    schema.update({"anyOf": [reference, *others]} if others else reference)
    schema.update(use)
