"""Registers the additions of statistics with lower apps when Django starts."""

from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    """Adds the filter by segment to the back office list of customers."""

    name = "analytics"

    def ready(self) -> None:
        from analytics.admin import SegmentFilter
        from customers import extensions

        extensions.register_list_filter(SegmentFilter)
