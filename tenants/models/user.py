"""The people who sign in."""

import datetime as dt
from contextlib import suppress
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.hashers import check_password
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac

from circe.db.audit_trigger import AuditTrigger
from circe.db.fields import ValidatedCharField
from circe.db.ids import IdField
from circe.db.row_level_security import RowLevelSecurity
from tenants.accounts.hashers import imitate_password_check
from tenants.accounts.managers import Role, UserManager
from tenants.accounts.passwords import normalize_password
from tenants.identity import email_key, validate_email_address
from tenants.models.tenant import Tenant
from tenants.scope import (
    ALL_TENANTS,
    Scope,
    TenantManager,
    account_lookup,
)


class User(AbstractBaseUser):
    """An account of a person. `tenant` is None for a super_admin only.

    A trigger sets `tokens_valid_from` when the password changes. That ends every earlier session. Other triggers set
    `has_acted` when the account signs in or becomes an actor of the audit trail. From then on it can't be deleted.
    """

    id = IdField(primary_key=True)
    tenant = models.ForeignKey(
        Tenant, models.PROTECT, verbose_name="business", null=True, blank=True, related_name="users"
    )
    email = ValidatedCharField(
        "e-mail",
        max_length=254,
        unique=True,
        validators=[validate_email_address],
        error_messages={"unique": "Another account has this e-mail address."},
    )
    role = models.CharField(max_length=20, choices=Role)
    first_name = models.CharField(max_length=100, blank=True)
    last_name = models.CharField(max_length=100, blank=True)
    is_active = models.BooleanField("active", default=True)
    tokens_valid_from = models.DateTimeField(default=timezone.now, editable=False)
    has_acted = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    objects = UserManager()

    USERNAME_FIELD = "email"

    class Meta:
        ordering = ["email"]
        constraints = [
            AuditTrigger(name="user_audit", unrecorded_columns=["last_login", "tokens_valid_from", "has_acted"]),
            # People of a tenant may read a super_admin, who may have changed a row of theirs.
            RowLevelSecurity(
                name="user_rls",
                also_readable="CASE {tenant_setting} WHEN '@' || id THEN true WHEN '@' || email THEN true "
                "ELSE tenant_id IS NULL AND {tenant_setting} ~ '^[0-9a-f]' END",
            ),
            models.UniqueConstraint(fields=["tenant", "id"], name="user_tenant_id"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="user_role_known"),
            models.CheckConstraint(
                condition=models.Q(role=Role.SUPER_ADMIN, tenant=None)
                | ~models.Q(role=Role.SUPER_ADMIN) & models.Q(tenant__isnull=False),
                name="user_tenant_unless_super_admin",
                violation_error_message="A super admin belongs to no business, everybody else to one.",
            ),
        ]

    def __str__(self) -> str:
        return self.full_name or self.email

    def clean(self) -> None:
        # A malformed value stays: the validators of the field report it.
        with suppress(ValidationError):
            self.email = email_key(self.email)

    def save(self, *args: Any, update_fields: Any = None, **kwargs: Any) -> None:
        """Saves the account. Reads `tokens_valid_from` after a change of the password, so that this session goes on."""
        self.email = email_key(self.email)
        self.role = self.role.lower()
        is_new = self._state.adding
        super().save(*args, update_fields=update_fields, **kwargs)
        if not is_new and (update_fields is None or "password" in update_fields):
            self.refresh_from_db(fields=["tokens_valid_from"])

    def check_password(self, raw_password: str) -> bool:
        """Returns whether it is the password. If so, renews a hash of an older kind or of another Unicode form. That ends no
        session.

        The check of an account without a password takes as long as the check of a wrong password.
        """
        if not self.has_usable_password():
            imitate_password_check(raw_password)
            return False
        normalized = normalize_password(raw_password)
        is_correct = check_password(raw_password, self.password, self._renew_hash)
        if is_correct and normalized != raw_password and not check_password(normalized, self.password):
            self._renew_hash(raw_password)
        return is_correct

    def _renew_hash(self, password: str) -> None:
        User.objects.renew_hash(self, password)

    def get_session_auth_hash(self) -> str:
        """Returns the value whose change ends back office sessions. Django's depends on the hash, which may be renewed."""
        return salted_hmac("tenants.User.session", str(self.tokens_valid_from.astimezone(dt.UTC))).hexdigest()

    def validate_unique(self, exclude: Any = None) -> None:
        """Checks as Django does, over all businesses. The error does not tell whose account has the e-mail address."""
        with account_lookup(self.email):
            super().validate_unique(exclude)

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def scope(self) -> Scope:
        """The rows that the account may see: its tenant's, or for a super_admin every tenant's."""
        return self.tenant or ALL_TENANTS

    @property
    def may_sign_in(self) -> bool:
        return self.is_active and (self.tenant is None or self.tenant.is_active)

    @property
    def is_staff(self) -> bool:
        """Django's condition for the admin. Every user may enter it, and each page checks the role."""
        return True


class Staff(User):
    """A user within the tenant, to whom appointments and preferences refer."""

    objects: Any = TenantManager()

    class Meta:
        proxy = True
        verbose_name = "member of staff"
        verbose_name_plural = "staff"
