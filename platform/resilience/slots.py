"""A bounded number of slots with a bounded queue before them. First come, first served; nobody jumps the queue."""

from __future__ import annotations

import threading
from collections import deque


class Place:
    """A place in the queue, or the slot itself."""

    __slots__ = ("_gate", "given")

    def __init__(self, *, given: bool) -> None:
        self.given = given
        """Whether the slot has been given."""
        self._gate = threading.Lock()
        if not given:
            self._gate.acquire()

    def wait(self, seconds: float | None) -> bool:
        """Whether the slot is given within that time; None is for as long as it takes."""
        return self.given or self._gate.acquire(timeout=-1 if seconds is None else max(0.0, seconds))

    def give(self) -> None:
        """For `Slots`: it is this one's turn."""
        self.given = True
        self._gate.release()


_AT_ONCE = Place(given=True)


class Slots:
    """All methods may be called from any thread. `queue` is None for one without a bound."""

    def __init__(self, limit: int, *, queue: int | None = 0) -> None:
        self.limit, self.queue = limit, queue
        self._in_use = self._refused = 0
        self._waiting: deque[Place] = deque()
        self._lock = threading.Lock()

    @property
    def in_use(self) -> int:
        """Slots taken now."""
        return self._in_use

    @property
    def waiting(self) -> int:
        """Callers in the queue now."""
        return len(self._waiting)

    @property
    def refused(self) -> int:
        """Callers so far who got no slot: no room in the queue, or not in time."""
        return self._refused

    def take(self, patience: float | None) -> bool:
        """Whether a slot was had, in so many seconds; `give_back` it. None waits for as long as it takes."""
        place = self.ask(wait=patience is None or patience > 0)
        if place is None:
            return False
        try:
            if place.wait(patience):
                return True
        except BaseException:  # an interrupt in the wait must not keep a slot
            if self.leave(place):
                self.give_back()
            raise
        return self.leave(place)

    def ask(self, *, wait: bool = True) -> Place | None:
        """A slot if one is free, else a place in the queue if there is room and the caller can wait, else None."""
        with self._lock:
            # A free slot means that nobody waits: `give_back` hands it on without letting go.
            if self._in_use < self.limit:
                self._in_use += 1
                return _AT_ONCE
            if not wait or (self.queue is not None and len(self._waiting) >= self.queue):
                self._refused += 1
                return None
            place = Place(given=False)
            self._waiting.append(place)
            return place

    def leave(self, place: Place) -> bool:
        """Stop waiting. True: the slot was given in the meantime, and has to be used or given back."""
        with self._lock:
            if not place.given:
                self._waiting.remove(place)
                self._refused += 1
            return place.given

    def give_back(self) -> None:
        """The slot goes to the one who has waited longest, or is free."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().give()
            else:
                self._in_use -= 1
