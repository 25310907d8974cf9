"""The documentation that a view declares for its operations, for the OpenAPI document.

A viewset has `operations`, a dict of Operation by action. Where two methods lead to one action, the key has the method too:
`"PUT update"`. The viewset also has a `tag`, and `parameters` that all its operations take. Roles, path parameters and
common errors are not declared: `circe.api.openapi` derives them.
"""

from dataclasses import dataclass, field
from typing import Any

from django_filters import FilterSet
from rest_framework.serializers import Serializer

from circe.db.ids import ID_PATTERN

Schema = dict[str, Any]
Example = dict[str, Any]

# The name of the OpenAPI extension that holds the query of an operation's samples. It is removed when the samples are
# written.
SAMPLE_QUERY_EXTENSION = "x-sample-query"
ID_SCHEMA: Schema = {"type": "string", "pattern": ID_PATTERN}


def query_parameter(name: str, description: str, schema: Schema) -> Schema:
    """Returns the OpenAPI object of an optional query parameter."""
    return {"in": "query", "name": name, "description": description, "schema": schema}


@dataclass(frozen=True, kw_only=True)
class Operation:
    """The documentation of one operation.

    `is_paged` says that the operation takes `page` and `size`. `response` is the serializer of the response, or of one item
    of a page if `is_list`. `page_members` are the schemas, by name, of additional members of its page. `other_item` is the
    schema of items of another form that its page may have.

    `body_is_whole` says that the body of a PUT or PATCH needs all keys. Otherwise it may leave keys out. `example` is an
    answer, `body_examples` are bodies by name, and `query` is the query of the sample requests.

    `own_errors` are the statuses of errors that are not common to all operations. `conflict` is the name of the error
    response of a 409. `status_if_there` is the status of the answer if the row to create exists already.

    A write with a token takes `Idempotency-Key`, unless it says `is_idempotent=False` or `reads_only=True`. `reads_only`
    says that it changes nothing, although it has a body. If the path of such a write has an id, it takes `If-Match` too.
    `changes_own_row` says that it takes `If-Match` although its path has no id, since it changes a row of the caller.
    """

    id: str
    summary: str
    description: str = ""
    filters: type[FilterSet] | None = None
    is_paged: bool = False
    is_list: bool = False
    page_members: dict[str, Schema] = field(default_factory=dict)
    other_item: Schema | None = None
    parameters: tuple[Schema, ...] = ()
    body: type[Serializer] | None = None
    body_is_whole: bool = False
    body_examples: dict[str, Example] | None = None
    query: Example | None = None
    response: type[Serializer]
    example: Example
    status: int = 200
    has_etag: bool = False
    own_errors: tuple[int, ...] = ()
    conflict: str = "Conflict"
    status_if_there: int | None = None
    changes_own_row: bool = False
    is_idempotent: bool = True
    reads_only: bool = False
