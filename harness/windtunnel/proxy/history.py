"""What became of each connection: opened, decided, touched, bytes, closed, why. The newest so many are kept."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from windtunnel.edge_records import ConnectionLog, ConnectionRecord

MOST_CONNECTIONS = 1000
"""Connections remembered for each proxy; older ones are dropped, and counted."""
MOST_TOXICS = 100
"""Toxics remembered for one connection: it may live long, while toxics come and go."""


@dataclass(slots=True)
class Flow:
    """Bytes one way, counted while they pass."""

    received: int = 0
    """Read from the source."""
    sent: int = 0
    """Given to the sink's socket."""

    def add(self, other: Flow, sign: int = 1) -> None:
        self.received += sign * other.received
        self.sent += sign * other.sent


@dataclass(slots=True, eq=False)
class Story:
    """One connection, live. Times are seconds of the server's clock, which is monotonic."""

    ordinal: int
    opened: float
    up: Flow = field(default_factory=Flow)
    down: Flow = field(default_factory=Flow)
    reached: float | None = None
    closed: float | None = None
    why: str = ""
    decided: dict[str, bool] = field(default_factory=dict)
    touched: dict[str, None] = field(default_factory=dict)

    def decide(self, toxic: str, acts: bool) -> None:
        """Note whether a toxic acts on this connection."""
        if len(self.decided) < MOST_TOXICS:
            self.decided[toxic] = acts

    def touch(self, toxic: str) -> None:
        """Note that a toxic did act."""
        if len(self.touched) < MOST_TOXICS:
            self.touched[toxic] = None

    def because(self, why: str) -> None:
        """Note why it ends. What is said first holds: the rest follows from it."""
        self.why = self.why or why

    def record(self) -> ConnectionRecord:
        """As it is now."""
        return ConnectionRecord(
            ordinal=self.ordinal,
            opened=self.opened,
            reached=self.reached,
            closed=self.closed,
            why=self.why,
            decided=dict(self.decided),
            touched=tuple(self.touched),
            bytes_up=self.up.sent,
            bytes_down=self.down.sent,
        )


class History:
    """The newest connections of one proxy, in the order in which they came."""

    def __init__(self, most: int = MOST_CONNECTIONS) -> None:
        self._stories: deque[Story] = deque(maxlen=most)
        self._dropped = 0

    def begin(self, story: Story) -> None:
        """One more; the oldest is dropped when there is no room."""
        self._dropped += len(self._stories) == self._stories.maxlen
        self._stories.append(story)

    def body(self) -> dict[str, object]:
        """The log as the API shows it. Made by hand: `dataclasses.asdict` would hold the loop up for long."""
        records = [vars(story.record()) for story in self._stories]
        return {"connections": records, "dropped": self._dropped}

    def log(self) -> ConnectionLog:
        """All that is remembered."""
        return ConnectionLog(connections=tuple(story.record() for story in self._stories), dropped=self._dropped)
