"""Limits how many requests a worker accepts, and how many of them it handles, at the same time.

A worker has many more threads than slots for requests. The other threads hold requests that are still arriving or that wait
for a slot. A few threads stay free, so that /healthz and /readyz are answered even if all others wait. Writes use at most
MAX_CONCURRENT_WRITES slots, so that reads continue while writes wait for a lock.
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

from circe.api.chunked import set_body_length
from circe.api.errors import INCOMPLETE_BODY, RETRY_AFTER_SECONDS, Problem, respond
from circe.api.parsing import content_length
from circe.health import HEALTH_CHECK_PATHS

# A request that has waited this long for a slot is refused.
SLOT_WAIT_SECONDS = 10
# Its attribute `acquired_slots` is an ExitStack that releases the slots of the current thread.
_thread = threading.local()


OVERLOADED = Problem(
    503,
    "unavailable",
    "There are too many requests at this moment. Try again in a moment.",
    headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
)


class NoSlotFree(Exception):
    """The worker has accepted as many requests as it may, or no slot became free within SLOT_WAIT_SECONDS."""


class Slots:
    """A fair semaphore: slots are given out in the order in which they were requested."""

    def __init__(self, number: int) -> None:
        self._free = number
        self._lock = threading.Lock()
        self._queue: deque[threading.Event] = deque()

    def acquire(self, *, seconds: float) -> bool:
        """Takes a slot, and waits at most `seconds` for one. Returns False if there was none."""
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
            # A slot may have been passed to this thread between the timeout and the lock.
            if not turn.is_set():
                self._queue.remove(turn)
                return False
        return True

    def release(self) -> None:
        """Passes the slot to the thread that has waited longest, or makes it free."""
        with self._lock:
            if self._queue:
                self._queue.popleft().set()
            else:
                self._free += 1


class ConcurrencyMiddleware:
    """Handles a request when it has arrived completely and there is a slot for it. Answers 503 if there is none.

    The slot is released after the response was sent, since a streamed response reads the database until then.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.accepted_requests = Slots(settings.MAX_ACCEPTED_REQUESTS)
        self.accepted_writes = Slots(settings.MAX_ACCEPTED_WRITES)
        self.concurrent_requests = Slots(settings.MAX_CONCURRENT_REQUESTS)
        self.concurrent_writes = Slots(settings.MAX_CONCURRENT_WRITES)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info in HEALTH_CHECK_PATHS:
            return self.get_response(request)
        # If the thread's last response was never closed, it still has slots.
        release_slots()
        try:
            self._take_slots(request)
        except NoSlotFree:
            release_slots()
            return respond(request, OVERLOADED)
        except UnreadablePostError:
            release_slots()
            return respond(request, INCOMPLETE_BODY)
        return self.get_response(request)

    def _take_slots(self, request: HttpRequest) -> None:
        """Takes the slots of a request, and reads the body of a write. The order is always the same, so that two threads
        can't wait for each other.
        """
        is_write = request.method not in SAFE_METHODS
        if is_write:
            _take(self.accepted_writes)
        _take(self.accepted_requests)
        if is_write:
            read_body(request)
            _take(self.concurrent_writes, seconds=SLOT_WAIT_SECONDS)
        _take(self.concurrent_requests, seconds=SLOT_WAIT_SECONDS)


def read_body(request: HttpRequest) -> None:
    """Reads the whole body before a view takes a lock or begins a transaction.

    A body longer than MAX_JSON_BYTES is not read here. The API refuses it without reading it. In the back office it is an
    uploaded file: the CSRF check reads it, and this too is before a transaction begins.
    """
    set_body_length(request)
    length = content_length(request)
    if length is not None and length <= settings.MAX_JSON_BYTES:
        # Django caches the body in the request.
        _ = request.body


def _take(slots: Slots, *, seconds: float = 0) -> None:
    if not slots.acquire(seconds=seconds):
        raise NoSlotFree
    acquired_slots = _thread.__dict__.setdefault("acquired_slots", ExitStack())
    acquired_slots.callback(slots.release)


def release_slots(**kwargs: Any) -> None:
    """Releases all slots of this thread."""
    if acquired_slots := _thread.__dict__.pop("acquired_slots", None):
        acquired_slots.close()


# Connected after Django's own receiver, which returns the database connection to the pool.
request_finished.connect(release_slots)
