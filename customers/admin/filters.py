"""The filters of the back office list of customers. A filter with `roles` is shown to these roles only."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from customers.models import Customer, CustomerQuerySet
from tenants.accounts.permissions import ADMINS
from tenants.scope import current_tenant


class DeletedFilter(admin.SimpleListFilter):
    """Shows customers who are not deleted, the deleted ones, or both."""

    roles = ADMINS
    title = "deletion"
    parameter_name = "deleted"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Deleted"), ("all", "Both")]

    def choices(self, changelist: Any) -> list[dict[str, Any]]:
        default, *others = super().choices(changelist)
        return [default | {"display": "Not deleted"}, *others]

    def queryset(self, request: HttpRequest, customers: CustomerQuerySet) -> CustomerQuerySet:
        if self.value() == "all":
            return customers
        return customers.deleted() if self.value() == "yes" else customers.undeleted()


class RegisteredFilter(admin.SimpleListFilter):
    """Shows registered customers or walk-ins."""

    title = "registration"
    parameter_name = "registered"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Registered"), ("no", "Walk-in")]

    def queryset(self, request: HttpRequest, customers: CustomerQuerySet) -> CustomerQuerySet:
        return customers.registered(self.value() == "yes") if self.value() else customers


class TagFilter(admin.SimpleListFilter):
    """Shows customers with a tag."""

    title = "tag"
    parameter_name = "tag"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(tag, tag) for tag in sorted({*tags_of_newest_customers(), *filter(None, [self.value()])})]

    def queryset(self, request: HttpRequest, customers: CustomerQuerySet) -> CustomerQuerySet:
        return customers.tagged([self.value()]) if self.value() else customers


def tags_of_newest_customers() -> list[str]:
    """Returns the tags of the newest 1,000 customers, since to read the tags of all would be too slow."""
    # An index has this order, so that nothing is sorted.
    order = ["-created_at", "-id"] if current_tenant() else ["-id"]
    newest = Customer.objects.undeleted().order_by(*order).values_list("tags", flat=True)[:1000]
    return sorted({tag for tags in newest for tag in tags})
