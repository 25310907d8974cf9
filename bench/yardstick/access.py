"""Reads the access token of a request, for both services."""

import os
from typing import Any

import jwt

KEY = os.environ.get("JWT_SIGNING_KEY", "")
STAFF = {"super_admin", "tenant_admin", "outlet_manager", "staff"}
ADMINS = {"super_admin", "tenant_admin"}


def claims(authorization: str) -> dict[str, Any] | None:
    """Returns the claims of a bearer token. Returns None if it is not signed with our key, or has expired."""
    scheme, _, token = authorization.partition(" ")
    try:
        found = jwt.decode(token, KEY, algorithms=["HS256"], options={"require": ["exp", "sub"]})
    except jwt.InvalidTokenError:
        return None
    return found if scheme.lower() == "bearer" and found.get("type") == "access" else None
