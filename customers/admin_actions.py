"""What is done to several customers at once, or to one from their page."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from customers.admin_filters import recent_tags
from customers.models import MAX_TAGS, Customer, CustomerQuerySet, purge_all, restore_all
from customers.validators import validate_tag
from tenants.admin import TenantAdmin
from tenants.ids import is_id

# Each id is a field of the form that confirms, of which Django takes 1,000.
MOST = 500
LISTED = 50
# In what the page that asks sends; without it, it has not been shown yet.
ASKED = "asked"


def link(customer: Customer) -> SafeString:
    """The customer's name, leading to their page."""
    return format_html('<a href="{}">{}</a>', reverse("admin:customers_customer_change", args=[customer.pk]), customer)


class ActionForm(forms.Form):
    """What has to be said before something is done to `customers`, who are locked."""

    title: str

    def __init__(self, customers: list[Customer], data: Any = None) -> None:
        super().__init__(data)
        self.customers = customers

    def act(self) -> str:
        """Do it, and say so."""
        raise NotImplementedError

    @property
    def listed(self) -> list[Customer]:
        """As many of the customers as a person reads."""
        return self.customers[:LISTED]

    @property
    def unlisted(self) -> int:
        """How many others there are."""
        return len(self.customers[LISTED:])


class TagForm(ActionForm):
    """A tag to be given."""

    title = "Add a tag"
    tag = forms.CharField(
        max_length=50,
        validators=[validate_tag],
        widget=forms.TextInput(attrs={"autofocus": True, "autocapitalize": "off", "list": "tags"}),
    )

    @property
    def suggestions(self) -> list[str]:
        """Tags in use."""
        return recent_tags()

    def clean_tag(self) -> str:
        tag = self.cleaned_data["tag"].lower()
        full = [one for one in self.customers if tag not in one.tags and len(one.tags) >= MAX_TAGS]
        if full:
            others = f" and {len(full) - 1} more" if full[1:] else ""
            raise ValidationError(f"Nobody has more than {MAX_TAGS} tags. Leave out {full[0]}{others}.")
        return tag

    def act(self) -> str:
        tag = self.cleaned_data["tag"]
        untagged = [one for one in self.customers if tag not in one.tags]
        for one in untagged:
            one.change({"tags": [*one.tags, tag]})
        return f"Tagged “{tag}”: {len(untagged)}."


class UntagForm(ActionForm):
    """A tag to be taken away, of those that the customers have."""

    title = "Remove a tag"
    tag = forms.ChoiceField()

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.fields["tag"].choices = [(tag, tag) for tag in sorted({tag for one in self.customers for tag in one.tags})]

    def act(self) -> str:
        tag = self.cleaned_data["tag"]
        tagged = [one for one in self.customers if tag in one.tags]
        for one in tagged:
            one.change({"tags": [other for other in one.tags if other != tag]})
        return f"No longer tagged “{tag}”: {len(tagged)}."


class PurgeForm(ActionForm):
    """The number of the customers, typed, so that nobody removes people by a slip."""

    title = "Remove for good"
    typed = forms.CharField(
        label="To confirm",
        widget=forms.TextInput(attrs={"autofocus": True, "autocomplete": "off", "autocapitalize": "off"}),
    )

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        number = len(self.customers)
        self.expected = f"{number} customer{'s' if number > 1 else ''}"
        self.fields["typed"].help_text = f"Type: {self.expected}"

    def clean_typed(self) -> str:
        typed = " ".join(self.cleaned_data["typed"].lower().split())
        if typed != self.expected:
            raise ValidationError(f"Nobody has been removed. To remove them, type: {self.expected}")
        return typed

    def act(self) -> str:
        purge_all(self.customers)
        return f"Removed for good: {len(self.customers)}."


class CustomerActions(TenantAdmin):
    """The actions of customers, for the roles that the table gives `update`, `delete`, `restore` and `purge`."""

    actions = ["tag", "untag", "soft_delete", "restore", "purge"]

    def has_update_permission(self, request: HttpRequest) -> bool:
        return self.allows(request, "update")

    def has_restore_permission(self, request: HttpRequest) -> bool:
        return self.allows(request, "restore")

    def has_purge_permission(self, request: HttpRequest) -> bool:
        return self.allows(request, "purge")

    def response_action(self, request: HttpRequest, queryset: CustomerQuerySet) -> HttpResponse | None:
        """As Django's; but what was asked for on a customer's page leads back to it."""
        response = super().response_action(request, queryset)
        page = request.POST.get("page")
        if isinstance(response, HttpResponseRedirect) and is_id(page):
            return HttpResponseRedirect(reverse("admin:customers_customer_change", args=[page]))
        return response

    @admin.action(description="Add a tag…", permissions=["update"])
    def tag(self, request: HttpRequest, queryset: CustomerQuerySet) -> HttpResponse | None:
        return self._ask(request, queryset.undeleted(), TagForm)

    @admin.action(description="Remove a tag…", permissions=["update"])
    def untag(self, request: HttpRequest, queryset: CustomerQuerySet) -> HttpResponse | None:
        return self._ask(request, queryset.undeleted(), UntagForm)

    @admin.action(description="Delete selected customers (they can be restored)", permissions=["delete"])
    def soft_delete(self, request: HttpRequest, queryset: CustomerQuerySet) -> None:
        customers = self._locked(request, queryset.undeleted())
        for customer in customers:
            customer.soft_delete(by=request.user.pk)
        if customers:
            self.message_user(request, f"Deleted: {len(customers)}. The filter “Deleted” shows them.", messages.SUCCESS)

    @admin.action(description="Restore selected customers", permissions=["restore"])
    def restore(self, request: HttpRequest, queryset: CustomerQuerySet) -> None:
        """All but those whose e-mail or phone has been taken meanwhile, who are named."""
        customers = self._locked(request, queryset.deleted())
        refused = restore_all(customers)
        for customer in customers:
            if customer.pk in refused:
                message = format_html("{} was not restored. {}", link(customer), refused[customer.pk])
                self.message_user(request, message, messages.ERROR)
        if len(refused) < len(customers):
            self.message_user(request, f"Restored: {len(customers) - len(refused)}.", messages.SUCCESS)

    @admin.action(description="Remove selected customers for good…", permissions=["purge"])
    def purge(self, request: HttpRequest, queryset: CustomerQuerySet) -> HttpResponse | None:
        return self._ask(request, queryset, PurgeForm)

    def _locked(self, request: HttpRequest, selected: CustomerQuerySet) -> list[Customer]:
        """The selected, locked in the order of their ids, so that two people doing so wait for each other and never both.

        Nobody where there are none or too many, which the person is told.
        """
        ids = list(selected.order_by().values_list("pk", flat=True)[: MOST + 1])
        if not ids:
            self.message_user(request, "There is nobody among them to whom this can be done.", messages.WARNING)
        if len(ids) > MOST:
            sentence = f"Choose at most {MOST} customers, by a filter or a search. Nothing was changed."
            self.message_user(request, sentence, messages.ERROR)
            return []
        customers = Customer.objects.filter(pk__in=ids).with_profile()
        return list(customers.order_by("pk").select_for_update(of=("self",)))

    def _ask(
        self, request: HttpRequest, selected: CustomerQuerySet, form_class: type[ActionForm]
    ) -> HttpResponse | None:
        """Do what the form says; until it is filled in well, show its page."""
        customers = self._locked(request, selected)
        if not customers:
            return None
        form = form_class(customers, request.POST if ASKED in request.POST else None)
        if form.is_valid():
            self.message_user(request, form.act(), messages.SUCCESS)
            return None
        context = {"opts": self.opts, "title": form.title, "form": form, "asked": ASKED}
        template = "admin/customers/customer/action.html"
        return TemplateResponse(request, template, self.admin_site.each_context(request) | context)
