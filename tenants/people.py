"""What people may do, and how they are looked up when they sign in."""

from typing import Any

from django.contrib.auth.base_user import BaseUserManager
from django.core.exceptions import ValidationError
from django.db import models

from tenants.identity import email_key
from tenants.ids import is_id
from tenants.scope import EVERY_TENANT, at_the_door, tenant_scope


class Role(models.TextChoices):
    """What a person may do. A customer's portal token has the role `customer`, which no user has."""

    SUPER_ADMIN = "super_admin"
    TENANT_ADMIN = "tenant_admin"
    OUTLET_MANAGER = "outlet_manager"
    STAFF = "staff"


class UserManager(BaseUserManager[Any]):
    """Users of every tenant: signing in comes before the tenant is known."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> Any:
        """A new user, by the keywords of the model. Without a password nobody can sign in."""
        user = self.model(email=email, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> Any:
        """A new super_admin: what `manage.py createsuperuser` makes."""
        with tenant_scope(EVERY_TENANT):
            return self.create_user(email, password, role=Role.SUPER_ADMIN, **fields)

    def get_by_natural_key(self, username: str | None) -> Any:
        account = email_key(username or "")
        with at_the_door(account):
            return self.select_related("tenant").get(email=account)

    def signed_in(self, user_id: Any, *conditions: models.Q) -> Any | None:
        """The user with this id who fulfils the conditions and may sign in."""
        if not is_id(user_id):
            return None
        with at_the_door(user_id):
            user = self.select_related("tenant").filter(*conditions, pk=user_id).first()
        return user if user and user.may_sign_in else None

    def with_credentials(self, *, email: str, password: str) -> Any | None:
        """The user who may sign in with these, or None. It takes as long for an unknown address as for a wrong password."""
        try:
            user = self.get_by_natural_key(email)
        except (self.model.DoesNotExist, ValidationError):
            self.model().set_password(password)
            return None
        # A hash of an older kind is renewed.
        with tenant_scope(user.scope):
            return user if user.check_password(password) and user.may_sign_in else None
