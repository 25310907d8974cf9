"""The endpoints of a customer's account in the portal."""

from typing import Any

from rest_framework import status
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response

from customers.models import CustomerSession, MailedLink
from customers.portal.accounts.credentials import change_password, sign_in
from customers.portal.accounts.documentation import (
    ACCOUNT_OPERATIONS,
    MAIL_IS_SENT,
    OWN_ACCOUNT_OPERATIONS,
    PASSWORD_IS_SET,
)
from customers.portal.accounts.serializers import (
    EmailSerializer,
    PasswordChangeSerializer,
    PasswordResetSerializer,
    RegistrationSerializer,
    VerificationSerializer,
)
from customers.portal.base import PortalViewSet, SignedInViewSet
from customers.portal.links import request_link, reset_password, verify
from tenants.accounts import tokens
from tenants.accounts.permissions import ANYONE, CUSTOMER
from tenants.accounts.serializers import LoginSerializer, RefreshSerializer
from tenants.accounts.throttling import client_address
from tenants.idempotency import idempotent_transaction


class AccountViewSet(PortalViewSet):
    """The endpoints for people who are not signed in."""

    operations = ACCOUNT_OPERATIONS
    authentication_classes = ()
    roles = dict.fromkeys(ACCOUNT_OPERATIONS, ANYONE)

    def get_authenticate_header(self, request: Request) -> str:
        return "Bearer"

    def register(self, request: Request, tenant_slug: str) -> Response:
        """Sends a mail by which a person opens an account."""
        details = self.validated(RegistrationSerializer)
        return _request_mail(self, MailedLink.Kind.REGISTER, email=details.pop("email"), details=details)

    def forgot_password(self, request: Request, tenant_slug: str) -> Response:
        """Sends a mail by which a customer chooses a new password."""
        return _request_mail(self, MailedLink.Kind.RESET, **self.validated(EmailSerializer))

    def verify(self, request: Request, tenant_slug: str) -> Response:
        """Opens an account, or sets a new address, by a mailed link. Signs in."""
        body = {"password": None, **self.validated(VerificationSerializer)}
        return Response(verify(**body, client_address=client_address(request)).token_pair())

    def reset_password(self, request: Request, tenant_slug: str) -> Response:
        """Sets a new password by a mailed link."""
        reset_password(**self.validated(PasswordResetSerializer), client_address=client_address(request))
        return Response({"message": PASSWORD_IS_SET})

    def login(self, request: Request, tenant_slug: str) -> Response:
        """Signs in with e-mail and password."""
        body = self.validated(LoginSerializer)
        session = sign_in(
            self.tenant, email_key=body["email"], password=body["password"], client_address=client_address(request)
        )
        if session is None:
            raise AuthenticationFailed("No active account has this e-mail and password.")
        return Response(session.token_pair())

    def refresh(self, request: Request, tenant_slug: str) -> Response:
        """Exchanges a refresh token for the next pair."""
        try:
            return Response(CustomerSession.refresh(self.validated(RefreshSerializer)["refresh"]).token_pair())
        except tokens.InvalidToken as error:
            raise AuthenticationFailed("The refresh token is not valid, has expired or was used.") from error

    def logout(self, request: Request, tenant_slug: str) -> Response:
        """Ends the session. Its refresh and access tokens are refused from now on."""
        try:
            CustomerSession.end(self.validated(RefreshSerializer)["refresh"])
        except tokens.InvalidToken as error:
            raise AuthenticationFailed("The refresh token is not valid or has expired.") from error
        return Response({"message": "You have been logged out successfully"})


class OwnAccountViewSet(SignedInViewSet):
    """The endpoints for the customer who is signed in."""

    operations = OWN_ACCOUNT_OPERATIONS
    roles = dict.fromkeys(OWN_ACCOUNT_OPERATIONS, CUSTOMER)

    @idempotent_transaction
    def change_email(self, request: Request, tenant_slug: str) -> Response:
        """Sends a mail to another address, by which it becomes the customer's."""
        new = self.validated(EmailSerializer)
        return _request_mail(self, MailedLink.Kind.CHANGE_EMAIL, **new, customer=self.customer)

    def change_password(self, request: Request, tenant_slug: str) -> Response:
        """Changes the password of the customer."""
        body = self.validated(PasswordChangeSerializer)
        return Response(change_password(self.customer, **body, client_address=client_address(request)).token_pair())


def _request_mail(view: PortalViewSet, kind: MailedLink.Kind, **about: Any) -> Response:
    """Stores the request for a mail. Returns the same answer whether or not the address is known."""
    request_link(tenant=view.tenant, kind=kind, client_address=client_address(view.request), **about)
    return Response({"message": MAIL_IS_SENT}, status=status.HTTP_202_ACCEPTED)
