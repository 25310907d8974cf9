"""Reads JSON bodies strictly, and checks the announced length and the address of a request before its body is read."""

import json
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote_to_bytes

import orjson
from django.conf import settings
from django.http import HttpRequest
from rest_framework.exceptions import APIException, ParseError, UnsupportedMediaType
from rest_framework.parsers import BaseParser

MAX_JSON_DEPTH = 20


class JSONBodyTooLarge(APIException):
    """The body is larger than MAX_JSON_BYTES."""

    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_detail = "The body is too large."
    default_code = "payload_too_large"


class CompressedBody(UnsupportedMediaType):
    """The request has a compressed body, which the API does not read."""

    default_detail = "A body is not to be compressed, as the Content-Encoding “{media_type}” says."


def content_length(request: HttpRequest) -> int | None:
    """Returns the length that the request announces for its body, or None where it announces none or no number."""
    text = request.META.get("CONTENT_LENGTH") or ""
    try:
        return int(text) if text.isdecimal() else None
    except ValueError:  # more digits than Python reads
        return None


def is_utf8(request: HttpRequest) -> bool:
    """Returns whether the path and the query string are UTF-8. `circe.wsgi` keeps the path as it arrived."""
    path, query = (request.META.get(name, "").encode("latin-1") for name in ("circe.raw_path", "QUERY_STRING"))
    try:
        path.decode()
        unquote_to_bytes(query).decode()
    except UnicodeDecodeError:
        return False
    return True


class StrictJSONParser(BaseParser):
    """Parses JSON in UTF-8. Raises JSONBodyTooLarge if it is longer than MAX_JSON_BYTES, and ParseError if it is not JSON by
    RFC 8259.

    It also refuses JSON that no client sends on purpose: lone surrogates, NUL characters, a key that an object has twice,
    and more than MAX_JSON_DEPTH levels.
    """

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        if parser_context:
            request = parser_context["request"]
            # The middleware has read every shorter body already. A longer one is refused without waiting for it.
            if (content_length(request) or 0) > settings.MAX_JSON_BYTES:
                raise JSONBodyTooLarge
            if (encoding := request.META.get("HTTP_CONTENT_ENCODING", "")).lower() not in {"", "identity"}:
                raise CompressedBody(encoding[:50])
        body = stream.read(settings.MAX_JSON_BYTES + 1)
        if len(body) > settings.MAX_JSON_BYTES:
            raise JSONBodyTooLarge
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise ParseError(f"The body is not valid JSON: {error}.") from error
        _check_value(value, MAX_JSON_DEPTH)
        # orjson silently keeps the last of two equal keys; the standard parser passes all pairs to a hook.
        json.loads(body, object_pairs_hook=_refuse_repeated_keys, parse_int=str, parse_float=str)
        return value


def _check_value(value: Any, levels: int) -> None:
    if isinstance(value, str) and "\0" in value:
        raise ParseError("The body holds a NUL character.")
    if isinstance(value, dict | list):
        if not levels:
            raise ParseError(f"The body is nested more than {MAX_JSON_DEPTH} levels deep.")
        for item in value:
            _check_value(item, levels - 1)
        for item in value.values() if isinstance(value, dict) else ():
            _check_value(item, levels - 1)


def _refuse_repeated_keys(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ParseError("The body names a key twice.")
