"""Latencies counted in buckets that are narrow where values are small: any number of them, in little memory, mergeable.

The buckets are those of an HDR histogram of microseconds with 2,048 sub-buckets (Gil Tene, hdrhistogram.org): exact to
the microsecond below 2.05 ms, and to 1/1024 of the value above. The histograms of several generators, added up, are the
histogram of all their requests: the same buckets with the same counts.

(The package `hdrhistogram` has the same buckets, but its record_value took 2.1 us where this takes 0.4, it drops values
above a limit without a word, and it needs setuptools and pbr at run time.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import ceil
from typing import Final, NamedTuple

_SUB_BITS: Final = 11
_HALF: Final = 1 << (_SUB_BITS - 1)
UNIT: Final = 1e-6
"""Seconds."""
ERROR: Final = 1 / _HALF
"""A figure is at most this share, and one unit, above the true value, and never below it."""


class Over(NamedTuple):
    """How many values lie above a limit: at least, and at most. They differ by what shares the limit's bucket."""

    least: int
    most: int


class Histogram:
    """Of seconds. Grows as wide as it must; negative values count as 0."""

    __slots__ = ("_counts", "count", "total")

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self.count = 0
        self.total = 0.0
        """Seconds: the sum of the values themselves, so that the mean is exact."""

    def add(self, seconds: float) -> None:
        """Count one value."""
        value = int(seconds * 1_000_000) if seconds > 0 else 0
        shift = value.bit_length() - _SUB_BITS
        bucket = value if shift <= 0 else shift * _HALF + (value >> shift)
        self._counts[bucket] = self._counts.get(bucket, 0) + 1
        self.count += 1
        self.total += seconds

    def merge(self, other: Histogram) -> None:
        """Add all that the other one has counted."""
        for bucket, count in other._counts.items():
            self._counts[bucket] = self._counts.get(bucket, 0) + count
        self.count += other.count
        self.total += other.total

    @property
    def mean(self) -> float:
        """Seconds; 0 when nothing was counted."""
        return self.total / self.count if self.count else 0.0

    def quantile(self, share: float) -> float:
        """Seconds that `share` (0 to 1) of the values stay within: nearest rank, then the upper end of its bucket.

        At least the true one, and at most `ERROR` of it and one `UNIT` more. 0 when nothing was counted.
        """
        rank = max(ceil(share * self.count - 1e-9), 1)
        for bucket in sorted(self._counts):
            rank -= self._counts[bucket]
            if rank <= 0:
                return _bounds(bucket)[1] * UNIT
        return 0.0

    def over(self, limit: float) -> Over:
        """How many values are above `limit` seconds."""
        least = most = 0
        for bucket, count in self._counts.items():
            low, high = _bounds(bucket)
            least += count if low * UNIT > limit else 0
            most += count if high * UNIT > limit else 0
        return Over(least, most)

    def buckets(self) -> Iterable[tuple[float, float, int]]:
        """(from, to, count), in seconds, in order: for pictures."""
        for bucket in sorted(self._counts):
            low, high = _bounds(bucket)
            yield low * UNIT, high * UNIT, self._counts[bucket]

    def to_plain(self) -> dict[str, object]:
        """As JSON and msgpack can carry it."""
        return {"total": self.total, "buckets": [[bucket, self._counts[bucket]] for bucket in sorted(self._counts)]}

    @classmethod
    def from_plain(cls, plain: Mapping[str, object]) -> Histogram:
        """The reverse of `to_plain`. Raises ValueError for what is none."""
        made = cls()
        match plain:
            case {"total": int() | float() as total, "buckets": list() as buckets}:
                made._counts = {int(bucket): int(count) for bucket, count in buckets}
                made.count, made.total = sum(made._counts.values()), float(total)
            case _:
                raise ValueError(f"no histogram: {plain!r}; it needs 'total' and 'buckets'")
        return made

    def __eq__(self, other: object) -> bool:
        """Whether the counts are the same; sums may differ in their last digits."""
        return isinstance(other, Histogram) and self._counts == other._counts

    __hash__ = None  # type: ignore[assignment]


def _bounds(bucket: int) -> tuple[int, int]:
    """Microseconds: the least value that falls into this bucket, and the least that does no longer."""
    shift = max(bucket // _HALF - 1, 0)
    low = (bucket - shift * _HALF) << shift
    return low, low + (1 << shift)
