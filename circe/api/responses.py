"""The parts of the OpenAPI document that operations share: error responses, headers, and the schema of a problem."""

from dataclasses import dataclass

from circe.api.errors import NOT_FOUND, RETRY_AFTER_SECONDS, Problem
from circe.api.operations import ID_SCHEMA, Schema

INSTANT_PATTERN = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"
RETRY_AFTER_HEADER: Schema = {
    "Retry-After": {"description": "Seconds to wait.", "required": True, "schema": {"type": "integer", "minimum": 1}}
}
WWW_AUTHENTICATE_HEADER: Schema = {
    "WWW-Authenticate": {"description": "How to sign in.", "required": True, "schema": {"const": "Bearer"}}
}
LOCATION_HEADER: Schema = {
    "Location": {"description": "The address of what was created.", "required": True, "schema": {"type": "string"}}
}
ETAG_HEADER: Schema = {
    "ETag": {
        "description": "The version of the row as a GET shows it, for `If-Match`. It changes with everything that a GET "
        "shows: of a customer, also the preferences (even when a preferred outlet, service or person is deleted), and the "
        "totals of the appointments.",
        "required": True,
        "schema": {"type": "string"},
    }
}
REPLAYED_HEADER: Schema = {
    "Idempotency-Replayed": {
        "description": "The answer of an earlier request with the same key.",
        "schema": {"const": "true"},
    }
}
IDEMPOTENCY_KEY_PARAMETER: Schema = {
    "in": "header",
    "name": "Idempotency-Key",
    "description": "A request that is sent again with the same key is done once. "
    "For 24 hours it gets the first answer again.",
    "schema": {"type": "string", "pattern": r"^[\x21-\x7e]{1,255}$"},
}
IF_MATCH_PARAMETER: Schema = {
    "in": "header",
    "name": "If-Match",
    "description": "The `ETag` that the row had when you read it. The form that a compressing proxy gives it (`W/`, "
    "`-gzip`) is accepted too. The write is done only if the row still has this `ETag`.",
    "schema": {"type": "string"},
}


@dataclass(frozen=True)
class ErrorResponse:
    """An error that operations share: the response component `name` of the document, with its examples."""

    name: str
    description: str
    example: Problem
    headers: Schema | None = None
    more_examples: tuple[Problem, ...] = ()


ERROR_RESPONSES = {
    400: ErrorResponse(
        "BadRequest",
        "The request is malformed or a value is not valid; `errors` names the fields.",
        Problem(
            400,
            "invalid",
            "page: Write a whole number from 1 to 2147483647.",
            {"errors": [{"field": "page", "code": "invalid", "detail": "Write a whole number from 1 to 2147483647."}]},
        ),
    ),
    401: ErrorResponse(
        "Unauthorized",
        "There is no token, it is not valid, or the credentials are wrong.",
        Problem(401, "authentication_failed", "The access token is not valid or has expired."),
        WWW_AUTHENTICATE_HEADER,
    ),
    403: ErrorResponse(
        "Forbidden",
        "The caller's role does not allow it, or the request names another business. No row is read before.",
        Problem(403, "permission_denied", "You do not have permission to perform this action."),
    ),
    404: ErrorResponse("NotFound", "There is no such row, or the caller may not see it.", NOT_FOUND),
    409: ErrorResponse(
        "Conflict",
        "It conflicts with what is stored: another customer of the business has the e-mail or the phone, or another active "
        "outlet or service the name (`duplicate_name`). With the code `in_flight`: a request with the same "
        "`Idempotency-Key` is being handled.",
        Problem(
            409,
            "duplicate_customer",
            "Another customer has this e-mail address.",
            {"conflicts": [{"field": "email", "customer_id": "507f1f77bcf86cd799439011", "is_deleted": False}]},
        ),
    ),
    412: ErrorResponse(
        "PreconditionFailed",
        "The row has changed since the client read the `ETag` in `If-Match`.",
        Problem(412, "stale", "It was changed since you read it. Read it again, and decide anew."),
    ),
    413: ErrorResponse(
        "PayloadTooLarge", "The body is too large.", Problem(413, "payload_too_large", "The body is too large.")
    ),
    415: ErrorResponse(
        "UnsupportedMediaType",
        "The body is not `application/json`.",
        Problem(415, "unsupported_media_type", 'Unsupported media type "text/plain" in request.'),
    ),
    422: ErrorResponse(
        "UnprocessableContent",
        "The `Idempotency-Key` was used for another request.",
        Problem(422, "idempotency_key_reused", "This Idempotency-Key was used for another request: choose a new one."),
    ),
    429: ErrorResponse(
        "TooManyRequests",
        "Too many failures, or too many mails were asked for.",
        Problem(429, "throttled", "Request was throttled. Expected available in 840 seconds."),
        RETRY_AFTER_HEADER,
    ),
    503: ErrorResponse(
        "Unavailable",
        "The database is away or too slow.",
        Problem(
            503,
            "unavailable",
            "The database is away or too slow. Try again in a moment.",
            headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
        ),
        RETRY_AFTER_HEADER,
    ),
}

PROBLEM_SCHEMA: Schema = {
    "type": "object",
    "description": "Problem details for HTTP APIs (RFC 9457).",
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "`urn:circe:problem:` and the code."},
        "title": {"type": "string", "description": "The name of the status."},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "A sentence for a person."},
        "code": {"type": "string", "description": "A stable word for a program."},
        "errors": {
            "type": "array",
            "description": "The fields that are not valid. The name of a nested field is its path, joined by dots.",
            "items": {"$ref": "#/components/schemas/FieldError"},
        },
    },
    "required": ["type", "title", "status", "detail", "code"],
}
FIELD_ERROR_SCHEMA: Schema = {
    "type": "object",
    "description": "An error of a field, and how to correct it.",
    "properties": {name: {"type": "string"} for name in ("field", "code", "detail")},
    "required": ["field", "code", "detail"],
}
TOMBSTONE_SCHEMA: Schema = {
    "type": "object",
    "description": "A row that was deleted or purged. Only administrators get it, and only with `updated_since` or `next`.",
    "required": ["id", "is_deleted", "updated_at"],
    "additionalProperties": False,
    "properties": {
        "id": {**ID_SCHEMA, "description": "The id.", "examples": ["507f1f77bcf86cd799439011"]},
        "is_deleted": {"const": True, "description": "Always true."},
        "updated_at": {
            "type": "string",
            "format": "date-time",
            "pattern": INSTANT_PATTERN,
            "description": "When it was deleted or purged.",
            "examples": ["2025-01-20T10:00:00Z"],
        },
    },
}
