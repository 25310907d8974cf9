"""Completes the OpenAPI document that drf-spectacular builds."""

from typing import Any

import orjson

from circe.api.openapi import add_shared_parts
from circe.document.enums import name_enums
from circe.document.properties import describe_properties
from circe.document.samples import add_samples

Schema = dict[str, Any]


def complete_document(result: Schema, **kwargs: Any) -> Schema:
    """Returns the whole document. This is the last postprocessing hook of drf-spectacular."""
    # A copy, since schemas of filters and of operations are constants.
    document = orjson.loads(orjson.dumps(add_shared_parts(result), default=str))
    for complete in (name_enums, describe_properties, add_samples):
        complete(document)
    return document
