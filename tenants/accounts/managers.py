"""The roles of accounts, and the manager that finds accounts at sign-in."""

from typing import Any

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import connection, models, transaction

from circe.db.ids import is_id
from tenants.accounts.hashers import imitate_password_check
from tenants.identity import email_key
from tenants.scope import ALL_TENANTS, account_lookup, tenant_scope


class Role(models.TextChoices):
    """The roles of accounts. A token of the customers' portal has the role `customer`, which no account has."""

    SUPER_ADMIN = "super_admin", "Super administrator"
    TENANT_ADMIN = "tenant_admin", "Administrator"
    OUTLET_MANAGER = "outlet_manager", "Outlet manager"
    STAFF = "staff"


class UserManager(BaseUserManager[Any]):
    """The manager of accounts of every tenant, since at sign-in the tenant is not known."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> Any:
        """Creates an account with these fields. Without a password nobody can sign in to it."""
        user = self.model(email=email, **fields)
        user.set_password(password)
        user.save(using=self.db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> Any:
        """Creates a super_admin. `manage.py createsuperuser` calls it."""
        with tenant_scope(ALL_TENANTS):
            return self.create_user(email, password, role=Role.SUPER_ADMIN, **fields)

    def get_by_natural_key(self, username: str | None) -> Any:
        account = email_key(username or "")
        with account_lookup(account):
            return self.select_related("tenant").get(email=account)

    def find_who_may_sign_in(self, user_id: Any, **conditions: Any) -> Any | None:
        """Returns the user with this id who matches the conditions of `filter` and may sign in, or None."""
        if not is_id(user_id):
            return None
        with account_lookup(user_id):
            user = self.select_related("tenant").filter(pk=user_id, **conditions).first()
        return user if user and user.may_sign_in else None

    def renew_hash(self, user: Any, password: str) -> None:
        """Replaces the user's hash by one of the newest kind, of the same password. No session ends.

        It does nothing if the password has changed since the user was read.
        """
        old_hash, user.password = user.password, make_password(password)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('circe.renewed_hash', %s, true)", [user.password])
            self.filter(pk=user.pk, password=old_hash).update(password=user.password)

    def find_by_credentials(self, *, email: str, password: str) -> Any | None:
        """Returns the user who may sign in with these, or None. An unknown address takes as long as a wrong password."""
        try:
            user = self.get_by_natural_key(email)
        except (self.model.DoesNotExist, ValidationError):
            imitate_password_check(password)
            return None
        # A hash of an older kind is renewed.
        with tenant_scope(user.scope):
            return user if user.check_password(password) and user.may_sign_in else None
