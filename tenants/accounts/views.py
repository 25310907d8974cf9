"""The endpoints for log-in, refresh, log-out and one's own account."""

from contextlib import suppress
from typing import Any

from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from tenants.accounts import tokens
from tenants.accounts.documentation import ME_OPERATIONS, TOKEN_OPERATIONS
from tenants.accounts.permissions import ANYONE, STAFF
from tenants.accounts.serializers import LoginSerializer, MeSerializer, RefreshSerializer
from tenants.accounts.throttling import check_password_with_limits, client_address
from tenants.models import LoginSession, User


class TokenViewSet(GenericViewSet):
    """The endpoints of tokens."""

    tag = "Authentication"
    operations = TOKEN_OPERATIONS
    parameters = ()
    authentication_classes = ()
    roles = {"login": ANYONE, "refresh": ANYONE, "logout": ANYONE}

    def get_authenticate_header(self, request: Request) -> str:
        return "Bearer"

    def login(self, request: Request) -> Response:
        """Signs in with e-mail and password."""
        credentials = self._body(LoginSerializer)
        user = check_password_with_limits(
            lambda: User.objects.find_by_credentials(**credentials),
            account=credentials["email"],
            address=client_address(request),
        )
        with suppress(User.DoesNotExist):
            if user:
                return Response(LoginSession.start(user).token_pair())
        raise AuthenticationFailed("No active account has this e-mail and password.")

    def refresh(self, request: Request) -> Response:
        """Exchanges a refresh token for the next pair."""
        try:
            return Response(LoginSession.refresh(self._body(RefreshSerializer)["refresh"]).token_pair())
        except tokens.InvalidToken as error:
            raise AuthenticationFailed("The refresh token is not valid, has expired or was used.") from error

    def logout(self, request: Request) -> Response:
        """Ends the session. Its refresh and access tokens are refused from now on."""
        try:
            LoginSession.end(self._body(RefreshSerializer)["refresh"])
        except tokens.InvalidToken as error:
            raise AuthenticationFailed("The refresh token is not valid or has expired.") from error
        return Response({"message": "You have been logged out successfully"})

    def _body(self, serializer_class: type) -> dict[str, Any]:
        serializer = serializer_class(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data


# One instance, since its fields take longer to build than an answer.
ME_SERIALIZER = MeSerializer()


class MeViewSet(GenericViewSet):
    """The endpoint of the caller's own account."""

    tag = "Authentication"
    operations = ME_OPERATIONS
    parameters = ()
    serializer_class = MeSerializer
    roles = {"retrieve": STAFF}

    def retrieve(self, request: Request) -> Response:
        """Returns the account of the caller."""
        return Response(ME_SERIALIZER.to_representation(request.user))
