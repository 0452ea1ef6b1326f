"""Finishes the orders that a request had to leave open."""

from __future__ import annotations

from resilience import trace
from storefront.orders.settlement import Settlement
from storefront.orders.store import OrderStore
from storefront.shared.peers import Peer

_BATCH = 20
_POLL = 0.25
"""Seconds between two looks while there is nothing to do."""


class Finisher:
    """One step claims what is due and settles it. `needed`: the peers without which it is not worth trying."""

    def __init__(self, store: OrderStore, settlement: Settlement, needed: tuple[Peer, ...]) -> None:
        self._store, self._settlement, self._needed = store, settlement, needed

    def step(self) -> float:
        """Seconds until the next one."""
        found = self._store.due(_BATCH)
        for order in found:
            if any(peer.rejecting() for peer in self._needed):
                return _POLL
            if self._store.claim(order):
                trace.request_id.set(order.request_id)
                self._settlement.settle(order)
        return 0.0 if len(found) == _BATCH else _POLL
