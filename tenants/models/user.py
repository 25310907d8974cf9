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
from tenants.accounts.managers import Role, UserManager
from tenants.identity import email_key, validate_email_address
from tenants.models.tenant import Tenant
from tenants.scope import (
    ALL_TENANTS,
    Scope,
    TenantManager,
    account_lookup,
)


class User(AbstractBaseUser):
    """A person with an account. `tenant` is None for a super_admin and for nobody else.

    Triggers move `tokens_valid_from` on when the password changes, which ends every session opened before, and set
    `has_acted` once the account has signed in or is an actor of the audit trail: then it can't be deleted.
    """

    id = IdField(primary_key=True)
    tenant = models.ForeignKey(
        Tenant, models.PROTECT, verbose_name="business", null=True, blank=True, related_name="users"
    )
    email = ValidatedCharField(
        max_length=254,
        unique=True,
        validators=[validate_email_address],
        error_messages={"unique": "Another account has this e-mail address."},
    )
    role = models.CharField(max_length=20, choices=Role)
    first_name = models.CharField(max_length=100, blank=True)
    last_name = models.CharField(max_length=100, blank=True)
    is_active = models.BooleanField(default=True)
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
            # A super_admin may be whoever changed a row of the tenant.
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
        # What is malformed, the validators of the field report.
        with suppress(ValidationError):
            self.email = email_key(self.email)

    def save(self, *args: Any, update_fields: Any = None, **kwargs: Any) -> None:
        """Save. Where a trigger ended the sessions, `tokens_valid_from` is read: the browser that changed it goes on."""
        self.email = email_key(self.email)
        self.role = self.role.lower()
        is_new = self._state.adding
        super().save(*args, update_fields=update_fields, **kwargs)
        if not is_new and (update_fields is None or "password" in update_fields):
            self.refresh_from_db(fields=["tokens_valid_from"])

    def check_password(self, raw_password: str) -> bool:
        """Whether it is the password. A hash of an older kind is renewed, which ends no session."""
        return check_password(raw_password, self.password, lambda password: User.objects.renew_hash(self, password))

    def get_session_auth_hash(self) -> str:
        """What ends a session of the admin when it changes. Not of the hash, as Django's, which is renewed at times."""
        return salted_hmac("tenants.User.session", str(self.tokens_valid_from.astimezone(dt.UTC))).hexdigest()

    def validate_unique(self, exclude: Any = None) -> None:
        """As Django's. Whose the other account is that has the e-mail address, nobody is told."""
        with account_lookup(self.email):
            super().validate_unique(exclude)

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def scope(self) -> Scope:
        """What they may see: their tenant, or as a super_admin every one."""
        return self.tenant or ALL_TENANTS

    @property
    def may_sign_in(self) -> bool:
        return self.is_active and (self.tenant is None or self.tenant.is_active)

    @property
    def is_staff(self) -> bool:
        """Whether the admin lets them in: every user is staff of a business; its pages ask for the role."""
        return True


class Staff(User):
    """A user seen from inside the tenant: what appointments and preferences point at."""

    objects: Any = TenantManager()

    class Meta:
        proxy = True
        verbose_name_plural = "staff"
