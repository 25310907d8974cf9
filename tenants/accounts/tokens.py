"""Creates and reads JSON Web Tokens (HS256). No other module uses the token library."""

import datetime as dt
import time
from functools import lru_cache
from typing import Any, Literal

from django.conf import settings
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

Kind = Literal["access", "refresh"]

LIFETIME: dict[Kind, dt.timedelta] = {"access": dt.timedelta(hours=1), "refresh": dt.timedelta(days=7)}
# How far the clocks of two servers may differ. A refresh token is refused on time, since it opens a session for days.
LEEWAY = {"access": dt.timedelta(seconds=settings.SIMPLE_JWT["LEEWAY"]), "refresh": dt.timedelta()}
_CLASSES: dict[Kind, type[Token]] = {"access": AccessToken, "refresh": RefreshToken}


class InvalidToken(Exception):
    """The token is malformed, expired, of another kind, or not signed by us."""


def create(kind: Kind, *, issued_at: dt.datetime, lifetime: dt.timedelta, jti: str, **claims: Any) -> str:
    """Returns a signed token with `exp`, `iat`, `jti`, `type` and `claims`. The same arguments give the same token."""
    token = _CLASSES[kind]()
    token["jti"] = jti
    token.set_iat(at_time=issued_at)
    token.set_exp(from_time=issued_at, lifetime=lifetime)
    for name, value in claims.items():
        token[name] = value
    return str(token)


def read(raw: str | bytes, kind: Kind) -> dict[str, Any]:
    """Returns the claims of a token of that kind that is valid now, within LEEWAY. Raises InvalidToken for anything else."""
    try:
        claims = _signed_claims(raw, kind)
    except (TokenError, ValueError, TypeError, OverflowError, OSError, AttributeError) as error:
        raise InvalidToken(str(error)) from error
    if claims["exp"] <= time.time() - LEEWAY[kind].total_seconds():
        raise InvalidToken("Token is expired")
    return dict(claims)


# A client sends the same token for an hour. Its signature stays valid; only its expiry is checked each time.
@lru_cache(maxsize=1000)
def _signed_claims(raw: str | bytes, kind: Kind) -> dict[str, Any]:
    return _CLASSES[kind](raw).payload  # type: ignore[arg-type]
