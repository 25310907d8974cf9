"""Who we are: tenants, the people who sign in, and what a tenant offers."""

import datetime as dt
import uuid
import zoneinfo
from contextlib import suppress
from typing import Any, Self

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.hashers import check_password
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from circe.db.ids import IdField, is_id
from circe.db.row_level_security import RowLevelSecurity
from tenants.accounts import tokens
from tenants.accounts.managers import Role, UserManager
from tenants.audit.events import Audited
from tenants.identity import email_key, validate_email_address, validate_region
from tenants.scope import (
    ALL_TENANTS,
    CrossTenantWrite,
    Scope,
    TenantManager,
    account_lookup,
    current_tenant,
    current_tenant_id,
    tenant_scope,
)

GRACE = dt.timedelta(seconds=10)

validate_language = RegexValidator(
    r"\A[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}\Z", "A language is a tag such as en, id or pt-BR.", code="invalid"
)
validate_currency = RegexValidator(r"\A[A-Z]{3}\Z", "A currency is a code such as IDR or NOK.", code="invalid")


# So that sums of a lifetime fit into 64 bits.
validate_amount = MaxValueValidator(10**12)


def validate_time_zone(value: str) -> None:
    """Raises ValidationError where `value` is no IANA time zone."""
    if value not in zoneinfo.available_timezones():
        raise ValidationError("A time zone is a name such as Asia/Jakarta.", code="invalid")


class Tenant(models.Model):
    """One business. Its zone, currency, region and language hold for all that it owns."""

    id = IdField(primary_key=True)
    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=50, unique=True)
    time_zone = models.CharField(max_length=50, validators=[validate_time_zone])
    currency = models.CharField(max_length=3, validators=[validate_currency])
    phone_region = models.CharField(max_length=2, validators=[validate_region])
    language = models.CharField(max_length=35, default="en", validators=[validate_language])
    is_active = models.BooleanField(default=True)
    is_demo = models.BooleanField(default=False, editable=False)
    at_risk_after_days = models.PositiveIntegerField(
        default=90, validators=[MinValueValidator(1)], help_text="A customer whose last visit is older is at risk."
    )
    new_within_days = models.PositiveIntegerField(
        default=30, validators=[MinValueValidator(1)], help_text="A customer whose first visit is younger is new."
    )
    vip_min_visits = models.PositiveIntegerField(default=5, help_text="A VIP by spending has at least as many visits.")
    vip_top_percent = models.PositiveIntegerField(
        default=10, validators=[MaxValueValidator(100)], help_text="… and is among so many percent who spent most."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name", "id"]
        # As those who work there say.
        verbose_name = "business"
        verbose_name_plural = "businesses"
        constraints = [
            Audited(name="tenant_audit"),
            # Whoever signs in is looked up with their business, of which nothing is known before.
            RowLevelSecurity(name="tenant_rls", column="id", also="{reach} LIKE '@%'"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.time_zone)


class User(AbstractBaseUser):
    """A person with an account. `tenant` is None for a super_admin and for nobody else.

    Triggers move `tokens_valid_from` on when the password changes, which ends every session opened before, and set
    `has_acted` once the account has signed in or is an actor of the audit trail: then it can't be deleted.
    """

    id = IdField(primary_key=True)
    tenant = models.ForeignKey(
        Tenant, models.PROTECT, verbose_name="business", null=True, blank=True, related_name="users"
    )
    email = models.CharField(
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
            Audited(name="user_audit"),
            # A super_admin may be whoever changed a row of the tenant.
            RowLevelSecurity(
                name="user_rls",
                also="CASE {reach} WHEN '@' || id THEN true WHEN '@' || email THEN true "
                "ELSE tenant_id IS NULL AND {reach} ~ '^[0-9a-f]' END",
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


class SessionQuerySet(models.QuerySet):
    """Questions about sessions."""

    def live(self) -> Self:
        return self.filter(ended_at=None)


class LoginSession(models.Model):
    """One log-in and the family of tokens that descend from it (OAuth 2.0 Security BCP, RFC 9700 section 4.14.2).

    Only the ids of the two latest refresh tokens are kept. Tokens are a function of the session's state, so parallel
    requests with one token get one and the same answer.
    """

    id = IdField(primary_key=True)
    user = models.ForeignKey(User, models.CASCADE, related_name="sessions")
    current_jti = models.CharField(max_length=32)
    previous_jti = models.CharField(max_length=32, null=True)
    rotated_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = SessionQuerySet.as_manager()

    @classmethod
    def start(cls, user: User) -> "LoginSession":
        """A new session of `user`, whose expired ones go. It is the account's last log-in.

        Raises User.DoesNotExist where the password has changed since it was checked.
        """
        with transaction.atomic(), tenant_scope(user.scope):
            # A change of the password ends the sessions that there are: this one is open before it, or not at all.
            User.objects.select_for_update(no_key=True).get(pk=user.pk, password=user.password)
            now = timezone.now()
            User.objects.filter(pk=user.pk).update(last_login=now)
            user.sessions.filter(rotated_at__lte=now - tokens.LIFETIME["refresh"]).delete()
            return cls.objects.create(user=user, current_jti=uuid.uuid4().hex, rotated_at=now)

    @classmethod
    def refresh(cls, raw: str) -> "LoginSession":
        """The session of a refresh token, moved on by one. Raises InvalidToken where the token is no longer good.

        A token that was used before is answered as the first time for GRACE, and then ends the session: either its
        owner or somebody else has a stolen copy. That end is kept although the answer is an error.
        """
        claims = tokens.read(raw, "refresh")
        with transaction.atomic():
            with account_lookup(str(claims.get("sub"))):
                session = cls._of(claims).select_for_update(of=("self",)).select_related("user__tenant").first()
            if session is None or not session.user.may_sign_in:
                raise tokens.InvalidToken("The session has ended.")
            if session._accept(str(claims.get("jti")), now=timezone.now()):
                return session
        raise tokens.InvalidToken("The token was used before.")

    @classmethod
    def end(cls, raw: str) -> None:
        """End the session of a refresh token; nothing happens where it has ended. Raises InvalidToken for another token."""
        cls._of(tokens.read(raw, "refresh")).update(ended_at=timezone.now())

    @classmethod
    def _of(cls, claims: dict[str, Any]) -> SessionQuerySet:
        session_id = claims.get("sid")
        return cls.objects.live().filter(pk=session_id) if is_id(session_id) else cls.objects.none()

    def _accept(self, jti: str, *, now: dt.datetime) -> bool:
        if jti == self.previous_jti and now - self.rotated_at <= GRACE:
            return True
        if jti == self.current_jti:
            self.previous_jti, self.current_jti, self.rotated_at = jti, uuid.uuid4().hex, now
        else:
            self.ended_at = now
        self.save()
        return self.ended_at is None

    def token_pair(self) -> dict[str, str]:
        """`{"access", "refresh"}`: the tokens of the session as it stands."""
        return {
            "access": tokens.mint(
                "access",
                issued_at=self.rotated_at,
                jti=uuid.uuid5(uuid.UUID(self.current_jti), "access").hex,
                sub=self.user_id,
                sid=self.pk,
                email=self.user.email,
                role=self.user.role,
                tenant_id=self.user.tenant_id,
            ),
            "refresh": tokens.mint(
                "refresh", issued_at=self.rotated_at, jti=self.current_jti, sub=self.user_id, sid=self.pk
            ),
        }


class LoginFailure(models.Model):
    """A log-in refused; `throttling` counts them. `account` is the address as typed, in canonical form, known or not."""

    account = models.CharField(max_length=254)
    address = models.GenericIPAddressField()
    failed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(fields=["account", "failed_at"], name="loginfailure_account"),
            models.Index(fields=["address", "failed_at"], name="loginfailure_address"),
        ]


class Staff(User):
    """A user seen from inside the tenant: what appointments and preferences point at."""

    objects: Any = TenantManager()

    class Meta:
        proxy = True
        verbose_name_plural = "staff"


class TenantModel(models.Model):
    """A row of a tenant. Its default manager knows the scope, and it can't be saved into another one."""

    id = IdField(primary_key=True)
    # Its index is that of (tenant, id).
    tenant = models.ForeignKey(
        Tenant,
        models.PROTECT,
        verbose_name="business",
        default=current_tenant_id,
        related_name="+",
        db_index=False,
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    objects = TenantManager()

    class Meta:
        abstract = True
        constraints = [
            Audited(name="%(class)s_audit"),
            RowLevelSecurity(name="%(class)s_rls"),
            models.UniqueConstraint(fields=["tenant", "id"], name="%(class)s_tenant_id"),
        ]

    def save(self, *args: Any, update_fields: Any = None, **kwargs: Any) -> None:
        """Save. Raises CrossTenantWrite where the row's tenant is not the one in scope."""
        tenant = current_tenant()
        if tenant is not None and self.tenant_id != tenant.pk:
            raise CrossTenantWrite(f"A {self._meta.verbose_name} of {self.tenant_id} in the scope of {tenant.pk}.")
        super().save(*args, update_fields=update_fields and {*update_fields, "updated_at"}, **kwargs)


class Outlet(TenantModel):
    """A place where a tenant receives customers."""

    name = models.CharField(max_length=100)
    address = models.CharField(max_length=500, blank=True)
    is_active = models.BooleanField(default=True)

    class Meta(TenantModel.Meta):
        ordering = ["name", "id"]
        constraints = [
            *TenantModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["tenant", "name"],
                name="%(class)s_name",
                violation_error_message="Another outlet has this name.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Service(TenantModel):
    """Something a customer can book. `price` is in the tenant's currency."""

    name = models.CharField(max_length=100)
    category = models.CharField(max_length=50, blank=True)
    duration_minutes = models.PositiveIntegerField(validators=[MinValueValidator(1), MaxValueValidator(24 * 60)])
    price = models.PositiveBigIntegerField(validators=[validate_amount])
    is_active = models.BooleanField(default=True)

    class Meta(TenantModel.Meta):
        ordering = ["category", "name", "id"]
        constraints = [
            *TenantModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["tenant", "name"],
                name="%(class)s_name",
                violation_error_message="Another service has this name.",
            ),
        ]

    def __str__(self) -> str:
        return self.name
