"""Fixtures for callers who are not staff, and for checkouts."""

import shutil

import jwt
import pytest
from django.conf import settings
from django.utils import timezone
from rest_framework.test import APIClient

from circe.db.ids import new_id
from circe.tests.sources import PACKAGES


@pytest.fixture
def customer_client(tenant):
    """The client of a customer, with a token of the customer portal that is signed with our key."""
    now = int(timezone.now().timestamp())
    claims = {"type": "access", "jti": new_id(), "sub": new_id(), "role": "Customer", "tenant_id": tenant.pk}
    token = jwt.encode(claims | {"iat": now, "exp": now + 3600}, settings.JWT_SIGNING_KEY, "HS256")
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


@pytest.fixture
def checkout(tmp_path):
    """A copy of the project without its `var/`."""
    shutil.copy(settings.BASE_DIR / "manage.py", tmp_path)
    for package in PACKAGES:
        (tmp_path / package).symlink_to(settings.BASE_DIR / package)
    # BASE_DIR is where circe/settings.py lies, so the folder itself is copied; its parts may be links.
    (tmp_path / "circe").unlink()
    shutil.copytree(settings.BASE_DIR / "circe", tmp_path / "circe", ignore=shutil.ignore_patterns("tests"))
    return tmp_path
