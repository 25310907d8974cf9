"""The documentation of the operations of the catalogue, for the OpenAPI document."""

from typing import Any

from appointments.catalogue.filters import OutletFilter, ServiceFilter, StaffFilter
from appointments.catalogue.serializers import (
    NewOutletSerializer,
    NewServiceSerializer,
    OutletSerializer,
    ServiceSerializer,
    StaffSerializer,
)
from circe.api.operations import Example, Operation

OUTLET: Example = {
    "id": "507f1f77bcf86cd799439022",
    "tenant_id": "507f1f77bcf86cd799439010",
    "name": "Kemang",
    "address": "Jl. Kemang Selatan No. 12, Jakarta 12730",
    "is_active": True,
    "created_at": "2025-01-15T10:30:00Z",
    "updated_at": "2025-01-15T10:30:00Z",
}
SERVICE: Example = {
    "id": "507f1f77bcf86cd799439020",
    "tenant_id": "507f1f77bcf86cd799439010",
    "name": "Cut and colour",
    "category": "hair",
    "duration_minutes": 90,
    "buffer_minutes": 15,
    "price": 350000,
    "currency": "IDR",
    "is_active": True,
    "staff_ids": ["507f1f77bcf86cd799439021"],
    "rebooking_days": None,
    "created_at": "2025-01-15T10:30:00Z",
    "updated_at": "2025-01-15T10:30:00Z",
}
MEMBER: Example = {
    "id": "507f1f77bcf86cd799439021",
    "tenant_id": "507f1f77bcf86cd799439010",
    "name": "Rina Wijaya",
    "role": "staff",
    "is_active": True,
    "outlet_ids": ["507f1f77bcf86cd799439022"],
    "service_ids": ["507f1f77bcf86cd799439020"],
}
NEW_OUTLET: Example = {"name": "Kemang", "address": "Jl. Kemang Selatan No. 12, Jakarta 12730"}
NEW_SERVICE: Example = {
    "name": "Cut and colour",
    "category": "hair",
    "duration_minutes": 90,
    "buffer_minutes": 15,
    "price": 350000,
    "staff_ids": ["507f1f77bcf86cd799439021"],
}

LISTED = "Newest first. Filters combine. A page past the end is empty and tells the true `total`."
UNIQUE = (
    "The name is unique among the active ones of the business: otherwise a 409 with the code `duplicate_name`. "
    "`tenant_id` is one's own or absent; a super_admin must name one."
)
UPDATED = (
    "PUT and PATCH are the same. `null` clears a value. Read-only keys that a client echoes (`id`, `created_at` …) are "
    "ignored; another `tenant_id` is a 400. Nothing is deleted: with `is_active` false it is offered no more, and history "
    "keeps it. If another active one has the name, the answer is a 409 with the code `duplicate_name`, also when "
    "`is_active` becomes true again."
)
WHO_OFFERS = (
    "An empty `staff_ids` means that everybody offers the service; in a body the list replaces the one before. "
    "`buffer_minutes` stay free after each appointment that is booked from then on. `rebooking_days`: the service is due "
    "again after so many days; null: the number of the business."
)


def page_of(row: Example) -> Example:
    """Returns a list of one row."""
    return {"items": [row], "total": 1, "page": 1, "size": 20, "pages": 1}


OUTLET_UPDATE: dict[str, Any] = {
    "description": UPDATED,
    "body": OutletSerializer,
    "body_examples": {"address": {"address": "Jl. Kemang Raya No. 3"}, "off offer": {"is_active": False}},
    "response": OutletSerializer,
    "example": OUTLET,
    "has_etag": True,
}
OUTLET_OPERATIONS = {
    "list": Operation(
        id="listOutlets",
        summary="List outlets",
        description=LISTED,
        filters=OutletFilter,
        is_paged=True,
        is_list=True,
        query={"search": "kemang", "is_active": "true"},
        response=OutletSerializer,
        example=page_of(OUTLET),
    ),
    "create": Operation(
        id="createOutlet",
        summary="Create an outlet",
        description=UNIQUE,
        body=NewOutletSerializer,
        body_examples={"outlet": NEW_OUTLET},
        response=OutletSerializer,
        example=OUTLET,
        status=201,
        has_etag=True,
    ),
    "retrieve": Operation(
        id="getOutlet", summary="Get an outlet", response=OutletSerializer, example=OUTLET, has_etag=True
    ),
    "PUT update": Operation(id="updateOutlet", summary="Update an outlet", **OUTLET_UPDATE),
    "PATCH update": Operation(id="patchOutlet", summary="Update an outlet, by PATCH", **OUTLET_UPDATE),
}

SERVICE_UPDATE: dict[str, Any] = {
    "description": f"{UPDATED} {WHO_OFFERS}",
    "body": ServiceSerializer,
    "body_examples": {"price": {"price": 375000}, "everybody offers it": {"staff_ids": []}},
    "response": ServiceSerializer,
    "example": SERVICE,
    "has_etag": True,
}
SERVICE_OPERATIONS = {
    "list": Operation(
        id="listServices",
        summary="List services",
        description=LISTED,
        filters=ServiceFilter,
        is_paged=True,
        is_list=True,
        query={"category": "hair", "staff_id": "507f1f77bcf86cd799439021", "is_active": "true"},
        response=ServiceSerializer,
        example=page_of(SERVICE),
    ),
    "create": Operation(
        id="createService",
        summary="Create a service",
        description=f"{UNIQUE} {WHO_OFFERS}",
        body=NewServiceSerializer,
        body_examples={"service": NEW_SERVICE},
        response=ServiceSerializer,
        example=SERVICE,
        status=201,
        has_etag=True,
    ),
    "retrieve": Operation(
        id="getService",
        summary="Get a service",
        description="An empty `staff_ids` means that everybody offers it.",
        response=ServiceSerializer,
        example=SERVICE,
        has_etag=True,
    ),
    "PUT update": Operation(id="updateService", summary="Update a service", **SERVICE_UPDATE),
    "PATCH update": Operation(id="patchService", summary="Update a service, by PATCH", **SERVICE_UPDATE),
}

STAFF_OPERATIONS = {
    "list": Operation(
        id="listStaff",
        summary="List staff",
        description=f"{LISTED} Everybody of the business with an account is listed, whatever their role.",
        filters=StaffFilter,
        is_paged=True,
        is_list=True,
        query={"service_id": "507f1f77bcf86cd799439020", "is_active": "true"},
        response=StaffSerializer,
        example=page_of(MEMBER),
    ),
    "retrieve": Operation(
        id="getMemberOfStaff",
        summary="Get a member of staff",
        response=StaffSerializer,
        example=MEMBER,
        has_etag=True,
    ),
}
