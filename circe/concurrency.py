"""How many requests a worker takes in, and how many of them it works on, at the same time.

Gunicorn gives a worker many more threads than there are requests in work. The other threads hold requests that are still
arriving or that wait for a slot, and some are never given to either: one of those answers /healthz and /readyz, whatever
all the others wait for. At most WRITES_AT_ONCE slots are for writes, so that reads go on while writes wait for a lock.
"""

import threading
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from django.conf import settings
from django.core.signals import request_finished
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from rest_framework.permissions import SAFE_METHODS

from circe.api.errors import INCOMPLETE, RETRY_AFTER_SECONDS, Problem, answer
from circe.api.parsing import content_length
from circe.health import PROBES

# How long a request waits for a slot before it is refused.
SLOT_WAIT_SECONDS = 10
# What the current thread holds.
_thread = threading.local()


OVERLOADED = Problem(
    503,
    "unavailable",
    "There are too many requests at this moment. Try again in a moment.",
    headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
)


class NoSlotFree(Exception):
    """The worker has as many requests as it takes in, or no slot became free for SLOT_WAIT_SECONDS."""


class Slots:
    """A number of slots, given out in the order in which they were asked for: a semaphore that is fair."""

    def __init__(self, number: int) -> None:
        self._free = number
        self._lock = threading.Lock()
        self._queue: deque[threading.Event] = deque()

    def acquire(self, *, seconds: float) -> bool:
        """Take a slot, and wait for one so long at most. False if there was none."""
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            if not seconds:
                return False
            turn = threading.Event()
            self._queue.append(turn)
        if turn.wait(seconds):
            return True
        with self._lock:
            # A slot may have been handed over since.
            if not turn.is_set():
                self._queue.remove(turn)
                return False
        return True

    def release(self) -> None:
        """Hand the slot to who has waited longest."""
        with self._lock:
            if self._queue:
                self._queue.popleft().set()
            else:
                self._free += 1


class ConcurrencyMiddleware:
    """Lets a request in once it has arrived whole and there is a slot for it; answers 503 if there is none.

    The slot is kept until the response was sent: a streamed one reads the database until then.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.requests_taken_in = Slots(settings.REQUESTS_TAKEN_IN)
        self.writes_taken_in = Slots(settings.WRITES_TAKEN_IN)
        self.requests_at_once = Slots(settings.REQUESTS_AT_ONCE)
        self.writes_at_once = Slots(settings.WRITES_AT_ONCE)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info in PROBES:
            return self.get_response(request)
        # An earlier response of this thread may never have been closed.
        release_slots()
        try:
            self._take_slots(request)
        except NoSlotFree:
            release_slots()
            return answer(request, OVERLOADED)
        except UnreadablePostError:
            release_slots()
            return answer(request, INCOMPLETE)
        return self.get_response(request)

    def _take_slots(self, request: HttpRequest) -> None:
        """Always in this order: nobody waits for a slot while holding one that comes after it."""
        is_write = request.method not in SAFE_METHODS
        if is_write:
            _take(self.writes_taken_in)
        _take(self.requests_taken_in)
        if is_write:
            read_body(request)
            _take(self.writes_at_once, seconds=SLOT_WAIT_SECONDS)
        _take(self.requests_at_once, seconds=SLOT_WAIT_SECONDS)


def read_body(request: HttpRequest) -> None:
    """Reads the whole body, before a view takes a lock or begins a transaction.

    A body longer than MAX_JSON_BYTES is left alone. In the admin it is a file, which the check of the CSRF token reads, also
    before the transaction. The API refuses it unread.
    """
    length = content_length(request)
    if length is not None and length <= settings.MAX_JSON_BYTES:
        # Django keeps the body in the request.
        _ = request.body


def _take(slots: Slots, *, seconds: float = 0) -> None:
    if not slots.acquire(seconds=seconds):
        raise NoSlotFree
    held = _thread.__dict__.setdefault("held", ExitStack())
    held.callback(slots.release)


def release_slots(**kwargs: Any) -> None:
    """Give back all that this thread holds."""
    if held := _thread.__dict__.pop("held", None):
        held.close()


# After Django's own receiver, which gives the connection back to the pool.
request_finished.connect(release_slots)
