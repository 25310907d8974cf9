"""Lists every URL in a line of its own, in the order of the API document."""

from typing import Any

from django.contrib import admin
from django.urls import path, re_path
from django.views.generic import RedirectView

from analytics.views import CustomerStatisticsViewSet
from appointments.bookings.views import AppointmentViewSet
from appointments.catalogue.views import OutletViewSet, ServiceViewSet, StaffViewSet
from appointments.hours.views import TimeOffViewSet, WorkingHoursViewSet
from appointments.recommendations.views import RecommendationViewSet
from appointments.slots.views import AvailabilityViewSet
from appointments.views import CustomerAppointmentViewSet
from circe import health, metrics_page
from circe.api import document_pages, errors
from customers.views import CustomerViewSet
from tenants.accounts.views import MeViewSet, TokenViewSet

CUSTOMERS = "api/v1/customers"
CUSTOMER = f"{CUSTOMERS}/<str:customer_id>"
LIST: dict[str, Any] = {"get": "list", "post": "create"}
APPOINTMENTS = "api/v1/appointments"
APPOINTMENT = f"{APPOINTMENTS}/<str:appointment_id>"
READ_AND_CHANGE: dict[str, Any] = {"get": "retrieve", "put": "update", "patch": "update"}
DETAIL: dict[str, Any] = READ_AND_CHANGE | {"delete": "destroy"}

urlpatterns = [
    path(CUSTOMERS, CustomerViewSet.as_view(LIST), name="customers"),
    path(f"{CUSTOMERS}/tags", CustomerViewSet.as_view({"get": "tags"}), name="tags"),
    path(CUSTOMER, CustomerViewSet.as_view(DETAIL), name="customer"),
    path(f"{CUSTOMER}/appointments", CustomerAppointmentViewSet.as_view({"get": "list"}), name="appointments"),
    path(f"{CUSTOMER}/history", CustomerViewSet.as_view({"get": "history"}), name="history"),
    path(f"{CUSTOMER}/preferences", CustomerViewSet.as_view({"put": "preferences"}), name="preferences"),
    path(f"{CUSTOMER}/recommendations", RecommendationViewSet.as_view({"get": "retrieve"}), name="recommendations"),
    path(f"{CUSTOMER}/restore", CustomerViewSet.as_view({"post": "restore"}), name="restore"),
    path(f"{CUSTOMERS}/statistics/summary", CustomerStatisticsViewSet.as_view({"get": "retrieve"}), name="statistics"),
    path("api/v1/outlets", OutletViewSet.as_view(LIST), name="outlets"),
    path("api/v1/outlets/<str:outlet_id>", OutletViewSet.as_view(READ_AND_CHANGE), name="outlet"),
    path("api/v1/services", ServiceViewSet.as_view(LIST), name="services"),
    path("api/v1/services/<str:service_id>", ServiceViewSet.as_view(READ_AND_CHANGE), name="service"),
    path("api/v1/staff", StaffViewSet.as_view({"get": "list"}), name="staff"),
    path("api/v1/staff/<str:staff_id>", StaffViewSet.as_view({"get": "retrieve"}), name="member-of-staff"),
    path(APPOINTMENTS, AppointmentViewSet.as_view(LIST), name="appointment-list"),
    path(APPOINTMENT, AppointmentViewSet.as_view(READ_AND_CHANGE), name="appointment"),
    path(f"{APPOINTMENT}/reschedule", AppointmentViewSet.as_view({"post": "reschedule"}), name="reschedule"),
    path(f"{APPOINTMENT}/status", AppointmentViewSet.as_view({"post": "set_status"}), name="appointment-status"),
    path(
        "api/v1/staff/<str:staff_id>/working-hours",
        WorkingHoursViewSet.as_view({"get": "retrieve", "put": "update"}),
        name="working_hours",
    ),
    path("api/v1/time-off", TimeOffViewSet.as_view(LIST), name="time_off_list"),
    path(
        "api/v1/time-off/<str:time_off_id>",
        TimeOffViewSet.as_view({"get": "retrieve", "delete": "destroy"}),
        name="time_off",
    ),
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
    path("metrics", metrics_page.metrics, name="metrics"),
    path("admin/", admin.site.urls),
    path("", RedirectView.as_view(pattern_name="docs")),
    # It must be the last one. With it an unknown URL below /api/ is a JSON error in development too.
    re_path("^api/", errors.unknown_url),
]

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.unknown_url
handler500 = errors.internal_error
