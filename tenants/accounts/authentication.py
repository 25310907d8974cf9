"""Authenticates callers of the API by bearer token, which opens the tenant scope, and people at the back office log-in."""

import datetime as dt
from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.core.exceptions import ValidationError as InvalidEmail
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied, ValidationError
from rest_framework.request import Request

from circe.api.operations import ID_SCHEMA, query_parameter
from circe.api.parameters import get_single_param
from circe.db.ids import IdField, is_id
from circe.db.prepared import PreparedQuery
from tenants.accounts import tokens
from tenants.accounts.throttling import check_password_with_limits, client_address
from tenants.audit.context import set_audit_user
from tenants.identity import email_key
from tenants.models import Tenant, User
from tenants.scope import ALL_TENANTS, Scope, account_lookup, enter_scope, tenant_scope

# The parameter that `_scope_of` reads, for the OpenAPI document.
TENANT_ID_PARAMETER = query_parameter(
    "tenant_id", "For a super_admin: this business only. Others leave it out, or name their own.", ID_SCHEMA
)

USER_COLUMNS, TENANT_COLUMNS = ([field.attname for field in model._meta.concrete_fields] for model in (User, Tenant))
# The user of a live session, with their tenant. It needs no scope, since the scope is opened for this user.
USER_OF_SESSION = PreparedQuery(
    "user_of_session",
    lambda user_id, session_id: User.objects.filter(
        pk=user_id, sessions=session_id, sessions__ended_at=None
    ).values_list(*USER_COLUMNS, *(f"tenant__{name}" for name in TENANT_COLUMNS)),
    scoped=False,
    user_id=IdField(),
    session_id=IdField(),
)


class PortalCustomer:
    """A customer with a token of the customers' portal."""

    role = "customer"
    is_authenticated = True


class TokenAuthentication(BaseAuthentication):
    """Authenticates `Authorization: Bearer <access token>`. Raises AuthenticationFailed for a token that is not valid now.

    Only ids are taken from the token. Role, tenant, activity and session are read from the database, in one query.
    """

    def authenticate(self, request: Request) -> tuple[Any, dict[str, Any]] | None:
        scheme, *credentials = get_authorization_header(request).split() or [b""]
        if scheme.lower() != b"bearer":
            return None
        if len(credentials) != 1:
            raise AuthenticationFailed("Send one token: Authorization: Bearer <access token>.")
        try:
            claims = tokens.read(credentials[0], "access")
        except tokens.InvalidToken as error:
            raise AuthenticationFailed("The access token is not valid or has expired.") from error
        if str(claims.get("role")).lower() == PortalCustomer.role:
            return self.authenticate_customer(claims, request), claims
        user = _user_of(claims)
        if user is None:
            raise AuthenticationFailed("The access token is no longer good: sign in again.")
        set_audit_user(user.pk)
        enter_scope(_scope_of(user, request))
        return user, claims

    def authenticate_customer(self, claims: dict[str, Any], request: Request) -> PortalCustomer:
        """Returns the customer of a token of the portal.

        Nothing is looked up here: no view with this class allows the role, so the answer is a 403 before any row is read.
        """
        return PortalCustomer()

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def _user_of(claims: dict[str, Any]) -> User | None:
    user_id, session_id, issued_at = claims.get("sub"), claims.get("sid"), claims.get("iat")
    # The library has checked that `iat` is not in the future, except by the leeway.
    if not is_id(user_id) or not isinstance(issued_at, int) or issued_at < 0:
        return None
    # A token with a session is valid as long as the session. A token without one is compared with the last change of
    # the password. `iat` counts whole seconds, so such a token is refused in the second of the change.
    if session_id is None:
        return User.objects.find_who_may_sign_in(
            user_id, tokens_valid_from__lte=dt.datetime.fromtimestamp(issued_at, dt.UTC)
        )
    if is_id(session_id):
        return _user_of_session(user_id, session_id)
    return None


def _user_of_session(user_id: Any, session_id: Any) -> User | None:
    """Returns what `User.objects.find_who_may_sign_in` does, by a prepared query, since nearly every request needs it."""
    with account_lookup(user_id):
        rows = USER_OF_SESSION.rows(user_id=user_id, session_id=session_id)
    if not rows:
        return None
    [row] = rows
    user = User.from_db(None, USER_COLUMNS, row[: len(USER_COLUMNS)])
    if user.tenant_id:
        user.tenant = Tenant.from_db(None, TENANT_COLUMNS, row[len(USER_COLUMNS) :])
    return user if user.may_sign_in else None


def _scope_of(user: User, request: Request) -> Scope:
    """Returns the user's tenant; for a super_admin the one that `?tenant_id=` names, or ALL_TENANTS."""
    named = get_single_param(request, "tenant_id")
    if named in (None, user.tenant_id):
        return user.scope
    if user.tenant is not None:
        raise PermissionDenied("You can see your own business only: leave tenant_id out.")
    return named_tenant(named)


def named_tenant(tenant_id: Any) -> Tenant:
    """Returns the tenant that a super_admin names. Raises ValidationError if there is no such tenant."""
    with tenant_scope(ALL_TENANTS):
        tenant = Tenant.objects.filter(pk=tenant_id).first() if is_id(tenant_id) else None
    if tenant is None:
        raise ValidationError({"tenant_id": "There is no tenant with this id."})
    return tenant


class AccountBackend(BaseBackend):
    """The log-in of the back office, with the accounts of the API and the same limits on guessing."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        """Returns the user who may sign in with these, or None. Raises Throttled after too many failures."""
        if request is None or username is None or password is None:
            return None
        try:
            account = email_key(username)
            User._meta.get_field("email").run_validators(account)
        except InvalidEmail:
            return None
        user = check_password_with_limits(
            lambda: User.objects.find_by_credentials(email=account, password=password),
            account=account,
            address=client_address(request),
        )
        if user:
            enter_scope(user.scope)
        return user

    def get_user(self, user_id: Any) -> User | None:
        return User.objects.find_who_may_sign_in(user_id)
