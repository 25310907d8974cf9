"""Which site the Django admin is."""

from django.contrib.admin.apps import AdminConfig


class CirceAdminConfig(AdminConfig):
    """Django's admin, with our site as `admin.site`."""

    default_site = "analytics.dashboard.site.BackOffice"
