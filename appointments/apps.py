"""Registers, when Django starts, what this app adds to the apps that it imports."""

from functools import partial
from pathlib import Path

from django.apps import AppConfig

from circe.db.citus import sql_files


class AppointmentsConfig(AppConfig):
    """Adds figures, a purge step and parts of the back office to customers. Adds the pages of hours and the remaining
    bookings to members of staff, the messages about appointments to the sender, and the conflicts of bookings to the
    OpenAPI document.
    """

    name = "appointments"

    def ready(self) -> None:
        from appointments.admin.customer_pages import (
            COLUMNS,
            EXPORT_COLUMNS,
            ORDERS,
            LastVisitFilter,
            LastVisitRangeFilter,
            SpendingFilter,
            VisitedFilter,
            appointments_panel,
            messages_panel,
        )
        from appointments.admin.hand_on import describe_remaining_bookings
        from appointments.admin.hours.week import time_off_url, week_at_url, week_url
        from appointments.bookings.documentation import CONFLICT, PROBLEM_MEMBERS
        from appointments.customer_profile import appointment_figures, detach_appointments
        from appointments.filters import TOTALS, TOTALS_PARAMETERS
        from appointments.messages.composing import compose_message
        from appointments.messages.reminders import queue_reminders
        from appointments.models import Message
        from appointments.portal.documentation import OWN_CONFLICT
        from appointments.portal.documentation import PROBLEM_MEMBERS as OWN_PROBLEM_MEMBERS
        from circe.api.openapi import register_conflict, register_problem_member
        from circe.backoffice.site import register_header_link
        from customers import extensions
        from customers.admin.sorting import register_order
        from customers.filters import register_totals
        from customers.messages.sending import register_outgoing
        from tenants.admin.invitations import register_hours_url
        from tenants.admin.remaining_bookings import register_remaining_bookings
        from tenants.admin.staff import register_page_of_person

        extensions.register_profile_figures(appointment_figures)
        extensions.register_purge_step(detach_appointments)
        extensions.register_rows_deleted_with_customers("messages", partial(extensions.rows_of, Message))
        for list_filter in (VisitedFilter, LastVisitFilter, LastVisitRangeFilter, SpendingFilter):
            extensions.register_list_filter(list_filter)
        for column in COLUMNS:
            extensions.register_list_column(column)
        extensions.register_export_columns(*EXPORT_COLUMNS)
        for name, order in ORDERS.items():
            register_order(name, order)
        extensions.register_panel(messages_panel)
        extensions.register_panel(appointments_panel)
        register_totals(TOTALS, **TOTALS_PARAMETERS)
        register_page_of_person("Working hours", week_url)
        register_page_of_person("Time off", time_off_url)
        register_hours_url(week_at_url)
        register_remaining_bookings(describe_remaining_bookings)
        register_header_link("admin:appointments_appointment_daysheet", "Day sheet")
        register_outgoing(Message, compose_message, enqueue=queue_reminders)
        register_conflict(CONFLICT)
        register_conflict(OWN_CONFLICT)
        sql_files.register(Path(__file__).parent / "sql" / "appointments_tenanttotals.sql")
        for name, schema in (PROBLEM_MEMBERS | OWN_PROBLEM_MEMBERS).items():
            register_problem_member(name, schema)
