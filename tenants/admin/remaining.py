"""Shows what depends on a person, an outlet or a service that is to be deactivated."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from tenants.admin.base import TenantAdmin

# Functions of higher apps. Each returns in words what is left of a row, such as bookings to come, or "" if nothing is left.
_descriptions: list[Callable[[Any], SafeString | str]] = []


def register_remaining(describe: Callable[[Any], SafeString | str]) -> None:
    """Registers a function that says what is left of a row. The page of the row shows it, and so does the message after the
    row was deactivated.
    """
    _descriptions.append(describe)


def describe_remaining(row: Model) -> SafeString:
    """Returns what is left of the row in words, with links, or "" if nothing is."""
    return format_html_join(" ", "{}", ([words] for words in (describe(row) for describe in _descriptions) if words))


class DeactivatableAdmin(TenantAdmin):
    """The base class of the admin pages of people, outlets and services, which can be deactivated.

    The page of a row says what is left of it, before and after it is deactivated.
    """

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*super().get_fieldsets(request, obj), *([(None, {"fields": ["remaining"]})] if obj else [])]

    def save_model(self, request: HttpRequest, obj: Any, form: forms.ModelForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        self.warn_of_remaining(request, obj, form)

    def warn_of_remaining(self, request: HttpRequest, obj: Any, form: forms.ModelForm) -> None:
        """Says what is left of a row that the form has deactivated."""
        if "is_active" in form.changed_data and not obj.is_active and (words := describe_remaining(obj)):
            messages.warning(request, words)

    def render_delete_form(self, request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
        context["remaining"] = describe_remaining(context["object"])
        return super().render_delete_form(request, context)

    @admin.display(description="to come")
    def remaining(self, row: Any) -> SafeString | str:
        return describe_remaining(row) or "No appointments"
