"""An example of the audit trail for the OpenAPI document."""

from circe.api.operations import Example

AUDIT_TRAIL: Example = {
    "items": [
        {
            "id": 1042,
            "at": "2025-10-08T10:00:00Z",
            "action": "updated",
            "object": "customer",
            "object_id": "507f1f77bcf86cd799439011",
            "actor": {"id": "507f1f77bcf86cd799439021", "email": "staff@example.com", "name": "Rina Wijaya"},
            "actor_id": "507f1f77bcf86cd799439021",
            "command": None,
            "request_id": "6f1f0f9bd0df4d9eb1c5c1a3a3f6a3b2",
            "address": "203.0.113.7",
            "changes": [{"field": "last_name", "before": None, "after": "Doe"}],
        }
    ],
    "total": 1,
    "page": 1,
    "size": 20,
    "pages": 1,
}
