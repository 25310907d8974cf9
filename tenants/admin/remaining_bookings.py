"""Shows the remaining bookings of a person, an outlet or a service that is to be deactivated."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from tenants.admin.base import TenantAdmin

# Functions of higher apps. Each returns a sentence about the remaining bookings of a row, or "" if there are none.
_descriptions: list[Callable[[Any], SafeString | str]] = []


def register_remaining_bookings(describe: Callable[[Any], SafeString | str]) -> None:
    """Registers a function that describes the remaining bookings of a row. The page of the row shows its sentence, and so
    does the message after the row was deactivated.
    """
    _descriptions.append(describe)


def remaining_bookings_text(row: Model) -> SafeString:
    """Returns the sentences about the remaining bookings of the row, with links, or "" if there are none."""
    return format_html_join(" ", "{}", ([words] for words in (describe(row) for describe in _descriptions) if words))


class DeactivatableAdmin(TenantAdmin):
    """The base class of the admin pages of people, outlets and services, which can be deactivated.

    The page of a row tells its remaining bookings, before and after it is deactivated.
    """

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*super().get_fieldsets(request, obj), *([(None, {"fields": ["remaining_bookings"]})] if obj else [])]

    def save_model(self, request: HttpRequest, obj: Any, form: forms.ModelForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        self.warn_of_remaining_bookings(request, obj, form)

    def warn_of_remaining_bookings(self, request: HttpRequest, obj: Any, form: forms.ModelForm) -> None:
        """Tells the remaining bookings of a row that the form has deactivated."""
        if "is_active" in form.changed_data and not obj.is_active and (words := remaining_bookings_text(obj)):
            messages.warning(request, words)

    def render_delete_form(self, request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
        context["remaining_bookings"] = remaining_bookings_text(context["object"])
        return super().render_delete_form(request, context)

    @admin.display(description="to come")
    def remaining_bookings(self, row: Any) -> SafeString | str:
        return remaining_bookings_text(row) or "No appointments"
