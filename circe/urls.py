"""Lists every URL in a line of its own, in the order of the API document."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.templatetags.static import static
from django.urls import URLPattern, path, re_path
from django.utils.functional import lazy
from django.views.generic import RedirectView

from analytics.views import CustomerStatisticsViewSet
from appointments.bookings.views import AppointmentViewSet
from appointments.catalogue.views import OutletViewSet, ServiceViewSet, StaffViewSet
from appointments.hours.views import TimeOffViewSet, WorkingHoursViewSet
from appointments.messages.views import MessageSettingsViewSet, MessageViewSet
from appointments.portal.export.views import ExportViewSet
from appointments.portal.pages.manage import ManagePage
from appointments.portal.views import OwnAppointmentViewSet, OwnRecommendationViewSet
from appointments.recommendations.views import RecommendationViewSet
from appointments.slots.views import AvailabilityViewSet
from appointments.views import CustomerAppointmentViewSet
from circe import error_pages, health, metrics_page
from circe.api import document_pages, errors
from customers.consents.views import ConsentViewSet
from customers.messages.views import DecisionViewSet
from customers.portal.accounts.views import AccountViewSet, OwnAccountViewSet
from customers.portal.consents.views import OwnConsentViewSet
from customers.portal.pages.accounts import ConfirmPage, ResetPage, StaffPasswordPage
from customers.portal.pages.base import UnknownPage
from customers.portal.pages.unsubscribe import UnsubscribePage
from customers.portal.profile.views import DeletionRequestViewSet, OwnPreferencesViewSet, OwnProfileViewSet
from customers.views import CustomerViewSet
from tenants.accounts.views import MeViewSet, TokenViewSet

CUSTOMERS = "api/v1/customers"
CUSTOMER = f"{CUSTOMERS}/<str:customer_id>"
LIST: dict[str, Any] = {"get": "list", "post": "create"}
APPOINTMENTS = "api/v1/appointments"
APPOINTMENT = f"{APPOINTMENTS}/<str:appointment_id>"
PORTAL_PAGES = "portal/<str:tenant_slug>"
PORTAL = "api/v1/portal/<str:tenant_slug>"
OWN_APPOINTMENTS = f"{PORTAL}/me/appointments"
OWN_APPOINTMENT = f"{OWN_APPOINTMENTS}/<str:appointment_id>"
READ_AND_CHANGE: dict[str, Any] = {"get": "retrieve", "put": "update", "patch": "update"}
DETAIL: dict[str, Any] = READ_AND_CHANGE | {"delete": "destroy"}

demo_pages: list[URLPattern] = []
if apps.is_installed("circe.demo"):
    # Production does not install this app, and its image does not hold the package.
    from circe.demo.mails.page import show_mails

    demo_pages = [path("admin/mails/", admin.site.admin_view(show_mails), name="mails")]

urlpatterns = [
    path(CUSTOMERS, CustomerViewSet.as_view(LIST), name="customers"),
    path(f"{CUSTOMERS}/tags", CustomerViewSet.as_view({"get": "tags"}), name="tags"),
    path(CUSTOMER, CustomerViewSet.as_view(DETAIL), name="customer"),
    path(f"{CUSTOMER}/appointments", CustomerAppointmentViewSet.as_view({"get": "list"}), name="appointments"),
    path(f"{CUSTOMER}/consents", ConsentViewSet.as_view(LIST), name="consents"),
    path(f"{CUSTOMER}/history", CustomerViewSet.as_view({"get": "history"}), name="history"),
    path(f"{CUSTOMER}/messages/decision", DecisionViewSet.as_view({"post": "decide"}), name="decision"),
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
    path("api/v1/messages", MessageViewSet.as_view({"get": "list"}), name="messages"),
    path(
        "api/v1/messages/settings",
        MessageSettingsViewSet.as_view({"get": "retrieve", "put": "update"}),
        name="message_settings",
    ),
    path("api/v1/availability", AvailabilityViewSet.as_view({"get": "retrieve"}), name="availability"),
    path("api/v1/auth/login", TokenViewSet.as_view({"post": "login"}), name="login"),
    path("api/v1/auth/refresh", TokenViewSet.as_view({"post": "refresh"}), name="refresh"),
    path("api/v1/auth/logout", TokenViewSet.as_view({"post": "logout"}), name="logout"),
    path("api/v1/auth/me", MeViewSet.as_view({"get": "retrieve"}), name="me"),
    path(f"{PORTAL}/register", AccountViewSet.as_view({"post": "register"}), name="portal-register"),
    path(f"{PORTAL}/verify", AccountViewSet.as_view({"post": "verify"}), name="portal-verify"),
    path(f"{PORTAL}/password/forgot", AccountViewSet.as_view({"post": "forgot_password"}), name="portal-forgot"),
    path(f"{PORTAL}/password/reset", AccountViewSet.as_view({"post": "reset_password"}), name="portal-password-reset"),
    path(f"{PORTAL}/password/change", OwnAccountViewSet.as_view({"post": "change_password"}), name="own-password"),
    path(f"{PORTAL}/email/change", OwnAccountViewSet.as_view({"post": "change_email"}), name="own-email"),
    path(f"{PORTAL}/login", AccountViewSet.as_view({"post": "login"}), name="portal-login"),
    path(f"{PORTAL}/refresh", AccountViewSet.as_view({"post": "refresh"}), name="portal-refresh"),
    path(f"{PORTAL}/logout", AccountViewSet.as_view({"post": "logout"}), name="portal-logout"),
    path(f"{PORTAL}/me", OwnProfileViewSet.as_view({"get": "retrieve", "patch": "update"}), name="own-profile"),
    path(
        f"{PORTAL}/me/preferences",
        OwnPreferencesViewSet.as_view({"get": "retrieve", "put": "update"}),
        name="own-preferences",
    ),
    path(f"{PORTAL}/me/consents", OwnConsentViewSet.as_view(LIST), name="own-consents"),
    path(f"{PORTAL}/me/export", ExportViewSet.as_view({"get": "retrieve"}), name="own-export"),
    path(
        f"{PORTAL}/me/deletion-request",
        DeletionRequestViewSet.as_view({"get": "retrieve", "post": "create"}),
        name="deletion-request",
    ),
    path(OWN_APPOINTMENTS, OwnAppointmentViewSet.as_view(LIST), name="own-appointments"),
    path(OWN_APPOINTMENT, OwnAppointmentViewSet.as_view({"get": "retrieve"}), name="own-appointment"),
    path(f"{OWN_APPOINTMENT}/reschedule", OwnAppointmentViewSet.as_view({"post": "reschedule"}), name="own-reschedule"),
    path(f"{OWN_APPOINTMENT}/cancel", OwnAppointmentViewSet.as_view({"post": "cancel"}), name="own-cancel"),
    path(
        f"{PORTAL}/me/recommendations",
        OwnRecommendationViewSet.as_view({"get": "retrieve"}),
        name="own-recommendations",
    ),
    path(f"{PORTAL_PAGES}/confirm", ConfirmPage.as_view(), name="portal-confirm"),
    path(f"{PORTAL_PAGES}/staff", StaffPasswordPage.as_view(), name="portal-staff"),
    path(f"{PORTAL_PAGES}/reset", ResetPage.as_view(), name="portal-reset"),
    path(f"{PORTAL_PAGES}/appointment", ManagePage.as_view(), name="portal-appointment"),
    path(f"{PORTAL_PAGES}/unsubscribe", UnsubscribePage.as_view(), name="portal-unsubscribe"),
    path("openapi.json", document_pages.DocumentView.as_view(), name="openapi"),
    path("docs", document_pages.SwaggerUI.as_view(), name="docs"),
    path("redoc", document_pages.ReDoc.as_view(), name="redoc"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    *demo_pages,
    path("metrics", metrics_page.metrics, name="metrics"),
    path("admin/", admin.site.urls),
    path("favicon.ico", RedirectView.as_view(url=lazy(static, str)("circe/favicon.svg"))),
    path("", RedirectView.as_view(pattern_name="docs")),
    path(f"{PORTAL_PAGES}/<path:unknown>", UnknownPage.as_view()),
    # It must be the last route. It answers an unknown URL below /api/ with a JSON error, in development too.
    re_path("^api/", errors.unknown_url),
]

handler400 = errors.bad_request
handler403 = error_pages.forbidden
handler404 = error_pages.not_found
handler500 = errors.internal_error
