"""Builds the OpenAPI document from the views: their serializers, filters and declared `operations`."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Literal, cast

from django.conf import settings
from django_filters import FilterSet
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import get_doc
from drf_spectacular.utils import OpenApiParameter
from rest_framework.permissions import SAFE_METHODS
from rest_framework.serializers import CharField, DateTimeField, Field, ListField, Serializer, TimeField

from circe.api.errors import CONTENT_TYPE
from circe.api.operations import ID_SCHEMA, SAMPLE_QUERY_EXTENSION, Example, Operation, Schema, query_parameter
from circe.api.pagination import NumberedPages
from circe.api.parameters import DayOrInstantFilter
from circe.api.responses import (
    ERROR_RESPONSES,
    ETAG_HEADER,
    FIELD_ERROR_SCHEMA,
    IDEMPOTENCY_KEY_PARAMETER,
    IF_MATCH_PARAMETER,
    INSTANT_PATTERN,
    LOCATION_HEADER,
    PROBLEM_SCHEMA,
    REPLAYED_HEADER,
    TOMBSTONE_SCHEMA,
    ErrorResponse,
)
from circe.api.serializers import (
    MAX_PASSWORD_LENGTH,
    BlankIsNullMixin,
    ClearableListField,
    OwnTenantField,
    StrictSerializer,
)
from circe.db.ids import ID_PATTERN

Direction = Literal["request", "response"]

DESCRIPTION = """\
The customers of salons, spas and clinics, each business with its own.

- **Sign in** with `POST /api/v1/auth/login` and send `Authorization: Bearer <access token>` with every other request.
- **Your business only.** Data of another business is answered as if it did not exist. A `super_admin` belongs to no
  business, sees the data of all, and selects one with `?tenant_id=`.
- **JSON** in and out. Money is a whole number in the business's currency. Instants are UTC, `2025-01-15T10:30:00Z`;
  dates and clock times are in the business's time zone. A value that is absent is `null`, never a missing key.
- **Parameters are read strictly**: a value that is not valid is a 400. A parameter that takes a list holds commas or is
  repeated (`tags=vip,regular`, `tags=vip&tags=regular`); any other that is given twice is a 400. Unknown parameters are
  ignored.
- **Send a request again** if no answer came: with an `Idempotency-Key` a write is done once. A request without an access
  token takes no such key, nor does the change of one's own password: their answers may have tokens, which the server
  does not store.
- **Errors** have one shape, problem details (RFC 9457, `application/problem+json`): `detail` is a sentence for a
  person, `code` a stable word for a program, `errors` lists the fields that are not valid. A method that a path does
  not have is a 405.
"""

TAGS = {
    "Customers": "The people whom the business serves.",
    "Catalogue": "Where and what customers can book, and who attends them: outlets, services and staff.",
    "Hours": "When members of staff work, and when they are away and outlets are closed.",
    "Appointments": "The appointments that a customer booked and attended.",
    "Portal": "Actions of customers by themselves, each with a token of their own, in the portal of one business.",
    "Consents": "The consents of customers: for which messages, since when and by which words.",
    "Messages": "Whether a customer may be sent a message, and what was sent about appointments.",
    "Statistics": "Numbers about the customers.",
    "Authentication": "Signing in and out. An access token is valid for an hour, a refresh token for seven days.",
}


ANSWER_CLOCK_TIME_PATTERN = "^[0-9]{2}:[0-9]{2}:[0-9]{2}$"
# A clock time in a request may have no seconds. ClockTimeField uses the same pattern.
REQUEST_CLOCK_TIME_PATTERN = "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"
OR_INSTANT = " An ISO 8601 instant, `2025-01-15T10:30:00Z`, is accepted too."
METHODS = ["get", "post", "put", "patch", "delete"]
# The server reads `a=1&a=2` and `a=1,2`. Generated clients repeat a parameter, whatever the document says.
REPEATED: Schema = {"style": "form", "explode": True}
_ABOUT_BODIES = re.compile(r"\s*\bIn a body\b.*", re.DOTALL)
# The schemas of the members that apps add to a problem, by name of the member.
_problem_members: dict[str, Schema] = {}
# The conflicts that apps add, by the name of their component.
_conflicts: dict[str, ErrorResponse] = {}


def register_problem_member(name: str, schema: Schema) -> None:
    """Adds a member to the schema of a problem, such as `conflicts`."""
    _problem_members[name] = schema


def register_conflict(error: ErrorResponse) -> None:
    """Adds a 409 that the `conflict` of operations names."""
    _conflicts[error.name] = error


class OperationSchema(AutoSchema):
    """Describes one operation by what its view declares and by the rules that all operations share."""

    @property
    def operation(self) -> Operation:
        """The operation as the view declares it."""
        view: Any = self.view
        return view.operations.get(view.action) or view.operations[f"{self.method} {view.action}"]

    @property
    def roles(self) -> list[str]:
        """The roles that may call the operation, the one with most rights first. Empty if the operation needs no token."""
        view: Any = self.view
        return [role for role in settings.API_ROLES if self.get_auth() and role in view.roles[view.action]]

    @property
    def path_names(self) -> list[str]:
        """The names of the parameters in the path."""
        return re.findall(r"{(\w+)}", self.path)

    @property
    def path_ids(self) -> list[str]:
        """The names of the ids in the path. The view describes any other parameter there."""
        return [name for name in self.path_names if name.endswith("_id")]

    @property
    def takes_if_match(self) -> bool:
        """Whether the operation changes a row that exists, and takes `If-Match`."""
        return self.takes_idempotency_key and (bool(self.path_ids) or self.operation.changes_own_row)

    @property
    def takes_idempotency_key(self) -> bool:
        """Whether the operation changes rows of a tenant, and takes `Idempotency-Key`."""
        is_change = self.operation.is_idempotent and not self.operation.reads_only
        return self.method not in SAFE_METHODS and bool(self.get_auth()) and is_change

    @property
    def errors(self) -> list[int]:
        """The status codes of the errors that the operation can answer."""
        errors = {400, 503, *self.operation.own_errors}
        if self.get_auth():
            errors |= {401, 403}
        if self.takes_idempotency_key:
            errors |= {409, 422}
        if self.takes_if_match:
            errors |= {412}
        if self.operation.body:
            errors |= {413, 415}
        if self.path_names:
            errors |= {404}
        return sorted(errors)

    @property
    def parameters(self) -> list[Schema]:
        """The parameters: of the path, the filters, the page, the operation itself, the headers and the view."""
        view: Any = self.view
        return [
            *(_path_id(name) for name in self.path_ids),
            *_filter_parameters(self.operation.filters),
            *(NumberedPages().get_schema_operation_parameters(self.view) if self.operation.is_paged else []),
            *self.operation.parameters,
            *([IDEMPOTENCY_KEY_PARAMETER] if self.takes_idempotency_key else []),
            *([IF_MATCH_PARAMETER] if self.takes_if_match else []),
            *view.parameters,
        ]

    def get_operation(self, *args: Any) -> Schema | None:
        """As drf-spectacular's, with what the view declares instead of what drf-spectacular derives from a view."""
        operation = super().get_operation(*args)
        if operation is None:
            return None
        operation.pop("parameters", None)
        if parameters := self.parameters:
            operation["parameters"] = parameters
        for code in self._statuses:
            response = operation["responses"][str(code)]
            response["description"] = self._describe_response(code)
            if headers := self._headers():
                response["headers"] = headers
            _add_examples(response, {"documented": self.operation.example})
        if self.operation.body_examples:
            _add_examples(operation["requestBody"], self.operation.body_examples)
        names = {status: error.name for status, error in ERROR_RESPONSES.items()} | {409: self.operation.conflict}
        operation["responses"] |= {
            str(status): {"$ref": f"#/components/responses/{names[status]}"} for status in self.errors
        }
        return operation

    def get_override_parameters(self) -> list[OpenApiParameter]:
        # Without these, drf-spectacular looks for a model that describes the parameters of the path.
        return [OpenApiParameter(name, location=OpenApiParameter.PATH) for name in self.path_names]

    def get_auth(self) -> list[dict[str, Any]]:
        # Access tokens of staff and of customers are sent in the same way.
        view: Any = self.view
        return [{"bearerAuth": []}] if view.get_authenticators() else []

    def get_filter_backends(self) -> list[Any]:
        # The operation declares its filters.
        return []

    def is_excluded(self) -> bool:
        return not self.path.startswith("/api/")

    def get_operation_id(self) -> str:
        return self.operation.id

    def get_summary(self) -> str:
        return self.operation.summary

    def get_tags(self) -> list[str]:
        view: Any = self.view
        return [view.tag]

    def get_description(self) -> str:  # type: ignore[override]
        view: Any = self.view
        method = get_doc(getattr(view, view.action))
        access = ", ".join(f"`{role}`" for role in self.roles) or "anyone"
        return "\n\n".join(text for text in (method, self.operation.description, f"**Access:** {access}") if text)

    def get_extensions(self) -> Schema:
        return {"x-roles": self.roles} | (
            {SAMPLE_QUERY_EXTENSION: self.operation.query} if self.operation.query else {}
        )

    def get_request_serializer(self) -> Serializer | None:
        operation = self.operation
        is_partial = self.method != "POST" and not operation.body_is_whole
        return operation.body(partial=is_partial) if operation.body else None

    def get_response_serializers(self) -> Any:
        response, view = self.operation.response, cast("Any", self.view)
        if self.operation.page_members:
            paginator = view.paginator
            paginator.member_schemas = self.operation.page_members
            paginator.other_item_schema = self.operation.other_item
            # drf-spectacular makes a paginator of its own by the class.
            view.pagination_class = lambda: paginator
        return dict.fromkeys(self._statuses, response(many=True) if self.operation.is_list else response)

    @property
    def _statuses(self) -> list[int]:
        return sorted(code for code in (self.operation.status, self.operation.status_if_there) if code)

    def _describe_response(self, code: int) -> str:
        """Returns what the answer holds, by the first paragraph of its serializer. For a status other than 200 it begins
        with what happened.
        """
        holds = "A page of the list." if self.operation.is_list else get_doc(self.operation.response).partition("\n")[0]
        return without_bodies(holds if code == HTTPStatus.OK else f"{HTTPStatus(code).phrase}. {holds}")

    def get_paginated_name(self, serializer_name: str) -> str:
        return f"{serializer_name}Page"

    def _headers(self) -> Schema:
        etag = ETAG_HEADER if self.operation.has_etag else {}
        return (
            etag
            | (LOCATION_HEADER if self.operation.status == 201 else {})
            | (REPLAYED_HEADER if self.takes_idempotency_key else {})
        )

    # Private to drf-spectacular, which has no public hook for the schema of every serializer. Without it the document
    # does not say that an answer has all its keys and that a body with an unknown key is refused. Test:
    # test_an_answer_requires_all_its_keys.
    def _map_basic_serializer(self, serializer: Serializer, direction: Direction) -> Schema:
        schema = super()._map_basic_serializer(serializer, direction)
        if direction == "response":
            # An absent value is null, never a missing key, unless only some operations answer with the key.
            others = getattr(serializer, "keys_of_some_answers", ())
            schema["required"] = [name for name in schema["properties"] if name not in others]
        elif serializer.root.partial:
            schema.pop("required", None)
        if direction == "request" and isinstance(serializer, StrictSerializer):
            schema["additionalProperties"] = False
        return schema

    # Private to drf-spectacular: its public hooks are for one serializer class each. Without it the document would
    # allow values in an answer that only a body may have. Test: test_a_schema_has_only_the_rules_of_its_direction.
    def _postprocess_serializer_schema(self, schema: Schema, serializer: Serializer, direction: Direction) -> Schema:
        schema = super()._postprocess_serializer_schema(schema, serializer, direction)
        for name, value in schema["properties"].items():
            # Requests and responses have separate components, so these keywords say nothing.
            value.pop("readOnly", None)
            value.pop("writeOnly", None)
            if direction == "response":
                _remove_request_only(value, serializer.fields[name])
            else:
                _refuse_blank(value, serializer.fields[name])
                _allow_blank_for_null(value, serializer.fields[name])
        return schema

    # Private to drf-spectacular: its public hooks are for one field class each, and an id is recognized by its name.
    # Without it the document has no patterns for ids and clock times. Test: test_ids_and_clock_times_have_a_pattern.
    def _map_serializer_field(self, field: Field, direction: Direction, bypass_extensions: bool = False) -> Schema:
        schema = super()._map_serializer_field(field, direction, bypass_extensions)
        name = field.field_name or ""
        if (name == "id" or name.endswith("_id")) and isinstance(field, CharField) and name != "request_id":
            schema |= {"pattern": ID_PATTERN}
        elif isinstance(field, TimeField):
            # The format `time` of JSON Schema requires an offset, which a clock time does not have.
            types = ["string", "null"] if field.allow_null else "string"
            schema = {
                "type": types,
                "pattern": ANSWER_CLOCK_TIME_PATTERN if direction == "response" else REQUEST_CLOCK_TIME_PATTERN,
            }
        elif isinstance(field, DateTimeField) and direction == "response":
            schema |= {"pattern": INSTANT_PATTERN}
        elif name in {"email", "password"} and "string" in schema.get("type", ()):
            schema |= {"format": name} | ({"maxLength": MAX_PASSWORD_LENGTH} if name == "password" else {})
        return schema


def without_bodies(text: str) -> str:
    """Returns a text without the part that begins with "In a body", for what describes answers."""
    return _ABOUT_BODIES.sub("", text)


def _remove_request_only(schema: Schema, field: Field) -> None:
    """Removes the values that only a request may have: null for an empty list or one's own business, "" for null."""
    if isinstance(field, ClearableListField):
        schema["type"] = "array"
    if isinstance(field, OwnTenantField):
        schema["type"] = "string"
    if "" in schema.get("enum", ()):
        schema["enum"].remove("")
    if {"type": "string", "maxLength": 0} in schema.get("oneOf", ()):
        schema |= schema.pop("oneOf")[0]


def _refuse_blank(schema: Schema, field: Field) -> None:
    """Adds a pattern that refuses a string of nothing but white space."""
    if isinstance(field, ListField):
        _refuse_blank(schema["items"], field.child)
    elif isinstance(field, CharField) and field.trim_whitespace and not field.allow_blank:
        # Python strips more characters than `\s` of JSON Schema matches.
        schema.setdefault("pattern", r"[^\s\x1c-\x1f\x85]")


def _allow_blank_for_null(schema: Schema, field: Field) -> None:
    """Adds the empty text to a schema of a field that reads it as null."""
    if isinstance(field, BlankIsNullMixin) and field.allow_null:
        described = {key: schema.pop(key) for key in list(schema) if key != "description"}
        schema["anyOf"] = [described, {"type": "string", "maxLength": 0}]


def _add_examples(body: Schema, examples: dict[str, Example]) -> None:
    for content in body["content"].values():
        content["examples"] = {name: {"value": value} for name, value in examples.items()}


def _path_id(name: str) -> Schema:
    description = f"The {name.removesuffix('_id')}'s id."
    return {"in": "path", "name": name, "required": True, "description": description, "schema": ID_SCHEMA}


def _filter_parameters(filters: type[FilterSet] | None) -> Iterator[Schema]:
    for name, query_filter in filters.base_filters.items() if filters else ():
        description = query_filter.extra["help_text"] + (
            OR_INSTANT if isinstance(query_filter, DayOrInstantFilter) else ""
        )
        yield (
            query_parameter(name, description, query_filter.schema)
            | (REPEATED if query_filter.schema["type"] == "array" else {})
            | ({"required": True} if query_filter.extra["required"] else {})
        )


def add_shared_parts(result: Schema) -> Schema:
    """Adds what all operations share."""
    result["info"]["description"] = DESCRIPTION
    # drf-spectacular reads the methods of a viewset from a set, whose order changes with each process.
    for path, methods in result["paths"].items():
        result["paths"][path] = {method: methods[method] for method in METHODS if method in methods}
    result["tags"] = [{"name": name, "description": description} for name, description in TAGS.items()]
    problem = PROBLEM_SCHEMA | {"properties": PROBLEM_SCHEMA["properties"] | _problem_members}
    result["components"]["schemas"] |= {
        "Problem": problem,
        "FieldError": FIELD_ERROR_SCHEMA,
        "Tombstone": TOMBSTONE_SCHEMA,
    }
    result["components"]["responses"] = {
        error.name: _response(error) for error in (*ERROR_RESPONSES.values(), *_conflicts.values())
    }
    return result


def _response(error: ErrorResponse) -> Schema:
    schema = {"$ref": "#/components/schemas/Problem"}
    examples = {problem.code: {"value": problem.body} for problem in (error.example, *error.more_examples)}
    content = {CONTENT_TYPE: {"schema": schema, "examples": examples}}
    return {"description": error.description, "content": content} | (
        {"headers": error.headers} if error.headers else {}
    )
