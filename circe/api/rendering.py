"""Renders JSON, whatever the Accept header of the request says."""

from typing import Any

import msgspec
import orjson
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class JSONRenderer(BaseRenderer):
    """Renders UTF-8 JSON. Bytes are JSON that the view has written as it is to be sent."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        if isinstance(data, bytes):
            return data
        # PostgreSQL writes spaces around colons, orjson does not. The answer is written one way: without.
        return b"" if data is None else msgspec.json.format(orjson.dumps(data, default=str), indent=-1)


class AlwaysJSON(BaseContentNegotiation):
    """Chooses the parser by the Content-Type of the body. It always chooses the only renderer."""

    def select_parser(self, request: Request, parsers: list[Any]) -> Any:
        media_type = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == media_type), None)

    def select_renderer(self, request: Request, renderers: list[Any], format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type
