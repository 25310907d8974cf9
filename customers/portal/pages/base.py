"""The base of the pages that a mailed link opens.

They work without JavaScript, without cookies and without an account. The token in the URL allows a page to act, so it
needs no CSRF token. Opening a page changes nothing, since programs also open the links of a mail. Only its button
changes something.
"""

import logging
from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.decorators import method_decorator
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from circe.api.errors import INTERNAL_ERROR, Problem, problem_for, route_of
from customers.messages.mail import without_line_breaks
from customers.portal.authentication import find_active_tenant
from customers.portal.languages import customer_language, translation_code
from tenants.scope import enter_scope

logger = logging.getLogger(__name__)

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; "
        "base-uri 'none'"
    ),
    # The URL holds the token.
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
}
# Title and advice of the page for an error, by its code or its status.
ERRORS: Mapping[str | int, tuple[str | Promise, str | Promise]] = {
    "link_invalid": (
        _("This link is not valid any more"),
        _(
            "It was used already, has expired, or is not complete. If you have just used it, it has done its work. "
            "Otherwise ask for a new one where you sign in, or call us."
        ),
    ),
    404: (_("There is no such page"), _("Please open the link in your mail once more.")),
    429: (_("Too many attempts"), _("Please wait a quarter of an hour and try again.")),
    503: (_("We can't do this at the moment"), _("Please try again in a few minutes.")),
}
OTHER_ERROR = (_("That did not work"), _("Please open the link in your mail once more, or call us."))


@method_decorator(csrf_exempt, name="dispatch")
class PortalPage(View):
    """A page of one business's portal, which the URL names by its slug. It opens the scope of the business."""

    http_method_names = ["get", "head", "post", "options"]
    # The business. None until it is found, and if there is none.
    tenant: Any = None
    language = "en"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answers. Every error becomes a page in the customer's language. An unexpected error is logged too."""
        try:
            self._find_tenant(kwargs["tenant_slug"])
            response = super().dispatch(request, *args, **kwargs)
        except Exception as error:
            problem = problem_for(error)
            if problem is None:
                logger.exception("%s %s crashed", request.method, route_of(request), exc_info=error)
            response = self._show_problem(problem or INTERNAL_ERROR)
        for name, value in HEADERS.items():
            response[name] = value
        return response

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Shows the page of an error, with the header `Allow`."""
        allow = super().http_method_not_allowed(request, *args, **kwargs)["Allow"]
        return self._show_problem(Problem(405, "method_not_allowed", "", headers={"Allow": allow}))

    def _find_tenant(self, slug: str) -> None:
        tenant = find_active_tenant(slug=slug)
        if tenant is None:
            raise Http404
        enter_scope(tenant)
        self.tenant = tenant
        self.set_language(tenant.language)

    def _show_problem(self, problem: Problem) -> HttpResponse:
        title, advice = ERRORS.get(problem.code) or ERRORS.get(problem.status) or OTHER_ERROR
        response = self.show("customers/portal/pages/error.html", title, status=problem.status, advice=advice)
        for name, value in problem.headers.items():
            response[name] = value
        return response

    @property
    def token(self) -> str:
        """The token of the link, or "" for a URL without one."""
        return self.request.GET.get("token", "")

    def set_language(self, language: str) -> None:
        """Sets the language in which the page is written, until the end of the request."""
        if self.tenant:
            self.language = customer_language(language)
            translation.activate(translation_code(self.tenant, language))

    def show(self, template: str, title: str | Promise, *, status: int = 200, **context: Any) -> HttpResponse:
        """Returns the page. Its heading is the title."""
        business = without_line_breaks(self.tenant.name) if self.tenant else ""
        shown = {"business": business, "language": self.language, "title": title, "tenant": self.tenant, **context}
        return HttpResponse(render_to_string(template, shown), status=status)


class UnknownPage(PortalPage):
    """Answers an address of the portal where there is nothing."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        raise Http404
