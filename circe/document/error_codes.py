"""The codes of errors, for the OpenAPI document."""

from appointments.booking import REFUSAL_TEXTS

PROBLEM_CODES = [
    # 400
    "invalid",
    "malformed",
    "link_invalid",
    # 401
    "not_authenticated",
    "authentication_failed",
    # 403, 404, 405
    "permission_denied",
    "not_found",
    "method_not_allowed",
    # 409
    "conflict",
    "duplicate_customer",
    "duplicate_name",
    "in_flight",
    *REFUSAL_TEXTS,
    "invalid_transition",
    "customer_already_set",
    "too_late",
    # 411, 412, 413, 415, 422
    "length_required",
    "stale",
    "payload_too_large",
    "unsupported_media_type",
    "idempotency_key_reused",
    # 429, 500, 503
    "throttled",
    "internal_error",
    "unavailable",
]

FIELD_ERROR_CODES = [
    # Codes of every field and parameter.
    "invalid",
    "required",
    "null",
    "blank",
    "invalid_choice",
    "absent",
    "repeated",
    # Codes of texts, numbers, lists and times.
    "min_length",
    "max_length",
    "max_string_length",
    "null_characters_not_allowed",
    "surrogate_characters_not_allowed",
    "min_value",
    "max_value",
    "not_a_list",
    "empty",
    "date",
    "datetime",
    "make_aware",
    "overflow",
    "range",
    "past",
    "future",
    "max_days",
    # Codes of customers and accounts.
    "placeholder",
    "shortened",
    "two_numbers",
    "password_incorrect",
    "password_too_short",
    "password_too_common",
    "not_here",
    "not_yours",
    "not_with_changes",
    "foreign_tenant",
    "throttled",
    # Codes of appointments and the catalogue.
    "inactive",
    "off_grid",
    "overlap",
    "duplicate_name",
]
