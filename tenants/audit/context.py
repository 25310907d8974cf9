"""Who acts: a person, in which request and from where, or a command. The database is told with each statement."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import cached_property


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who acts: a user or a command, in which request, from which address."""

    user_id: str | None = None
    command: str | None = None
    request_id: str | None = None
    address: str | None = None

    @cached_property
    def as_json(self) -> str:
        """As JSON, for the triggers of the audit trail."""
        return json.dumps({name: value for name, value in vars(self).items() if value})


NOBODY = Actor()
_actor: ContextVar[Actor] = ContextVar("actor", default=NOBODY)


def current_actor() -> Actor:
    """Who acts now; nobody known, outside `audit_context`."""
    return _actor.get()


@contextmanager
def audit_context(**who: str | None) -> Iterator[None]:
    """Sign what the block writes, by the keywords of Actor."""
    token = _actor.set(Actor(**who))
    try:
        yield
    finally:
        _actor.reset(token)


def set_audit_user(user_id: str) -> None:
    """The person is known from here to the end of the `audit_context` block. For the doors, whose block is the request."""
    _actor.set(replace(_actor.get(), user_id=user_id))
