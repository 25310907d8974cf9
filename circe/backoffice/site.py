"""The base of the Django admin site: transactions, and the rows that forms offer."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.contrib.admin import AdminSite
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.core.exceptions import BadRequest
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.text import capfirst

from circe.db.ids import new_id

View = TypeVar("View", bound=Callable[..., Any])

MAX_TERM_LENGTH = 100
# The name of a hidden field of each form. Its value is a token, by which the server sees that a form was sent twice. The
# token is in the context of every page.
FORM_TOKEN_FIELD = "form_token"  # noqa: S105
# The titles of pages that the header links to, by name of the URL. The header shows these links before its links to the
# lists of each model.
_header_links: dict[str, str] = {}
# The labels of the search boxes of the header, by name of the URL.
_searches: dict[str, str] = {}


def register_header_link(url_name: str, title: str) -> None:
    """Adds a link to the header of every page. An app registers it in its `AppConfig.ready()`."""
    _header_links[url_name] = title


def register_search(url_name: str, label: str) -> None:
    """Adds a search box to the header of every page. A search opens the list whose URL has this name."""
    _searches[url_name] = label


class Autocomplete(AutocompleteJsonView):
    """Answers the rows that a form offers, to roles that may choose rows of the table.

    The admin of the form's own table may offer other rows in a field, by `choice_conditions`, and order them, by its method
    `order_choices`.
    """

    def process_request(self, request: HttpRequest) -> Any:
        term, *rest = super().process_request(request)
        if "\0" in term or len(term) > MAX_TERM_LENGTH:
            raise BadRequest(f"Search for at most {MAX_TERM_LENGTH} characters, none of them null.")
        return term, *rest

    def has_perm(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self.model_admin.allows(request, "choose")

    def get_queryset(self) -> models.QuerySet:
        rows, condition = super().get_queryset(), self.model_admin.choice_condition
        field, form_table = self.source_field.name, self.source_field.model
        if not self.admin_site.is_registered(form_table):
            return rows.filter(condition)
        form_admin = self.admin_site.get_model_admin(form_table)
        offered = rows.filter(form_admin.choice_conditions.get(field, condition))
        return form_admin.order_choices(self.request, field, offered)

    def serialize_result(self, obj: models.Model, to_field_name: str) -> dict[str, str]:
        return {"id": obj.pk, "text": self.model_admin.choice_label(obj)}


def opens_own_transactions(view: View) -> View:
    """Marks a page of the back office that is not one transaction, because it commits several."""
    view.opens_own_transactions = True
    return view


class CirceAdminSite(AdminSite):
    """The base class of the back office site. Each page is one transaction, so that half of a write is never kept."""

    site_header = site_title = "Circe"
    index_title = "Back office"
    site_url = None
    # The links are in the header instead, since lists need the width.
    enable_nav_sidebar = False

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self.disable_action("delete_selected")

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        links, searches = (
            {reverse(name, current_app=self.name): text for name, text in texts.items()}
            for texts in (_header_links, _searches)
        )
        shared = {"header_links": links, "header_searches": searches, FORM_TOKEN_FIELD: new_id()}
        return super().each_context(request) | shared

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[dict[str, Any]]:
        """Returns Django's list of pages. If a person may see only one row of a model, such as
        their own business, the model's entry links to the page of this row.
        """
        apps = super().get_app_list(request, app_label)
        for page in (page for app in apps for page in app["models"]):
            find_only_row = getattr(self.get_model_admin(page["model"]), "find_only_row", None)
            if find_only_row and (row := find_only_row(request)):
                url = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
                page |= {"name": capfirst(row._meta.verbose_name), "admin_url": url}
        return apps

    def admin_view(self, view: Callable[..., HttpResponse], cacheable: bool = False) -> Callable[..., HttpResponse]:
        """Does as Django, in a transaction. The transaction begins after the checks of the session and of the CSRF token."""
        own = getattr(view, "opens_own_transactions", False)
        return super().admin_view(view if own else transaction.atomic(view), cacheable)

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        return Autocomplete.as_view(admin_site=self)(request)
