"""The bulkhead: one slow dependency takes so many of our threads, and no more."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from resilience.deadline import due_of
from resilience.errors import BulkheadFullError, require_range, require_whole
from resilience.events import Announcer, Listener
from resilience.policy import Policy, at_end, note_waiting
from resilience.slots import Slots


@dataclass(frozen=True, kw_only=True)
class BulkheadSettings:
    """How many at a time. Raises SettingsError."""

    slots: int = 25
    """Calls under way at the same time, to all instances together; 1 to 10000."""
    queue: int = 0
    """Calls that may wait for a slot, in the order in which they came; 0 to 10000."""
    max_wait: float = 0.0
    """Seconds that one of them waits, and never past its deadline; 0 to 60, more than 0 if there is a queue."""

    def __post_init__(self) -> None:
        require_whole("bulkhead.slots", self.slots, 1, 10000)
        require_whole("bulkhead.queue", self.queue, 0, 10000)
        require_range("bulkhead.max_wait", self.max_wait, 0.001 if self.queue else 0, 60 if self.queue else 0)


class Bulkhead(Policy):
    """Takes a slot before the call and gives it back when the body is at its end or closed. Raises BulkheadFullError.

    Policies that share `slots` share the limit.
    """

    def __init__(
        self,
        inner: httpx.BaseTransport,
        settings: BulkheadSettings,
        *,
        slots: Slots | None = None,
        name: str = "call",
        clock: Callable[[], float] = time.monotonic,
        events: Listener | None = None,
    ) -> None:
        super().__init__(inner)
        self.slots = slots or Slots(settings.slots, queue=settings.queue)
        self._max_wait, self._name, self._clock = settings.max_wait, name, clock
        self._announce = Announcer(name, "bulkhead", events)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if not self._taken(request):
            why = f"all {self.slots.limit} slots are taken, {self.slots.waiting} calls wait"
            self._announce("rejected", why)
            raise BulkheadFullError(f"{self._name}: {why}", retry_after=max(0.1, self._max_wait))
        try:
            response = self._inner.handle_request(request)
        except BaseException:
            self.slots.give_back()
            raise
        return at_end(response, lambda _error, _whole: self.slots.give_back())

    def _taken(self, request: httpx.Request) -> bool:
        if self._max_wait == 0:
            return self.slots.take(0)
        due, began = due_of(request), self._clock()
        try:
            return self.slots.take(self._max_wait if due is None else min(self._max_wait, due.left()))
        finally:
            note_waiting(request, self._clock() - began)
