"""The site of the back office, and how its forms find rows to choose from."""

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.core.exceptions import BadRequest
from django.db import models
from django.http import HttpRequest, HttpResponse

MAX_TERM = 100


class Autocomplete(AutocompleteJsonView):
    """The rows to choose from in a form: those on offer, for whom the admin's table lets choose."""

    def process_request(self, request: HttpRequest) -> Any:
        term, *rest = super().process_request(request)
        if "\0" in term or len(term) > MAX_TERM:
            raise BadRequest(f"Search for at most {MAX_TERM} characters, none of them null.")
        return term, *rest

    def has_perm(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self.model_admin.allows(request, "choose")

    def get_queryset(self) -> models.QuerySet:
        return super().get_queryset().filter(self.model_admin.on_offer)

    def serialize_result(self, obj: models.Model, to_field_name: str) -> dict[str, str]:
        return {"id": obj.pk, "text": self.model_admin.choice_label(obj)}


class CirceAdminSite(AdminSite):
    """The back office."""

    site_header = site_title = "Circe"
    index_title = "Back office"
    site_url = None
    # The pages stand in the header instead: a list needs the width.
    enable_nav_sidebar = False

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self.disable_action("delete_selected")

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        return Autocomplete.as_view(admin_site=self)(request)
