"""The site of the Django admin, with the figures on its first page."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse

from analytics.dashboard.figures import build_dashboard
from analytics.dashboard.forms import PeriodForm
from tenants.accounts.admin_site import AccountsAdminSite
from tenants.accounts.permissions import ADMINS
from tenants.scope import current_tenant


class BackOfficeSite(AccountsAdminSite):
    """The back office. Its first page shows shortcuts at once; for administrators it loads the figures afterwards."""

    def get_urls(self) -> list[URLPattern | URLResolver]:
        return [path("figures/", self.admin_view(self.figures), name="figures"), *super().get_urls()]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        form_context = build_form_context(request) if request.user.role in ADMINS else {}
        return super().index(request, form_context | (extra_context or {}))

    def figures(self, request: HttpRequest) -> HttpResponse:
        """The page of the figures. A browser with JavaScript shows it inside the first page."""
        if request.user.role not in ADMINS:
            raise PermissionDenied
        context = self.each_context(request) | {"title": "Figures"} | build_form_context(request)
        if context["period"] is None:
            return TemplateResponse(request, "admin/figures.html", context, status=400)
        return TemplateResponse(
            request, "admin/figures.html", context | build_dashboard(context["period"], context["tenant_query"])
        )


def build_form_context(request: HttpRequest) -> dict[str, Any]:
    """Opens the scope of the business that the form names, and returns the template context of the form: the form, its
    period (None where it is not valid) and its business. Raises PermissionDenied for another business than one's own.
    """
    own_tenant = request.user.tenant
    if own_tenant and set(request.GET.getlist("tenant_id")) - {own_tenant.pk}:
        raise PermissionDenied
    form = PeriodForm(request.GET, tenant=own_tenant)
    period = form.chosen_period if form.is_valid() else None
    business = current_tenant()
    return {
        "form": form,
        "period": period,
        "business": business,
        "figures_url": f"{reverse('admin:figures')}?{request.GET.urlencode()}",
        # For links to the lists of customers and appointments, which show a super_admin the rows of every business.
        "tenant_query": f"&tenant__id__exact={business.pk}" if business and not own_tenant else "",
    }
