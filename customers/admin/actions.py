"""The actions on several customers of the list at once, or on the customer whose page is open."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from circe.db.ids import is_id
from customers.admin.filters import tags_of_newest_customers
from customers.models import Customer, CustomerQuerySet, purge_all, restore_all
from customers.tags import MAX_TAG_LENGTH, MAX_TAGS, clean_tag, validate_tag
from tenants.admin.bulk_actions import ASKED_FIELD, BulkActionForm, BulkActionsAdmin
from tenants.admin.undo import offer_undo


def link_to_customer(customer: Customer) -> SafeString:
    """Returns the customer's name as a link to their page."""
    return format_html('<a href="{}">{}</a>', reverse("admin:customers_customer_change", args=[customer.pk]), customer)


def offer_undo_of_deletion(request: HttpRequest, text: str, ids: Iterable[str]) -> SafeString:
    """Returns the text of a message with a button that restores the deleted customers."""
    url = f"{reverse('admin:customers_customer_changelist')}?deleted=all"
    fields = [("action", "restore"), (ASKED_FIELD, "1"), *((ACTION_CHECKBOX_NAME, pk) for pk in ids)]
    return offer_undo(request, text, url, fields)


class CustomersForm(BulkActionForm):
    """The form that asks before an action changes customers. Their rows stay locked until the request ends."""

    @property
    def customers_in_words(self) -> str:
        """Returns how many customers there are, such as `1 customer` or `2 customers`."""
        return f"{len(self.rows)} customer{'s' if len(self.rows) > 1 else ''}"

    def describe(self, row: Customer) -> SafeString:
        booked = row.total_appointments  # type: ignore[attr-defined]
        known = [
            row.phone or row.email or "no contact",
            f"{booked} appointment{'' if booked == 1 else 's'}",
            *(["deleted"] if row.is_deleted else []),
            *([", ".join(row.tags)] if row.tags else []),
        ]
        return format_html("{} · {}", link_to_customer(row), " · ".join(known))


class TagForm(CustomersForm):
    """Asks for a tag, and adds it to the customers."""

    title = "Add a tag"
    tag = forms.CharField(
        max_length=MAX_TAG_LENGTH,
        widget=forms.TextInput(attrs={"autofocus": True, "autocapitalize": "off", "list": "tags"}),
    )

    def consequence(self) -> str:
        return f"{self.customers_in_words}: each gets the tag that you write."

    @property
    def suggestions(self) -> list[str]:
        """Returns the tags of the newest customers."""
        return tags_of_newest_customers()

    def clean_tag(self) -> str:
        tag = clean_tag(self.cleaned_data["tag"])
        validate_tag(tag)
        full = [one for one in self.rows if tag not in one.tags and len(one.tags) >= MAX_TAGS]
        if full:
            others = f" and {len(full) - 1} more" if full[1:] else ""
            raise ValidationError(f"A customer has at most {MAX_TAGS} tags. Deselect {full[0]}{others}.")
        return tag

    def act(self) -> tuple[str, list[str]]:
        tag = self.cleaned_data["tag"]
        untagged = [one for one in self.rows if tag not in one.tags]
        for one in untagged:
            one.change({"tags_add": [tag]})
        remark = "" if untagged else " All of them have this tag already."
        return f"Tagged “{tag}”: {len(untagged)}.{remark}", []


class UntagForm(CustomersForm):
    """Asks for one of the customers' tags, and removes it from them."""

    title = "Remove a tag"
    tag = forms.ChoiceField()

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.fields["tag"].choices = [(tag, tag) for tag in sorted({tag for one in self.rows for tag in one.tags})]

    def consequence(self) -> str:
        return f"{self.customers_in_words}: each loses the tag that you choose."

    def act(self) -> tuple[str, list[str]]:
        tag = self.cleaned_data["tag"]
        tagged = [one for one in self.rows if tag in one.tags]
        for one in tagged:
            one.change({"tags_remove": [tag]})
        return f"No longer tagged “{tag}”: {len(tagged)}.", []


class PurgeForm(CustomersForm):
    """Purges customers. The user must type how many customers there are, so that nobody purges people by mistake."""

    title = "Purge customers"
    is_irreversible = True
    typed = forms.CharField(
        label="To confirm",
        widget=forms.TextInput(attrs={"autofocus": True, "autocomplete": "off", "autocapitalize": "off"}),
    )

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.expected = self.customers_in_words
        self.fields["typed"].help_text = f"Type: {self.expected}"

    def consequence(self) -> str:
        return (
            f"{self.customers_in_words}: names, contacts, preferences and history are deleted from every "
            "table. The appointments stay, with dates and amounts but without a customer."
        )

    def clean_typed(self) -> str:
        typed = " ".join(self.cleaned_data["typed"].lower().split())
        if typed != self.expected:
            raise ValidationError(f"Nobody has been purged. To purge them, type: {self.expected}")
        return typed

    def act(self) -> tuple[str, list[str]]:
        purge_all(self.rows)
        return f"Purged: {len(self.rows)}.", []


class DeleteForm(CustomersForm):
    """Soft-deletes customers. `by` is the id of the user who does it."""

    title = "Delete customers"

    def __init__(self, *args: Any, by: str) -> None:
        super().__init__(*args)
        self.by = by

    def consequence(self) -> str:
        return (
            f"{self.customers_in_words}: they disappear from every list, and other customers can take their "
            "e-mail addresses and phone numbers. They can be restored."
        )

    def act(self) -> tuple[str, list[str]]:
        for customer in self.rows:
            customer.soft_delete(by=self.by)
        return f"Deleted: {len(self.rows)}. The filter “Deleted” shows them.", []

    def with_undo(self, request: HttpRequest, done: str) -> SafeString:
        return offer_undo_of_deletion(request, done, [customer.pk for customer in self.rows])


class RestoreForm(CustomersForm):
    """Restores customers. A customer whose e-mail or phone another customer has by now stays deleted, and is named."""

    title = "Restore customers"

    def consequence(self) -> str:
        return (
            f"{self.customers_in_words}: they come back, except those whose e-mail address or phone number another customer "
            "has now."
        )

    def act(self) -> tuple[str, list[str]]:
        errors = restore_all(self.rows)
        named = [
            format_html("{} was not restored. {}", link_to_customer(customer), errors[customer.pk])
            for customer in self.rows
            if customer.pk in errors
        ]
        restored = len(self.rows) - len(errors)
        return f"Restored: {restored}." if restored else "", named


class CustomerActions(BulkActionsAdmin):
    """Adds the actions on customers. Each needs a verb of `roles`: `update`, `delete`, `restore` or `purge`."""

    actions = ["tag", "untag", "soft_delete", "restore", "purge"]

    def lock_rows(self, ids: list[str], **filters: Any) -> QuerySet:
        return super().lock_rows(ids, **filters).with_profile()

    def has_update_permission(self, request: HttpRequest) -> bool:
        return self.allows(request, "update")

    def has_restore_permission(self, request: HttpRequest) -> bool:
        return self.allows(request, "restore")

    def has_purge_permission(self, request: HttpRequest) -> bool:
        return self.allows(request, "purge")

    def response_action(self, request: HttpRequest, queryset: CustomerQuerySet) -> HttpResponse | None:
        """Returns Django's response. If the action was started on a customer's page, redirects to that page instead."""
        response = super().response_action(request, queryset)
        page = request.POST.get("page")
        if isinstance(response, HttpResponseRedirect) and is_id(page):
            return HttpResponseRedirect(reverse("admin:customers_customer_change", args=[page]))
        return response

    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: str) -> HttpResponse:
        """Leads to the list, with a message that offers to restore the customer."""
        text = offer_undo_of_deletion(request, f"{obj_display} was deleted. The filter “Deleted” shows them.", [obj_id])
        self.message_user(request, text, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:customers_customer_changelist"))

    @admin.action(description="Add a tag…", permissions=["update"])
    def tag(self, request: HttpRequest, queryset: CustomerQuerySet) -> HttpResponse | None:
        return self.ask_then_act(request, queryset, TagForm, is_deleted=False)

    @admin.action(description="Remove a tag…", permissions=["update"])
    def untag(self, request: HttpRequest, queryset: CustomerQuerySet) -> HttpResponse | None:
        return self.ask_then_act(request, queryset, UntagForm, is_deleted=False)

    @admin.action(description="Delete selected customers (they can be restored)", permissions=["delete"])
    def soft_delete(self, request: HttpRequest, queryset: CustomerQuerySet) -> HttpResponse | None:
        return self.ask_then_act(request, queryset, partial(DeleteForm, by=request.user.pk), is_deleted=False)

    @admin.action(description="Restore selected customers", permissions=["restore"])
    def restore(self, request: HttpRequest, queryset: CustomerQuerySet) -> HttpResponse | None:
        return self.ask_then_act(request, queryset, RestoreForm, is_deleted=True)

    @admin.action(description="Purge selected customers (this can’t be undone)…", permissions=["purge"])
    def purge(self, request: HttpRequest, queryset: CustomerQuerySet) -> HttpResponse | None:
        return self.ask_then_act(request, queryset, PurgeForm)
