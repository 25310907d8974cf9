"""The configuration of the Django admin."""

from django.contrib.admin.apps import AdminConfig


class CirceAdminConfig(AdminConfig):
    """Makes our site the `admin.site` of Django."""

    default_site = "analytics.dashboard.site.BackOfficeSite"
