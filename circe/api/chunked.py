"""Reads bodies that arrive in chunks, without a Content-Length (RFC 9112, section 7.1)."""

import io
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, UnreadablePostError


class BodyTooLarge(RequestDataTooBig):
    """The body is larger than MAX_BODY_BYTES. This is known only after that many bytes were read."""


class ChunkedBody(io.RawIOBase):
    """A body of unknown length. Raises BodyTooLarge past MAX_BODY_BYTES, UnreadablePostError if it does not arrive whole.

    The server has removed the framing of the chunks, so `source` ends with the body.
    """

    def __init__(self, source: Any) -> None:
        self._source = source
        self._ahead = b""
        self._length = 0

    def read_ahead(self, size: int) -> int | None:
        """Reads until the end, but at most `size` bytes. Returns the length of the body, or None if it is longer."""
        self._ahead = self._read_source(size + 1)
        return self._length if self._length <= size else None

    def read(self, size: int = -1) -> bytes:
        """Returns `size` bytes, or fewer at the end; a negative `size` means all. First come those that were read ahead."""
        if size < 0:
            size = settings.MAX_BODY_BYTES
        data, self._ahead = self._ahead[:size], self._ahead[size:]
        return data + self._read_source(size - len(data))

    def _read_source(self, size: int) -> bytes:
        try:
            data = self._source.read(size)
            self._length += len(data)
            is_too_large = self._length >= settings.MAX_BODY_BYTES and bool(self._source.read(1))
        except Exception as error:
            # Each server has exceptions of its own for a malformed chunk.
            raise UnreadablePostError("The body did not arrive whole.") from error
        if is_too_large:
            raise BodyTooLarge("The body is too large.")
        return data


def accept_chunks(environ: dict[str, Any]) -> None:
    """Makes a body in chunks readable for Django, which reads as many bytes as Content-Length says.

    Its length is not known yet. Until `set_body_length` it counts as the largest one that a request may have.
    """
    # A server that sets `wsgi.input_terminated` ends the stream after the body. With any other server, a read at the end of
    # the body could block for ever.
    if environ.get("wsgi.input_terminated") and not environ.get("CONTENT_LENGTH"):
        environ["wsgi.input"] = ChunkedBody(environ["wsgi.input"])
        environ["CONTENT_LENGTH"] = str(settings.MAX_BODY_BYTES)


def set_body_length(request: HttpRequest) -> None:
    """Sets the length of a body in chunks, unless it is longer than MAX_JSON_BYTES. The view reads the same body."""
    body = request.META.get("wsgi.input")
    if isinstance(body, ChunkedBody):
        length = body.read_ahead(settings.MAX_JSON_BYTES)
        if length is not None:
            request.META["CONTENT_LENGTH"] = str(length)
