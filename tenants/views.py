"""Signing in and out; and what the views of a tenant's rows share."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from django.db.transaction import non_atomic_requests
from django.utils.decorators import method_decorator
from django.utils.http import parse_etags
from rest_framework import status
from rest_framework.exceptions import APIException, AuthenticationFailed, PermissionDenied, ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from tenants.accounts import tokens
from tenants.accounts.authentication import TENANT_ID, named_tenant
from tenants.accounts.documentation import ME_OPERATIONS, TOKEN_OPERATIONS
from tenants.accounts.permissions import ANYONE, STAFF
from tenants.accounts.serializers import LoginSerializer, MeSerializer, RefreshSerializer
from tenants.accounts.throttling import client_address, throttled
from tenants.idempotency import IdempotentMixin
from tenants.models import LoginSession, User
from tenants.scope import current_tenant, enter_scope


# Each step is a transaction of its own: a counted failure and an ended session outlive the refusal that reports them.
@method_decorator(non_atomic_requests, name="dispatch")
class TokenViewSet(GenericViewSet):
    """Log-in, refresh and log-out."""

    tag = "Authentication"
    operations = TOKEN_OPERATIONS
    parameters = ()
    authentication_classes = ()
    roles = {"login": ANYONE, "refresh": ANYONE, "logout": ANYONE}

    def get_authenticate_header(self, request: Request) -> str:
        return "Bearer"

    def login(self, request: Request) -> Response:
        """Sign in with e-mail and password."""
        credentials = self._body(LoginSerializer)
        user = throttled(
            lambda: User.objects.with_credentials(**credentials),
            account=credentials["email"],
            address=client_address(request),
        )
        with suppress(User.DoesNotExist):
            if user:
                return Response(LoginSession.start(user).token_pair())
        raise AuthenticationFailed("No active account has this e-mail and password.")

    def refresh(self, request: Request) -> Response:
        """Exchange a refresh token for the next pair."""
        try:
            return Response(LoginSession.refresh(self._body(RefreshSerializer)["refresh"]).token_pair())
        except tokens.InvalidToken as error:
            raise AuthenticationFailed("The refresh token is not valid, has expired or was used.") from error

    def logout(self, request: Request) -> Response:
        """End the session: its refresh and access tokens are refused from now on."""
        try:
            LoginSession.end(self._body(RefreshSerializer)["refresh"])
        except tokens.InvalidToken as error:
            raise AuthenticationFailed("The refresh token is not valid or has expired.") from error
        return Response({"message": "You have been logged out successfully"})

    def _body(self, serializer_class: type) -> dict[str, Any]:
        serializer = serializer_class(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data


# Its fields are made once.
ME = MeSerializer()


@method_decorator(non_atomic_requests, name="dispatch")
class MeViewSet(GenericViewSet):
    """The person that the token speaks for."""

    tag = "Authentication"
    operations = ME_OPERATIONS
    parameters = ()
    serializer_class = MeSerializer
    roles = {"retrieve": STAFF}

    def retrieve(self, request: Request) -> Response:
        """Who am I?"""
        return Response(ME.to_representation(request.user))


class PreconditionFailed(APIException):
    """The row is not as `If-Match` says the client saw it."""

    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_code = "stale"
    default_detail = "It was changed since you read it. Read it again, and decide anew."


class TenantViewSet(IdempotentMixin):
    """A viewset over a tenant's rows. The row that a URL names narrows a super_admin's scope to its own tenant."""

    lookup_url_kwarg: str
    parameters = (TENANT_ID,)

    def get_object(self) -> Any:
        """The row that the URL names; for a write, whose queryset locks it, as `If-Match` wants it if that is sent."""
        # Not DRF's: that one would apply the filters of the list to a single row.
        row = get_object_or_404(self.get_queryset(), pk=self.kwargs[self.lookup_url_kwarg])
        enter_scope(row.tenant)
        wanted = {*parse_etags(self.request.headers.get("If-Match", "*"))}
        if self.request.method not in SAFE_METHODS and "*" not in wanted and self.get_etag(row) not in wanted:
            raise PreconditionFailed
        return row

    def get_etag(self, row: Any) -> str | None:
        """The ETag of the row as a GET would show it now; None where it would show nothing. Asked for `If-Match` only."""
        raise NotImplementedError


def enter_body_scope(request: Request) -> None:
    """Open the scope in which a body creates something: the caller's tenant, or the one that a super_admin names in it.

    Raises PermissionDenied for another tenant than one's own, ValidationError for none or one that does not exist.
    """
    named = request.data.get("tenant_id") if isinstance(request.data, Mapping) else None
    tenant = current_tenant()
    if tenant is not None and named not in (None, tenant.pk):
        raise PermissionDenied("You can create customers in your own business only: leave tenant_id out.")
    if tenant is None and named is None:
        raise ValidationError({"tenant_id": "Name the tenant in which to create."})
    enter_scope(tenant or named_tenant(named))
