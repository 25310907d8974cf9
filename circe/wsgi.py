"""The WSGI application that gunicorn serves."""

import os
from importlib import import_module
from typing import Any

import django
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils.http import parse_header_parameters

from circe.api.chunked import accept_chunks
from circe.db.prepared import compile_all
from circe.startup import exit_with

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "circe.settings")


class Request(WSGIRequest):
    """A request that may have a body in chunks, and whose query string is UTF-8, whatever charset its Content-Type names.

    Django decodes the query string with that charset in the constructor, where no middleware handles an exception: a
    Content-Type such as `charset=base64` would crash the request.
    """

    def __init__(self, environ: dict[str, Any]) -> None:
        if "HTTP_TRANSFER_ENCODING" in environ:
            accept_chunks(environ)
        # Django escapes what is not UTF-8 in PATH_INFO. ProblemMiddleware refuses it.
        environ["circe.raw_path"] = environ.get("PATH_INFO", "")
        super().__init__(environ)

    # Private to Django, whose constructor calls it and has no public hook. If Django stops calling it, such a request is an
    # empty 500. Test: test_the_charset_of_a_body_does_not_change_how_the_query_is_read.
    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        try:
            self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except (LookupError, ValueError):
            self.content_type, self.content_params = "", {}


class Handler(WSGIHandler):
    """Django's WSGI handler, which makes our `Request`."""

    request_class = Request


try:
    django.setup(set_prefix=False)
except ImproperlyConfigured as error:
    exit_with(error)
# Every view is loaded and every prepared query is compiled before the server forks. Otherwise a worker's first request
# would wait for it.
import_module(settings.ROOT_URLCONF)
compile_all()
application = Handler()
