"""Lists every URL in a line of its own, in the order of the API document."""

from typing import Any

from django.contrib import admin
from django.urls import path, re_path
from django.views.generic import RedirectView

from analytics.views import CustomerStatisticsViewSet
from appointments.recommendations.views import RecommendationViewSet
from appointments.slots.views import AvailabilityViewSet
from appointments.views import CustomerAppointmentViewSet
from circe import health
from circe.api import document_pages, errors
from customers.views import CustomerViewSet
from tenants.accounts.views import MeViewSet, TokenViewSet

CUSTOMERS = "api/v1/customers"
CUSTOMER = f"{CUSTOMERS}/<str:customer_id>"
DETAIL: dict[str, Any] = {"get": "retrieve", "put": "update", "patch": "update", "delete": "destroy"}

urlpatterns = [
    path(CUSTOMERS, CustomerViewSet.as_view({"get": "list", "post": "create"}), name="customers"),
    path(f"{CUSTOMERS}/tags", CustomerViewSet.as_view({"get": "tags"}), name="tags"),
    path(CUSTOMER, CustomerViewSet.as_view(DETAIL), name="customer"),
    path(f"{CUSTOMER}/appointments", CustomerAppointmentViewSet.as_view({"get": "list"}), name="appointments"),
    path(f"{CUSTOMER}/history", CustomerViewSet.as_view({"get": "history"}), name="history"),
    path(f"{CUSTOMER}/preferences", CustomerViewSet.as_view({"put": "preferences"}), name="preferences"),
    path(f"{CUSTOMER}/recommendations", RecommendationViewSet.as_view({"get": "retrieve"}), name="recommendations"),
    path(f"{CUSTOMER}/restore", CustomerViewSet.as_view({"post": "restore"}), name="restore"),
    path(f"{CUSTOMERS}/statistics/summary", CustomerStatisticsViewSet.as_view({"get": "retrieve"}), name="statistics"),
    path("api/v1/availability", AvailabilityViewSet.as_view({"get": "retrieve"}), name="availability"),
    path("api/v1/auth/login", TokenViewSet.as_view({"post": "login"}), name="login"),
    path("api/v1/auth/refresh", TokenViewSet.as_view({"post": "refresh"}), name="refresh"),
    path("api/v1/auth/logout", TokenViewSet.as_view({"post": "logout"}), name="logout"),
    path("api/v1/auth/me", MeViewSet.as_view({"get": "retrieve"}), name="me"),
    path("openapi.json", document_pages.DocumentView.as_view(), name="openapi"),
    path("docs", document_pages.SwaggerUI.as_view(), name="docs"),
    path("redoc", document_pages.ReDoc.as_view(), name="redoc"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("admin/", admin.site.urls),
    path("", RedirectView.as_view(pattern_name="docs")),
    # It must be the last one. With it an unknown URL below /api/ is a JSON error in development too.
    re_path("^api/", errors.unknown_url),
]

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.unknown_url
handler500 = errors.internal_error
