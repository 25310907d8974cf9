"""Fixtures for tokens and sign-in."""

import jwt
import pytest
from django.conf import settings
from django.utils import timezone
from rest_framework.test import APIClient

from circe.db.ids import new_id
from tenants.models import LoginSession


@pytest.fixture
def anonymous():
    return APIClient(raise_request_exception=False)


@pytest.fixture
def user(staff):
    """A person of our tenant."""
    return staff.user


@pytest.fixture
def sign():
    """`sign(claims, key=, algorithm=, headers=)`: a token of these claims, with our key."""

    def make(claims, *, key=settings.JWT_SIGNING_KEY, algorithm="HS256", headers=None):
        return jwt.encode(claims, key, algorithm, headers=headers)

    return make


@pytest.fixture
def claims(user):
    """The claims of a good access token of `user`."""
    session = LoginSession.start(user)
    now = int(timezone.now().timestamp())
    return {
        "type": "access",
        "exp": now + 3600,
        "iat": now,
        "jti": new_id(),
        "sub": user.pk,
        "sid": session.pk,
        "email": user.email,
        "role": user.role,
        "tenant_id": user.tenant_id,
    }


@pytest.fixture
def bearer():
    """`bearer(token)`: a client that sends it."""

    def make(token):
        client = APIClient(raise_request_exception=False)
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        return client

    return make
