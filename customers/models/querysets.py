"""The queries of customers."""

from collections.abc import Collection
from typing import Any, Self

from django.contrib.auth.hashers import check_password
from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import OuterRef

from customers.extensions import profile_figures
from customers.models.preferences import PREFERENCE_MODELS
from customers.models.searchable import SearchableCustomer
from tenants.accounts.hashers import imitate_password_check


class CustomerQuerySet(models.QuerySet):
    """Queries of customers."""

    def undeleted(self) -> Self:
        return self.filter(is_deleted=False)

    def deleted(self) -> Self:
        return self.filter(is_deleted=True)

    def tagged(self, tags: Collection[str]) -> Self:
        """Returns the customers with any of the tags."""
        return self.filter(pk__in=SearchableCustomer.objects.tagged(tags).values("pk"))

    def registered(self, registered: bool = True) -> Self:
        """Returns the customers with a password for the portal; with `False` the walk-ins."""
        return self.filter(password__isnull=not registered)

    def able_to_sign_in(self) -> Self:
        """Keeps the customers who may sign in to the portal: verified, active, with a password."""
        return self.undeleted().registered().filter(is_active=True, email_verified=True)

    def find_by_credentials(self, *, email_key: str, password: str) -> Any | None:
        """Returns the customer who may sign in to the portal with these, or None. The time that it takes does not tell
        whether the e-mail address is known.
        """
        customer = self.undeleted().filter(email_key=email_key).defer("search_text").first()
        if customer is None or customer.password is None:
            imitate_password_check(password)
            return None
        return customer if check_password(password, customer.password) and customer.may_sign_in else None

    def matching(self, text: str) -> Self:
        """Returns the customers in whose names, e-mail or phone every word of `text` occurs."""
        return self.filter(pk__in=SearchableCustomer.objects.matching(text).values("pk")) if text.strip() else self

    def with_preferred(self) -> Self:
        """Adds the lists of ids `preferred_services` and `preferred_staff_ids` to each customer, in order of
        preference.
        """
        lists = {name: _preferred(model, column) for name, (model, column) in PREFERENCE_MODELS.items()}
        return self.defer("search_text").annotate(**lists)

    def with_profile(self) -> Self:
        """Adds the preferred lists and the figures that other apps registered, in the same query.

        `appointments` registers `total_appointments` (of any status), `total_spent` (by visits, in the tenant's currency)
        and `last_appointment_date` (of the last visit).
        """
        return self.with_preferred().annotate(**profile_figures())


def _preferred(model: type[models.Model], column: str) -> ArraySubquery:
    return ArraySubquery(
        model.objects.filter(tenant=OuterRef("tenant"), customer=OuterRef("pk")).order_by("position").values(column)
    )
