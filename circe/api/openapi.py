"""The OpenAPI document: made from the views, their serializers and filters, and what they declare (`operations`)."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Literal

from django.conf import settings
from django_filters import FilterSet
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import get_doc
from rest_framework.permissions import SAFE_METHODS
from rest_framework.serializers import CharField, Field, ListField, Serializer, TimeField

from circe.api.errors import CONTENT_TYPE
from circe.api.operations import ID, Operation, Schema, query
from circe.api.pagination import Pages
from circe.api.parameters import DayFilter
from circe.api.responses import (
    ETAG,
    FIELD_ERROR,
    IDEMPOTENCY_KEY,
    IF_MATCH,
    LOCATION,
    PROBLEM,
    REFUSALS,
    REPLAYED,
    Refusal,
)
from circe.api.serializers import ClearableListField, StrictSerializer
from circe.db.ids import PATTERN

Direction = Literal["request", "response"]

DESCRIPTION = """\
The customers of salons, spas and clinics, each business with its own.

- **Sign in** with `POST /api/v1/auth/login` and send `Authorization: Bearer <access token>` with every other request.
- **Your business only.** Whatever belongs to another one is answered as if it did not exist. A `super_admin` belongs to
  none, sees all, and narrows with `?tenant_id=`.
- **JSON** in and out. Money is a whole number in the business's currency. Instants are UTC, `2025-01-15T10:30:00Z`;
  dates and clock times are those of the business's time zone. A value that is absent is `null`, never a missing key.
- **Parameters are read strictly**: one that can't be understood, or is given twice, is a 400. Unknown ones are ignored.
- **Send it again** where no answer came: with an `Idempotency-Key` a write is done once. Signing in, refreshing and signing
  out take none: no token is kept to be given out again.
- **Errors** have one shape, problem details (RFC 9457, `application/problem+json`): `detail` is a sentence for a
  person, `code` a stable word for a program, `errors` names the fields at fault. A method that a path does
  not have is a 405.
"""

TAGS = {
    "Customers": "Whom the business serves.",
    "Appointments": "What a customer booked and attended.",
    "Statistics": "The customers in numbers.",
    "Authentication": "Signing in and out. An access token is good for an hour, a refresh token for seven days.",
}


CLOCK_TIME = "^[0-9]{2}:[0-9]{2}:[0-9]{2}$"
OR_INSTANT = " An ISO 8601 instant, `2025-01-15T10:30:00Z`, is understood too."
COMMA_SEPARATED: Schema = {"style": "form", "explode": False}
# Members of a problem that apps add, by name.
_problem_members: dict[str, Schema] = {}


def register_problem_member(name: str, schema: Schema) -> None:
    """Adds a member to the schema of a problem, such as `conflicts`."""
    _problem_members[name] = schema


class OperationSchema(AutoSchema):
    """One operation of the document, by what its view declares and by the rules that all operations share."""

    @property
    def row(self) -> Operation:
        """What the view declares about the operation."""
        view: Any = self.view
        return view.operations.get(view.action) or view.operations[f"{self.method} {view.action}"]

    @property
    def roles(self) -> list[str]:
        """Who may call it, the mightiest role first. Empty where no token is needed."""
        view: Any = self.view
        return [role for role in settings.API_ROLES if self.get_auth() and role in view.roles[view.action]]

    @property
    def path_ids(self) -> list[str]:
        """The names of the ids in the path."""
        return re.findall(r"{(\w+)}", self.path)

    @property
    def writes(self) -> bool:
        """Whether it changes a tenant's rows."""
        return self.method not in SAFE_METHODS and bool(self.get_auth())

    @property
    def errors(self) -> list[int]:
        """The statuses of every error it can answer."""
        errors = {400, 503, *self.row.own_errors}
        if self.get_auth():
            errors |= {401, 403}
        if self.writes:
            errors |= {409, 422}
        if self.writes and self.path_ids:
            errors |= {412}
        if self.row.body:
            errors |= {413, 415}
        if self.path_ids:
            errors |= {404}
        return sorted(errors)

    def is_excluded(self) -> bool:
        return not self.path.startswith("/api/")

    def get_operation_id(self) -> str:
        return self.row.id

    def get_summary(self) -> str:
        return self.row.summary

    def get_tags(self) -> list[str]:
        view: Any = self.view
        return [view.tag]

    def get_description(self) -> str:  # type: ignore[override]
        view: Any = self.view
        method = get_doc(getattr(view, view.action))
        access = ", ".join(f"`{role}`" for role in self.roles) or "anyone"
        return "\n\n".join(part for part in (method, self.row.description, f"**Access:** {access}") if part)

    def get_extensions(self) -> Schema:
        samples = {"x-codeSamples": [{"lang": "curl", "source": self.row.curl}]} if self.row.curl else {}
        return {"x-roles": self.roles} | samples

    def get_request_serializer(self) -> Serializer | None:
        return self.row.body(partial=self.method != "POST") if self.row.body else None

    def get_response_serializers(self) -> Any:
        return {self.row.status: self.row.answer}

    def get_paginated_name(self, serializer_name: str) -> str:
        return f"{serializer_name}Page"

    def _is_list_view(self, serializer: Any = None) -> bool:
        return self.row.is_page_of_answer

    def _get_parameters(self) -> list[Schema]:
        view: Any = self.view
        return [
            *(_path_id(name) for name in self.path_ids),
            *_filter_parameters(self.row.filters),
            *(Pages().get_schema_operation_parameters(self.view) if self.row.is_paged else []),
            *self.row.parameters,
            *([IDEMPOTENCY_KEY] if self.writes else []),
            *([IF_MATCH] if self.writes and self.path_ids else []),
            *view.parameters,
        ]

    def _get_examples(self, serializer: Any, direction: Direction, *args: Any) -> Schema:
        named = {"documented": self.row.example} if direction == "response" else self.row.body_examples or {}
        return {name: {"value": value} for name, value in named.items()}

    def _get_response_headers_for_code(self, status_code: str, direction: Direction = "response") -> Schema:
        if not status_code.startswith("2"):
            return {}
        etag = ETAG if self.row.has_etag else {}
        return etag | (LOCATION if status_code == "201" else {}) | (REPLAYED if self.writes else {})

    def _get_response_for_code(self, serializer: Any, status_code: str, *args: Any) -> Schema:
        return super()._get_response_for_code(serializer, status_code, *args) | {
            "description": HTTPStatus(int(status_code)).phrase
        }

    def _get_response_bodies(self, direction: Direction = "response") -> Schema:
        refusals = {str(status): {"$ref": f"#/components/responses/{REFUSALS[status].name}"} for status in self.errors}
        return super()._get_response_bodies(direction) | refusals

    def _map_basic_serializer(self, serializer: Serializer, direction: Direction) -> Schema:
        schema = super()._map_basic_serializer(serializer, direction)
        if direction == "response":
            # Absent is null, never a missing key.
            schema["required"] = list(schema["properties"])
        elif serializer.root.partial:
            schema.pop("required", None)
        if direction == "request" and isinstance(serializer, StrictSerializer):
            schema["additionalProperties"] = False
        return schema

    def _postprocess_serializer_schema(self, schema: Schema, serializer: Serializer, direction: Direction) -> Schema:
        schema = super()._postprocess_serializer_schema(schema, serializer, direction)
        for name, part in schema["properties"].items():
            # Each direction has components of its own: these say nothing.
            part.pop("readOnly", None)
            part.pop("writeOnly", None)
            if direction == "response":
                _as_answered(part, serializer.fields[name])
            else:
                _as_trimmed(part, serializer.fields[name])
        return schema

    def _map_serializer_field(self, field: Field, direction: Direction, bypass_extensions: bool = False) -> Schema:
        schema = super()._map_serializer_field(field, direction, bypass_extensions)
        name = field.field_name or ""
        if (name == "id" or name.endswith("_id")) and isinstance(field, CharField) and name != "request_id":
            schema |= {"pattern": PATTERN}
        elif isinstance(field, TimeField):
            # JSON Schema's format of that name wants an offset, and a clock time has none.
            schema = {"type": "string", "pattern": CLOCK_TIME}
        elif name in {"email", "password"} and "string" in schema.get("type", ()):
            schema |= {"format": name}
        return schema


def _as_answered(schema: Schema, field: Field) -> None:
    """Leave out what a body may say and an answer never does: null for an emptied list, "" for null."""
    if isinstance(field, ClearableListField):
        schema["type"] = "array"
    if "" in schema.get("enum", ()):
        schema["enum"].remove("")
    if {"type": "string", "maxLength": 0} in schema.get("oneOf", ()):
        schema |= schema.pop("oneOf")[0]


def _as_trimmed(schema: Schema, field: Field) -> None:
    """Say that a string of spaces is none."""
    if isinstance(field, ListField):
        _as_trimmed(schema["items"], field.child)
    elif isinstance(field, CharField) and field.trim_whitespace and not field.allow_blank:
        # Python trims more than a JSON Schema takes for white space.
        schema.setdefault("pattern", r"[^\s\x1c-\x1f\x85]")


def _path_id(name: str) -> Schema:
    description = f"The {name.removesuffix('_id')}'s id."
    return {"in": "path", "name": name, "required": True, "description": description, "schema": ID}


def _filter_parameters(filters: type[FilterSet] | None) -> Iterator[Schema]:
    for name, rule in filters.base_filters.items() if filters else ():
        description = rule.extra["help_text"] + (OR_INSTANT if isinstance(rule, DayFilter) else "")
        yield query(name, description, rule.schema) | (COMMA_SEPARATED if rule.schema["type"] == "array" else {})


def complete(result: Schema, **kwargs: Any) -> Schema:
    """The postprocessing hook of drf-spectacular: adds what all operations share."""
    result["info"]["description"] = DESCRIPTION
    result["tags"] = [{"name": name, "description": description} for name, description in TAGS.items()]
    problem = PROBLEM | {"properties": PROBLEM["properties"] | _problem_members}
    result["components"]["schemas"] |= {"Problem": problem, "FieldError": FIELD_ERROR}
    result["components"]["responses"] = {refusal.name: _response(refusal) for refusal in REFUSALS.values()}
    return result


def _response(refusal: Refusal) -> Schema:
    schema = {"$ref": "#/components/schemas/Problem"}
    content = {CONTENT_TYPE: {"schema": schema, "examples": {refusal.example.code: {"value": refusal.example.body}}}}
    return {"description": refusal.description, "content": content} | (
        {"headers": refusal.headers} if refusal.headers else {}
    )
