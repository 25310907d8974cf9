"""Documents each operation of customers for the OpenAPI document, with the examples of the documented API."""

from typing import Any

from circe.api.changes import NEXT_SCHEMA
from circe.api.operations import Example, Operation, query_parameter
from circe.api.serializers import MessageSerializer
from customers.customer_list import MAX_NEAREST, MIN_NAME_SIMILARITY, MIN_WORD_SIMILARITY
from customers.filters import CustomerFilter
from customers.serializers import (
    CustomerChangesSerializer,
    NewCustomerSerializer,
    PreferencesSerializer,
    ShownCustomerSerializer,
    TagCountsSerializer,
)
from tenants.audit.documentation import AUDIT_TRAIL
from tenants.audit.serializers import AuditEventSerializer

PREFERENCES: Example = {
    "communication_preferences": {"email": True, "push_notifications": True, "sms": True, "whatsapp": False},
    "language": "en",
    "marketing_consent": True,
    "notes": "Prefers morning appointments",
    "preferred_outlet_id": "507f1f77bcf86cd799439013",
    "preferred_services": ["507f1f77bcf86cd799439011"],
    "preferred_staff_ids": ["507f1f77bcf86cd799439012"],
}

NEW_CUSTOMER: Example = {
    "email": "customer@example.com",
    "first_name": "Jane",
    "last_name": "Doe",
    "password": "SecurePass123!",
    "phone": "+1234567890",
    "source": "website",
    "tenant_id": "507f1f77bcf86cd799439011",
}

CUSTOMER_CHANGES: Example = {
    "first_name": "Jane",
    "phone": "+1234567890",
    "preferences": {"marketing_consent": True, "preferred_outlet_id": "507f1f77bcf86cd799439013"},
}

CUSTOMER: Example = {
    "created_at": "2025-01-15T10:30:00Z",
    "email": "customer@example.com",
    "email_verified": True,
    "first_name": "Jane",
    "gender": "female",
    "id": "507f1f77bcf86cd799439011",
    "is_active": True,
    "last_name": "Doe",
    "loyalty_points": 150,
    "phone": "+1234567890",
    "preferences": PREFERENCES
    | {"preferred_categories": ["hair"], "preferred_channel": None, "accessibility_needs": None},
    "total_appointments": 15,
    "tags": ["self-registered", "vip"],
    "has_password": True,
    "source": "website",
    "address": None,
    "date_of_birth": "1990-05-17",
    "phone_verified": False,
    "total_spent": 4500000,
    "last_appointment_date": "2025-01-25",
    "tenant_id": "507f1f77bcf86cd799439011",
    "updated_at": "2025-01-20T10:00:00Z",
}

# A new customer: consent is never assumed, and there are no appointments yet.
CREATED_CUSTOMER: Example = CUSTOMER | {
    "email_verified": False,
    "gender": None,
    "loyalty_points": 0,
    "preferences": CUSTOMER["preferences"]
    | {
        "marketing_consent": False,
        "notes": None,
        "preferred_outlet_id": None,
        "preferred_services": [],
        "preferred_staff_ids": [],
        "preferred_categories": [],
    },
    "total_appointments": 0,
    "tags": ["self-registered"],
    "date_of_birth": None,
    "total_spent": 0,
    "last_appointment_date": None,
    "updated_at": "2025-01-15T10:30:00Z",
    "possible_duplicates": [],
}

CUSTOMER_WITH_PREFERENCES: Example = CUSTOMER["preferences"] | CUSTOMER

CHECK_DUPLICATES = query_parameter(
    "check_duplicates",
    "Look for soft-deleted customers with the same e-mail or phone too, and report them in `possible_duplicates`.",
    {"type": "boolean", "default": True},
)
PERMANENT = query_parameter(
    "permanent",
    "Purge the customer: remove them from every table. Appointments keep their figures. Access: `super_admin`.",
    {"type": "boolean", "default": False},
)


APPROXIMATE = {
    "type": "boolean",
    "example": False,
    "description": (
        "Whether the search found nobody, and `items` are the customers whose names are nearest to it: at most "
        f"{MAX_NEAREST} in all pages, the nearest first; equally near customers are sorted newest first. Nearness is the "
        "word similarity of trigrams, without case and accents. A search of one word is compared with the words of the "
        f"names, and the similarity must be at least {MIN_WORD_SIMILARITY}. A search of several words is compared with the "
        f"whole name, and the similarity must be at least {MIN_NAME_SIMILARITY}. The customers must also satisfy the other "
        "filters. Parts without a letter, such as of a phone number, must occur as they stand. From an e-mail address "
        "only the letters before the @ are compared. If no name is near, this is false and `items` is empty."
    ),
}

UPDATE: dict[str, Any] = {
    "description": (
        "`tags` replaces all tags; `tags_add` and `tags_remove` change single ones, so that two people who tag a customer "
        "at the same moment lose nothing. `null` clears a value; `preferences` and `communication_preferences` merge key "
        "by key. A new e-mail or phone is unverified again. Read-only keys that a client echoes (`id`, `created_at`, "
        "`source`, counters …) are ignored; another `tenant_id` is a 400, since a customer can't move. Two updates of "
        "different keys at the same moment both survive. PUT and PATCH are the same."
    ),
    "body": CustomerChangesSerializer,
    "body_examples": {"documented": CUSTOMER_CHANGES},
    "response": ShownCustomerSerializer,
    "example": CUSTOMER,
    "own_errors": (409,),
    "has_etag": True,
}

OPERATIONS = {
    "list": Operation(
        id="listCustomers",
        summary="List all customers",
        description=(
            "Newest first. If a `search` finds at most 10,000 customers, those come first who have, for each word of the "
            "search, a word of a name that begins with it. If it finds nobody, the answer has the customers with the "
            "nearest names, and `approximate` is true. Filters combine: a customer must satisfy all of them. A page past "
            "the end is empty and tells the true `total`. Soft-deleted customers are left out. If customers are added "
            "while a client reads page after page, rows of an earlier page may come again, but none is skipped. With a "
            "fixed `created_to` in the past, no new customers come in between.\n\n"
            "With `updated_since` it lists the customers who changed since, the oldest change first, each as they are now. "
            "Go on with `next`, at once or later: no change is missed, not even one that is being written at that moment. "
            'Administrators also get deleted and purged customers as `{"id", "is_deleted": true, "updated_at"}`. A purge '
            "is listed for 30 days, so synchronise more often. `total` is counted at the first page. A change of the "
            "figures of appointments is no change of a customer: synchronise the appointments too."
        ),
        filters=CustomerFilter,
        is_paged=True,
        is_list=True,
        query={
            "search": "John",
            "tags": "vip,regular",
            "has_password": "true",
            "email_verified": "true",
            "created_from": "2025-01-01",
            "created_to": "2025-12-31",
            "page": 1,
            "size": 20,
        },
        response=ShownCustomerSerializer,
        example={
            "items": [CUSTOMER],
            "total": 1,
            "page": 1,
            "size": 20,
            "pages": 1,
            "approximate": False,
            "next": None,
        },
        page_members={"approximate": APPROXIMATE, "next": NEXT_SCHEMA},
        other_item={"$ref": "#/components/schemas/Tombstone"},
    ),
    "create": Operation(
        id="createCustomer",
        summary="Create a new customer",
        description=(
            "Needs `first_name` and at least one of `email` and `phone`; a `password` needs an `email`. A phone "
            "number may be written with separators and, without its country code, as in the business's country; it is "
            "answered in E.164. With a password the customer is tagged `self-registered`, without one `staff-created` "
            "and `walk-in`; `tags` of the body are added. E-mail and phone are unique within the business among "
            "customers that are not soft-deleted: a 409 names the `conflicts`. A soft-deleted match alone does not "
            "block, see `possible_duplicates`. `tenant_id` is one's own or absent; a super_admin must name one."
        ),
        parameters=(CHECK_DUPLICATES,),
        body=NewCustomerSerializer,
        body_examples={
            "walkIn": {"first_name": "Jane", "last_name": "Doe", "phone": "+1234567890", "source": "walk-in"},
            "documented": NEW_CUSTOMER,
        },
        response=ShownCustomerSerializer,
        example=CREATED_CUSTOMER,
        status=201,
        own_errors=(409,),
        has_etag=True,
    ),
    "tags": Operation(
        id="listCustomerTags",
        summary="List the tags in use",
        description=(
            "Each tag with the number of its customers, the most frequent tag first, then by name. Soft-deleted customers "
            "are not counted."
        ),
        response=TagCountsSerializer,
        example={"items": [{"tag": "staff-created", "customers": 30}, {"tag": "vip", "customers": 25}]},
    ),
    "retrieve": Operation(
        id="getCustomer",
        summary="Get customer details",
        description="`last_appointment_date` is the day of the last visit, which is a completed appointment.",
        response=ShownCustomerSerializer,
        example=CUSTOMER,
        has_etag=True,
    ),
    "PUT update": Operation(id="updateCustomer", summary="Update customer", **UPDATE),
    "PATCH update": Operation(id="patchCustomer", summary="Update customer, by PATCH", **UPDATE),
    "destroy": Operation(
        id="deleteCustomer",
        summary="Delete customer",
        description="A soft-deleted customer keeps everything and can be restored. Deleting again is a 404.",
        parameters=(PERMANENT,),
        response=MessageSerializer,
        example={"message": "Customer has been deleted successfully"},
    ),
    "history": Operation(
        id="listCustomerHistory",
        summary="Get customer history",
        description=(
            "The audit trail of a customer, their preferred lists and appointments, newest first: who did it (a person or "
            "a command), in which request, and each field before and after. A password is shown only as set "
            "or changed. It also works for a soft-deleted customer."
        ),
        is_paged=True,
        is_list=True,
        response=AuditEventSerializer,
        example=AUDIT_TRAIL,
    ),
    "preferences": Operation(
        id="updateCustomerPreferences",
        summary="Update customer preferences",
        description=(
            "Takes any subset of the keys; an unknown one is a 400. The ids must exist in the customer's business. "
            "Answers with the full profile, the preferences also at its top level. Preferred services, categories, staff "
            "and outlet give points to what `GET /api/v1/customers/{customer_id}/recommendations` recommends to book next. "
            "A preference that is added at the end of its list never lowers a recommendation that gets points from it."
        ),
        body=PreferencesSerializer,
        body_examples={"documented": PREFERENCES},
        response=ShownCustomerSerializer,
        example=CUSTOMER_WITH_PREFERENCES,
        has_etag=True,
    ),
    "restore": Operation(
        id="restoreCustomer",
        summary="Restore a soft-deleted customer",
        description=(
            "The customer is back as before; a 409 where the e-mail or phone has been taken meanwhile. A customer who "
            "is not deleted is answered with 200 and stays as they are."
        ),
        response=ShownCustomerSerializer,
        example=CUSTOMER,
        own_errors=(409,),
        has_etag=True,
    ),
}
