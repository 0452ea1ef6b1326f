"""Ends the movements that nobody asks for again: their client gave up, or this service died while it asked the bank.

pending, driven by nobody ──> the bank is asked again with the same key, after a growing wait ──> succeeded | declined
"""

from __future__ import annotations

import random
from typing import Final

from storefront.payments.movements import Movements
from storefront.shared.peers import Peer

GRACE: Final = 3.0
"""Seconds in which the client's own retries come first."""
POLL: Final = 1.0
"""Seconds between two looks while nothing is left."""
LONGEST: Final = 30.0
"""Seconds between two looks at most, while the bank does not know either."""
BATCH: Final = 20


class Settling:
    """The step of a background loop."""

    def __init__(self, movements: Movements, bank: Peer, rng: random.Random) -> None:
        self._movements, self._bank, self._rng = movements, bank, rng
        self._failed = 0

    def step(self) -> float:
        """Ask the bank about what was left. Returns the seconds until the next step: doubling, with full jitter."""
        if self._bank.rejecting():
            return POLL
        unknown = False
        for row in self._movements.left(older_than=GRACE, most=BATCH):
            unknown = not self._movements.finish(row) or unknown
            if self._bank.rejecting():
                break
        self._failed = min(self._failed + 1, 10) if unknown else 0
        return POLL + self._rng.uniform(0, min(POLL * 2**self._failed, LONGEST)) if unknown else POLL
