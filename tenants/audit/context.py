"""The audit context: who acts now. Each SQL statement carries it to the triggers of the audit trail."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import cached_property


@dataclass(frozen=True, kw_only=True)
class Actor:
    """A user or a command that acts, with the request and the client's address.

    `source` is `portal`, `link` or `import`. An entry of the ledger of consents stores it. An audit event without a user
    stores it in its column `command`.
    """

    user_id: str | None = None
    command: str | None = None
    source: str | None = None
    request_id: str | None = None
    address: str | None = None

    @cached_property
    def as_json(self) -> str:
        """The actor as JSON, for the triggers of the audit trail."""
        return json.dumps({name: value for name, value in vars(self).items() if value})


NOBODY = Actor()
_actor: ContextVar[Actor] = ContextVar("actor", default=NOBODY)


def current_actor() -> Actor:
    """Returns who acts now, or NOBODY outside `audit_context`."""
    return _actor.get()


@contextmanager
def audit_context(**who: str | None) -> Iterator[None]:
    """Sets the actor of all that the block writes. The keywords are the fields of Actor."""
    token = _actor.set(Actor(**who))
    try:
        yield
    finally:
        _actor.reset(token)


@contextmanager
def audit_source(source: str) -> Iterator[None]:
    """Sets the source for the block."""
    token = _actor.set(replace(_actor.get(), source=source))
    try:
        yield
    finally:
        _actor.reset(token)


def set_audit_source(source: str) -> None:
    """Sets the source until the `audit_context` block ends."""
    _actor.set(replace(_actor.get(), source=source))


def set_audit_user(user_id: str) -> None:
    """Sets the user until the `audit_context` block ends. For authentication, where the block is the whole request."""
    _actor.set(replace(_actor.get(), user_id=user_id))
