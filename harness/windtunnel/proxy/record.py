"""The edge record: what passed through one proxy, counted while it passes. Counts only; payloads are never kept."""

from __future__ import annotations

from dataclasses import dataclass, field

from windtunnel.edge_records import EdgeRecord
from windtunnel.proxy.history import Flow, History, Story


@dataclass(slots=True)
class Tally:
    """A number that grows."""

    count: int = 0


@dataclass(slots=True)
class EdgeCounters:
    """The live counters of one proxy. A connection counts for itself; sums are made when somebody asks."""

    connections: int = 0
    forwarded: int = 0
    touched: dict[str, Tally] = field(default_factory=dict)
    """By toxic name. An entry outlives its toxic, so that a proof can still be read once the fault is lifted."""
    history: History = field(default_factory=History)
    _live: set[Story] = field(default_factory=set)
    _over: tuple[Flow, Flow] = field(default_factory=lambda: (Flow(), Flow()))
    """Of the connections that are over."""
    _before: tuple[Flow, Flow] = field(default_factory=lambda: (Flow(), Flow()))
    """What had passed when the proxy got the addresses that it has."""

    def begin(self, story: Story) -> None:
        """A connection was taken in."""
        self.connections += 1
        self._live.add(story)
        self.history.begin(story)

    def finish(self, story: Story, now: float) -> None:
        """It is over. Harmless when repeated."""
        if story in self._live:
            self._live.remove(story)
            story.closed = now
            for sum_, flow in zip(self._over, (story.up, story.down), strict=True):
                sum_.add(flow)

    def flows(self) -> tuple[Flow, Flow]:
        """All that passed, up and down."""
        sums = (Flow(), Flow())
        for each in (self._over, *((story.up, story.down) for story in self._live)):
            for sum_, flow in zip(sums, each, strict=True):
                sum_.add(flow)
        return sums

    def flows_here(self) -> tuple[Flow, Flow]:
        """What passed since `move`: a metric is labelled with the addresses between which its bytes passed."""
        sums = self.flows()
        for sum_, before in zip(sums, self._before, strict=True):
            sum_.add(before, -1)
        return sums

    def move(self) -> None:
        """The proxy listens, or leads, elsewhere from now on. Call it when all connections were told to end."""
        self._before = self.flows()

    def for_toxic(self, name: str) -> Tally:
        """A fresh tally under this name: a new toxic never inherits the count of an old one."""
        tally = self.touched[name] = Tally()
        return tally

    def forget_toxics(self) -> None:
        """Drop the tallies of all toxics."""
        self.touched.clear()

    def snapshot(self) -> EdgeRecord:
        """The counters as they are now."""
        up, down = self.flows()
        return EdgeRecord(
            connections=self.connections,
            open=len(self._live),
            forwarded=self.forwarded,
            bytes_up=up.sent,
            bytes_down=down.sent,
            touched={name: tally.count for name, tally in self.touched.items()},
        )
