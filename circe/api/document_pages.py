"""The API's document, and two ways to read it in a browser. Anyone may: it tells nothing of any business."""

from functools import cache
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.views import View
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularRedocView, SpectacularSwaggerSplitView
from rest_framework.response import Response
from rest_framework.views import APIView

# Whatever the pages' scripts would like to load: nothing comes from elsewhere.
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; worker-src blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@cache
def document() -> bytes:
    """The OpenAPI document, the same for everyone, so made once."""
    return orjson.dumps(SchemaGenerator().get_schema(public=True))


class Document(View):
    """The OpenAPI document."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(document(), "application/json")


class Page(APIView):
    """A page that needs neither an account nor the database nor the internet."""

    url_name = "openapi"
    authentication_classes = ()
    permission_classes = ()

    def finalize_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().finalize_response(*args, **kwargs)
        response["Content-Security-Policy"] = POLICY
        return response


class SwaggerUI(Page, SpectacularSwaggerSplitView):
    """The document to try out."""


class ReDoc(Page, SpectacularRedocView):
    """The document to read."""
