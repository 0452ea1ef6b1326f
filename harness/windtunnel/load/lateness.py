"""How late the generator itself was. Latency counts from the due time and so contains this; a judge must know it."""

from __future__ import annotations

from array import array
from math import ceil

from windtunnel.history.model import LATE


class Lateness:
    """Collects, for each request, the seconds between due and sent."""

    def __init__(self) -> None:
        self._seconds = array("d")
        self.add = self._seconds.append

    @property
    def share(self) -> float:
        """Share of the requests that were late, 0 to 1."""
        return sum(late > LATE for late in self._seconds) / len(self._seconds) if self._seconds else 0.0

    @property
    def p99(self) -> float:
        """Seconds that 99 of 100 requests stayed within."""
        if not self._seconds:
            return 0.0
        return max(0.0, sorted(self._seconds)[ceil(0.99 * len(self._seconds)) - 1])
