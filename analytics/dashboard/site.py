"""The site of the Django admin with the figures on its first page."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse

from analytics.dashboard.charts import dashboard
from analytics.dashboard.forms import FiguresForm
from tenants.accounts.admin_site import AccountsAdminSite
from tenants.accounts.permissions import ADMINS
from tenants.scope import current_tenant


class BackOffice(AccountsAdminSite):
    """The back office: a first page that shows at once what one came for, and administrators the figures when counted."""

    def get_urls(self) -> list[URLPattern | URLResolver]:
        return [path("figures/", self.admin_view(self.figures), name="figures"), *super().get_urls()]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        figures = chosen(request) if request.user.role in ADMINS else {}
        return super().index(request, figures | (extra_context or {}))

    def figures(self, request: HttpRequest) -> HttpResponse:
        """The page of the figures: in a browser with scripts, the first page shows it as a part of itself."""
        if request.user.role not in ADMINS:
            raise PermissionDenied
        context = self.each_context(request) | {"title": "Figures"} | chosen(request)
        if context["period"] is None:
            return TemplateResponse(request, "admin/figures.html", context, status=400)
        return TemplateResponse(request, "admin/figures.html", context | dashboard(context["period"]))


def chosen(request: HttpRequest) -> dict[str, Any]:
    """The form of the request, the period that it chooses (None where it is at fault) and the business, which is in scope
    from here on.

    Raises PermissionDenied where that is another than one's own.
    """
    own = request.user.tenant
    if own and set(request.GET.getlist("tenant_id")) - {own.pk}:
        raise PermissionDenied
    form = FiguresForm(request.GET, tenant=own)
    period = form.chosen if form.is_valid() else None
    business = current_tenant()
    return {
        "form": form,
        "period": period,
        "business": business,
        "figures_url": f"{reverse('admin:figures')}?{request.GET.urlencode()}",
        # For lists of customers, which show a super_admin those of every business.
        "narrowing": f"&tenant__id__exact={business.pk}" if business and not own else "",
    }
