"""What people may do, and how they are looked up when they sign in."""

from typing import Any

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import connection, models, transaction

from circe.db.ids import is_id
from tenants.identity import email_key
from tenants.scope import ALL_TENANTS, account_lookup, tenant_scope


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
        user.save(using=self.db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> Any:
        """A new super_admin: what `manage.py createsuperuser` makes."""
        with tenant_scope(ALL_TENANTS):
            return self.create_user(email, password, role=Role.SUPER_ADMIN, **fields)

    def get_by_natural_key(self, username: str | None) -> Any:
        account = email_key(username or "")
        with account_lookup(account):
            return self.select_related("tenant").get(email=account)

    def signed_in(self, user_id: Any, **conditions: Any) -> Any | None:
        """The user with this id who fulfils the conditions, as `filter` takes them, and may sign in."""
        if not is_id(user_id):
            return None
        with account_lookup(user_id):
            user = self.select_related("tenant").filter(pk=user_id, **conditions).first()
        return user if user and user.may_sign_in else None

    def renew_hash(self, user: Any, password: str) -> None:
        """Store a hash of the newest kind in the place of the user's, which is of the same password: no session ends.

        Not where the password has changed since the user was read.
        """
        old_hash, user.password = user.password, make_password(password)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('circe.renewed_hash', %s, true)", [user.password])
            self.filter(pk=user.pk, password=old_hash).update(password=user.password)

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
