"""Outlier ejection: an instance that fails while the others are well gets no calls for a while.

The rules are Envoy's (outlier detection): so many failures in a row; longer each time it happens again; never more than
a share of all instances, since when most of them fail it is not the instance that is ill. No threads here.
"""

from __future__ import annotations

from dataclasses import dataclass

from resilience.errors import require_range, require_whole


@dataclass(frozen=True, kw_only=True)
class EjectionSettings:
    """When an instance is left out, and for how long. Raises SettingsError."""

    failures: int = 5
    """In a row; 1 to 1000."""
    base: float = 10.0
    """Seconds, times the number of ejections in a row; 0.001 to 3600."""
    longest: float = 300.0
    """Seconds, whatever the number; base to 86400."""
    ceiling: float = 0.5
    """The share of all instances that may be out at the same time, one at least if there are two; above 0, below 1."""

    def __post_init__(self) -> None:
        require_whole("balancer.ejection.failures", self.failures, 1, 1000)
        require_range("balancer.ejection.base", self.base, 0.001, 3600)
        require_range("balancer.ejection.longest", self.longest, self.base, 86400)
        require_range("balancer.ejection.ceiling", self.ceiling, 0.001, 0.999)

    def most(self, instances: int) -> int:
        """How many of so many may be out."""
        return max(int(instances * self.ceiling), 1) if instances > 1 else 0


class Record:
    """What is known of one instance."""

    def __init__(self, rule: EjectionSettings) -> None:
        self._rule, self._row, self._times, self._good_since = rule, 0, 0, 0.0
        self.out_until: float | None = None
        """Ejected until then; None when it is not."""

    def add(self, now: float, *, failed: bool) -> bool:
        """One call more. Whether it deserves to be out."""
        if failed:
            self._row += 1
            return self.out_until is None and self._row >= self._rule.failures
        self._row = 0
        # Good for a whole ejection's time after it came back: the next one is a first one again.
        if self._times and self.out_until is None and now >= self._good_since + self._length():
            self._times = 0
        return False

    def eject(self, now: float) -> float:
        """It is out, for that many seconds."""
        self._times += 1
        self._row = 0
        self.out_until = now + self._length()
        return self._length()

    def come_back(self, now: float) -> None:
        """It is in again; what it did before does not count."""
        self.out_until, self._good_since, self._row = None, now, 0

    def _length(self) -> float:
        return min(self._rule.longest, self._rule.base * max(1, self._times))
