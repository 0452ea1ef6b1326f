"""The edge record: what passed through one proxy, counted while it passes. Counts only; payloads are never kept."""

from __future__ import annotations

from dataclasses import dataclass, field

from windtunnel.toxiproxy import EdgeRecord


@dataclass(slots=True)
class Tally:
    """A number that grows."""

    count: int = 0


@dataclass(slots=True)
class EdgeCounters:
    """The live counters of one proxy."""

    connections: int = 0
    open: int = 0
    forwarded: int = 0
    bytes_up: Tally = field(default_factory=Tally)
    """Bytes given to the upstream's socket."""
    bytes_down: Tally = field(default_factory=Tally)
    """Bytes given to the client's socket."""
    touched: dict[str, Tally] = field(default_factory=dict)
    """By toxic name. An entry outlives its toxic, so that a proof can still be read once the fault is lifted."""

    def for_toxic(self, name: str) -> Tally:
        """A fresh tally under this name: a new toxic never inherits the count of an old one."""
        tally = self.touched[name] = Tally()
        return tally

    def forget_toxics(self) -> None:
        """Drop the tallies of all toxics."""
        self.touched.clear()

    def snapshot(self) -> EdgeRecord:
        """The counters as they are now."""
        return EdgeRecord(
            connections=self.connections,
            open=self.open,
            forwarded=self.forwarded,
            bytes_up=self.bytes_up.count,
            bytes_down=self.bytes_down.count,
            touched={name: tally.count for name, tally in self.touched.items()},
        )
