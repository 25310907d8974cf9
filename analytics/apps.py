"""Registers with lower apps what statistics add to them, when Django starts."""

from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    """Adds the segment of customers to the API (filter) and to the back office (filter, column, order, export)."""

    name = "analytics"

    def ready(self) -> None:
        from analytics.admin import SEGMENT_COLUMN, SEGMENT_EXPORT, SEGMENT_ORDER, SegmentFilter
        from analytics.filters import SEGMENT_PARAMETER
        from customers import extensions
        from customers.admin.sorting import register_order
        from customers.filters import register_parameters

        extensions.register_list_filter(SegmentFilter)
        extensions.register_list_column(SEGMENT_COLUMN)
        extensions.register_export_columns(SEGMENT_EXPORT)
        register_order("segment", SEGMENT_ORDER)
        register_parameters(segment=SEGMENT_PARAMETER)
