"""Chance that can be repeated: every decision is a function of the seed and of what it is about, of nothing else.

No generator is shared, so the order of events, and toxics added elsewhere, cannot change a decision.
"""

from __future__ import annotations

from hashlib import blake2b
from random import Random


def draw(seed: int, *about: str | int) -> float:
    """A number in [0, 1), always the same for the same arguments."""
    digest = blake2b(repr((seed, *about)).encode(), digest_size=8).digest()
    return float(int.from_bytes(digest, "big") >> 11) / float(1 << 53)


def generator(seed: int, *about: str | int) -> Random:
    """A series of numbers, always the same for the same arguments."""
    return Random(repr((seed, *about)))
