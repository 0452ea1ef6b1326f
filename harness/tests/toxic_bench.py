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


class World:
    """The time, and what the links of one toxic share."""

    def __init__(self):
        self.now, self.timers, self.order, self.shared = 0.0, [], count(), []


class Bench:
    """Loop, clock and outlet in one. `out` holds (time, chunk), with None, "closed" or "reset" for an end."""

    def __init__(self, kind, *, beside=None, **attributes):
        """`beside`: a bench of the same toxic on another link, whose time this one shares."""
        self.out, self.touches, self.loop = [], 0, self
        self._world = beside._world if beside else World()
        self.toxic = TOXICS[kind](TOXICS[kind].Settings(**attributes), self)
        self.toxic.start()

    @property
    def now(self):
        return self._world.now

    def clock(self):
        return self._world.now

    def call_later(self, delay, act):
        handle = Handle()
        heapq.heappush(self._world.timers, (self.now + delay, next(self._world.order), act, handle))
        return handle

    @property
    def waiting(self):
        """Timers that are set."""
        return sum(not handle.cancelled for *_, handle in self._world.timers)

    def run(self, seconds=0.0):
        """Let time pass."""
        end = self.now + seconds
        world = self._world
        while world.timers and world.timers[0][0] <= end:
            due, _, act, handle = heapq.heappop(world.timers)
            world.now = max(world.now, due)
            if not handle.cancelled:
                act()
        world.now = end

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

    def let_in(self):
        self.out.append((self.now, "in"))

    def shared(self, make):
        if not self._world.shared:
            self._world.shared.append(make())
        return self._world.shared[0]

    def generator(self):
        return generator(1, "bench")
