"""Describes every property of every schema: what it means, its format and an example."""

from collections.abc import Iterator
from typing import Any

from circe.api.openapi import without_bodies
from circe.document.property_texts import PROPERTY_TEXTS

Schema = dict[str, Any]

_COMPONENT = "#/components/schemas/"


def describe_properties(result: Schema) -> None:
    """Adds descriptions, formats and examples."""
    _simplify(result)
    schemas = result["components"]["schemas"]
    for name, schema in schemas.items():
        is_request = name.endswith("Request")
        # A schema without a description is a page of a list, for which there is no serializer.
        schema.setdefault("description", f"A page of a list, as described at {name.removesuffix('Page')}.")
        schema["description"] = _adapt_text(schema["description"], is_request=is_request)
        for key, value in schema.get("properties", {}).items():
            text = value.get("description") or _find_declared(name, key)[0]
            value["description"] = _adapt_text(text, is_request=is_request)
            _add_formats(value)
    for schema, value in _iterate_examples(result):
        _add_examples(schema, value, schemas)
    for name, schema in schemas.items():
        for key, value in schema.get("properties", {}).items():
            _add_declared_example(name, key, value, schemas)


def _simplify(node: Any) -> None:
    """Writes `anyOf` for alternatives, since a value may satisfy several. Replaces an `allOf` of one part by this part."""
    if isinstance(node, dict):
        if "oneOf" in node:
            node["anyOf"] = node.pop("oneOf")
        if len(node.get("allOf", ())) == 1:
            node |= node.pop("allOf")[0]
        for inner in node.values():
            _simplify(inner)
    elif isinstance(node, list):
        for inner in node:
            _simplify(inner)


def _find_declared(name: str, key: str) -> tuple[str, Any]:
    """Returns the text and the example of a property in PROPERTY_TEXTS, by the names of its schema and of itself."""
    found = PROPERTY_TEXTS.get(f"{name.removesuffix('Request')}.{key}") or PROPERTY_TEXTS.get(key) or ""
    return found if isinstance(found, tuple) else (found, None)


def _adapt_text(text: str, *, is_request: bool) -> str:
    """Returns the text. For an answer it leaves out the part about bodies of requests."""
    return text if is_request else without_bodies(text)


def _add_formats(node: Any) -> None:
    """Adds the size of whole numbers, for languages with several types of whole numbers."""
    if isinstance(node, dict):
        if "integer" in node.get("type", ()):
            node.setdefault("format", "int64")
        for inner in node.values():
            _add_formats(inner)
    elif isinstance(node, list):
        for inner in node:
            _add_formats(inner)


def _iterate_examples(node: Any) -> Iterator[tuple[Schema, Any]]:
    """Yields each schema of a body or an answer with an example of it."""
    if isinstance(node, dict):
        if "schema" in node:
            for example in node.get("examples", {}).values():
                yield node["schema"], example["value"]
        for inner in node.values():
            yield from _iterate_examples(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _iterate_examples(inner)


def _add_examples(schema: Schema, value: Any, schemas: Schema) -> None:
    """Adds the members of an example as examples of their properties, where a property has none yet."""
    if value is None:
        return
    for option in schema.get("anyOf", ()):
        _add_examples(option, value, schemas)
    if "$ref" in schema:
        _add_examples(schemas[schema["$ref"].removeprefix(_COMPONENT)], value, schemas)
    elif isinstance(value, dict):
        for key, inner in schema.get("properties", {}).items():
            if value.get(key) is not None:
                _add_example(inner, value[key], schemas)
    elif isinstance(value, list) and "items" in schema:
        for item in value:
            _add_examples(schema["items"], item, schemas)


def _add_example(schema: Schema, value: Any, schemas: Schema) -> None:
    if _is_simple(value) and "example" not in schema and value != [] and not _has_own_schema(schema):
        schema.setdefault("examples", [value])
    _add_examples(schema, value, schemas)


def _is_simple(value: Any) -> bool:
    """Returns whether the value is no list of objects, whose schema has the examples."""
    return not (isinstance(value, list) and any(isinstance(one, dict) for one in value))


def _has_own_schema(schema: Schema) -> bool:
    """Returns whether the property has a schema of its own, where the example is."""
    options = [schema, *schema.get("anyOf", ())]
    return any("$ref" in option for option in options)


def _add_declared_example(name: str, key: str, schema: Schema, schemas: Schema) -> None:
    """Gives a property without an example the example in PROPERTY_TEXTS, or the one of this property in another schema."""
    if _has_own_schema(schema) or {"const", "example", "examples"} & schema.keys():
        return
    _, example = _find_declared(name, key)
    if example is None:
        text = _find_declared(name, key)[0]
        others = [
            schema["properties"][key]
            for other, schema in schemas.items()
            if key in schema.get("properties", {}) and _find_declared(other, key)[0] == text
        ]
        example = next((other["examples"][0] for other in others if "examples" in other), None)
    if example is not None:
        schema["examples"] = [example]
