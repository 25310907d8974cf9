"""The OpenAPI document and two pages that show it. They are public, since they contain no data of a business."""

from functools import cache
from typing import Any, NamedTuple

import orjson
from django.http import HttpRequest, HttpResponse
from django.views import View
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularRedocView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

# The scripts of the pages load nothing from another origin.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; worker-src blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

# The address in the code samples of the document as it is built.
SERVER_IN_SAMPLES = "https://circe.example"


@cache
def document() -> bytes:
    """Returns the OpenAPI document. It is built once, since it is the same for everyone."""
    return orjson.dumps(SchemaGenerator().get_schema(public=True))


class DocumentView(View):
    """Answers with the OpenAPI document as JSON. Its code samples call the server that was asked."""

    def get(self, request: HttpRequest) -> HttpResponse:
        server = request.build_absolute_uri("/").removesuffix("/")
        return HttpResponse(document().replace(SERVER_IN_SAMPLES.encode(), server.encode()), "application/json")


class DocumentPage(APIView):
    """A page that shows the document. It needs no account, no database and no internet."""

    url_name = "openapi"
    authentication_classes = ()
    permission_classes = ()

    def finalize_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().finalize_response(*args, **kwargs)
        response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return response


class DemoAccount(NamedTuple):
    """An account of a demo that the page offers for signing in. `url` is the address where it signs in."""

    email: str
    password: str
    role: str
    url: str


_accounts: list[DemoAccount] = []


def offer_demo_account(account: DemoAccount) -> None:
    """Offers an account of a demo to everybody who opens the page."""
    _accounts.append(account)


class SwaggerUI(DocumentPage, SpectacularSwaggerSplitView):
    """Shows the document with Swagger UI, to sign in and try requests out."""

    template_name = "docs.html"

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response = super().get(request, *args, **kwargs)
        response.data["accounts"] = _accounts
        return response


class ReDoc(DocumentPage, SpectacularRedocView):
    """Shows the document with ReDoc, to read it."""
