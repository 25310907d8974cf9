"""Log-in sessions, and log-ins that failed."""

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any, Self

from django.db import models, transaction
from django.utils import timezone

from circe.db.ids import IdField, is_id
from tenants.accounts import tokens
from tenants.models.user import User
from tenants.scope import (
    account_lookup,
    tenant_scope,
)

REFRESH_GRACE = dt.timedelta(seconds=10)


class SessionQuerySet(models.QuerySet):
    """Queries of sessions."""

    def live(self) -> Self:
        return self.filter(ended_at=None)


class TokenFamily(models.Model):
    """One log-in and the family of tokens that descend from it (OAuth 2.0 Security BCP, RFC 9700 section 4.14.2).

    Only the ids of the two latest refresh tokens are kept. Tokens are a function of the session's state, so parallel
    requests with one token get one and the same answer.
    """

    current_jti = models.CharField(max_length=32)
    previous_jti = models.CharField(max_length=32, null=True)
    rotated_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects: Any

    class Meta:
        abstract = True

    @classmethod
    def lock(cls, claims: dict[str, Any]) -> Self | None:
        """Returns the live session of a refresh token with these claims, locked and with its `owner`, or None."""
        raise NotImplementedError

    @property
    def owner(self) -> Any:
        """The account or the customer who has signed in."""
        raise NotImplementedError

    @classmethod
    def refresh(cls, raw: str) -> Self:
        """Exchanges a refresh token: returns its session with new tokens. Raises InvalidToken if it is no longer valid.

        A used token gets the same answer again for REFRESH_GRACE. After that its use ends the session, since one of two
        users has a stolen copy. The end is stored although the answer is an error.
        """
        claims = tokens.read(raw, "refresh")
        with transaction.atomic():
            session = cls.lock(claims)
            if session is None or not session.owner.may_sign_in:
                raise tokens.InvalidToken("The session has ended.")
            if session.accept(str(claims.get("jti")), now=timezone.now()):
                return session
        raise tokens.InvalidToken("The token was used before.")

    @classmethod
    def end(cls, raw: str) -> None:
        """Ends the session of a refresh token, if it has not ended yet. Raises InvalidToken for any other token."""
        cls.live(tokens.read(raw, "refresh")).update(ended_at=timezone.now())

    @classmethod
    def live(cls, claims: dict[str, Any]) -> Any:
        """Returns the queryset of the live session that a token with these claims names."""
        session_id = claims.get("sid")
        return cls.objects.live().filter(pk=session_id) if is_id(session_id) else cls.objects.none()

    def accept(self, jti: str, *, now: dt.datetime) -> bool:
        """Exchanges the refresh token with this id, and saves. Returns whether the session goes on.

        A token that was used longer than REFRESH_GRACE ago ends the session.
        """
        if jti == self.previous_jti and now - self.rotated_at <= REFRESH_GRACE:
            return True
        if jti == self.current_jti:
            self.previous_jti, self.current_jti, self.rotated_at = jti, uuid.uuid4().hex, now
        else:
            self.ended_at = now
        self.save()
        return self.ended_at is None

    def create_token_pair(
        self, lifetimes: Mapping[tokens.Kind, dt.timedelta], *, sub: str, **claims: Any
    ) -> dict[str, str]:
        """Returns the current tokens of the session: `{"access", "refresh"}`. The access token has the `claims` too."""
        shared: dict[str, Any] = {"issued_at": self.rotated_at, "sub": sub, "sid": self.pk}
        access_jti = uuid.uuid5(uuid.UUID(self.current_jti), "access").hex
        return {
            "access": tokens.create("access", lifetime=lifetimes["access"], jti=access_jti, **shared, **claims),
            "refresh": tokens.create("refresh", lifetime=lifetimes["refresh"], jti=self.current_jti, **shared),
        }


class LoginSession(TokenFamily):
    """A session of an account."""

    id = IdField(primary_key=True)
    user = models.ForeignKey(User, models.CASCADE, related_name="sessions")

    objects = SessionQuerySet.as_manager()

    @classmethod
    def start(cls, user: User) -> "LoginSession":
        """Starts a session of `user`, deletes the expired ones, and sets the account's last log-in.

        Raises User.DoesNotExist if the password has changed since it was checked.
        """
        with transaction.atomic(), tenant_scope(user.scope):
            # A change of the password ends all sessions. With the lock, this one starts before the change or not at all.
            User.objects.select_for_update(no_key=True).get(pk=user.pk, password=user.password)
            now = timezone.now()
            User.objects.filter(pk=user.pk).update(last_login=now)
            user.sessions.filter(rotated_at__lte=now - tokens.LIFETIME["refresh"]).delete()
            return cls.objects.create(user=user, current_jti=uuid.uuid4().hex, rotated_at=now)

    @classmethod
    def lock(cls, claims: dict[str, Any]) -> "LoginSession | None":
        with account_lookup(str(claims.get("sub"))):
            return cls.live(claims).select_for_update(of=("self",)).select_related("user__tenant").first()

    @property
    def owner(self) -> User:
        return self.user

    def token_pair(self) -> dict[str, str]:
        """Returns the current tokens of the session: `{"access", "refresh"}`."""
        return self.create_token_pair(
            tokens.LIFETIME,
            sub=self.user_id,
            email=self.user.email,
            role=self.user.role,
            tenant_id=self.user.tenant_id,
        )


class LoginFailure(models.Model):
    """A refused log-in, or a link that was not valid, which `throttling` counts.

    `account` is the typed address in canonical form, known or not. A customer's has the id of the business in front
    (`portal_failure_account`), and a link has none.
    """

    class Kind(models.TextChoices):
        """The kind of secret that was guessed. Each kind is counted by itself, so customers who guess lock out no staff."""

        STAFF = "staff"
        CUSTOMER = "customer"
        LINK = "link"

    kind = models.CharField(max_length=10, choices=Kind, default=Kind.STAFF)
    # The id of a business, a colon, and an address.
    account = models.CharField(max_length=279, null=True)
    address = models.GenericIPAddressField()
    failed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(fields=["account", "failed_at"], name="loginfailure_account"),
            models.Index(fields=["address", "failed_at"], name="loginfailure_address"),
        ]


def portal_failure_account(tenant_id: str | None, email_key: str | None) -> str:
    """Returns the `account` of failed log-ins of customers of the business with this address."""
    return f"{tenant_id}:{email_key}"
