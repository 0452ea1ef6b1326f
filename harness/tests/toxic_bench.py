"""A toxic alone, with a clock that the test moves: what goes in, what comes out, and when."""

import heapq
from itertools import count

from windtunnel.proxy.chance import generator
from windtunnel.proxy.toxics import TOXICS


class Handle:
    def __init__(self):
        self.cancelled = False

    def cancel(self):
        self.cancelled = True


class Bench:
    """Loop, clock and outlet in one. `out` holds (time, chunk), with None, "closed" or "reset" for an end."""

    def __init__(self, kind, **attributes):
        self.now, self.out, self.touches = 0.0, [], 0
        self._timers, self._order, self._shared = [], count(), []
        self.loop = self
        self.toxic = TOXICS[kind](TOXICS[kind].Settings(**attributes), self)
        self.toxic.start()

    def clock(self):
        return self.now

    def call_later(self, delay, act):
        handle = Handle()
        heapq.heappush(self._timers, (self.now + delay, next(self._order), act, handle))
        return handle

    @property
    def waiting(self):
        """Timers that are set."""
        return sum(not handle.cancelled for *_, handle in self._timers)

    def run(self, seconds=0.0):
        """Let time pass."""
        end = self.now + seconds
        while self._timers and self._timers[0][0] <= end:
            due, _, act, handle = heapq.heappop(self._timers)
            self.now = max(self.now, due)
            if not handle.cancelled:
                act()
        self.now = end

    def update(self, **attributes):
        self.toxic.update(type(self.toxic).Settings(**attributes))

    @property
    def chunks(self):
        return [chunk for _, chunk in self.out]

    @property
    def joined(self):
        return b"".join(chunk for chunk in self.chunks if isinstance(chunk, bytes))

    def send(self, chunk):
        self.out.append((self.now, chunk))

    def end(self, *, close=False):
        self.out.append((self.now, "closed" if close else None))

    def reset(self):
        self.out.append((self.now, "reset"))

    def touch(self):
        self.touches += 1

    def generator(self):
        return generator(1, "bench")
