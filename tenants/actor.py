"""Who acts: a person, in which request and from where, or a command. The database is told with each write."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, replace
from typing import Any

from django.db import connection

WRITES = ("INSERT", "UPDATE", "DELETE", "MERGE", "WITH")
SIGN = "SELECT set_config('circe.actor', %s, true)"


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who acts: a user or a command, in which request, from which address."""

    user_id: str | None = None
    command: str | None = None
    request_id: str | None = None
    address: str | None = None


NOBODY = Actor()
_actor: ContextVar[Actor] = ContextVar("actor", default=NOBODY)


def current_actor() -> Actor:
    """Who acts now; nobody known, outside `acting`."""
    return _actor.get()


@contextmanager
def acting(**who: str | None) -> Iterator[None]:
    """Sign what the block writes, by the keywords of Actor."""
    token = _actor.set(Actor(**who))
    try:
        with connection.execute_wrapper(_signed):
            yield
    finally:
        _actor.reset(token)


def act_as(user_id: str) -> None:
    """The person is known from here to the end of the `acting` block. For the doors, whose block is the request."""
    _actor.set(replace(_actor.get(), user_id=user_id))


def sign() -> None:
    """Sign the rest of the transaction. For COPY, which no wrapper sees."""
    with connection.cursor() as cursor:
        cursor.execute(SIGN, [_signature()])


def _signature() -> str:
    return json.dumps({name: value for name, value in asdict(_actor.get()).items() if value})


def _signed(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """Put the signature in front of a statement that writes, in the same round trip; it lasts for the transaction."""
    if not isinstance(sql, str) or not sql.lstrip()[:6].upper().startswith(WRITES):
        return execute(sql, params, many, context)
    if many or not isinstance(params, list | tuple):
        sign()
        return execute(sql, params, many, context)
    result = execute(f"{SIGN}; {sql}", [_signature(), *(params or ())], many, context)
    context["cursor"].cursor.nextset()
    return result
