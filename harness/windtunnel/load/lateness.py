"""How late the generator itself was. Latency counts from the due time and so contains this; a judge must know it."""

from __future__ import annotations

from windtunnel.history.model import LATE
from windtunnel.load.histogram import Histogram


class Lateness:
    """Counts, for each request, the seconds between due and sent."""

    def __init__(self) -> None:
        self.histogram = Histogram()
        self._late = 0

    def add(self, seconds: float) -> None:
        """One request was sent that long after it was due."""
        self.histogram.add(seconds)
        if seconds > LATE:
            self._late += 1

    @property
    def share(self) -> float:
        """Share of the requests that were late, 0 to 1."""
        return self._late / self.histogram.count if self.histogram.count else 0.0

    @property
    def p99(self) -> float:
        """Seconds that 99 of 100 requests stayed within."""
        return self.histogram.quantile(0.99)
