"""What the orders service still has to do, and what needs somebody to look at it."""

from __future__ import annotations

from collections.abc import Mapping

from resilience.durable import Journal, Outbox
from storefront.shared.database import Database
from storefront.shared.peers import Peer, open_breakers


class Left:
    """Counted in the database when somebody asks, so that it is true also after a crash."""

    def __init__(self, database: Database, journal: Journal, outbox: Outbox, peers: Mapping[str, Peer]) -> None:
        self._database, self._journal, self._outbox, self._peers = database, journal, outbox, peers

    def waiting(self) -> dict[str, object]:
        """By name, without what there is none of. What is parked does not wait: it needs somebody."""
        with self._database.view() as connection:
            sagas, mails = self._journal.counts(connection), self._outbox.counts(connection)
        found = {
            "pending_orders": sagas.get("running"),
            "owed_releases": sagas.get("undoing"),
            "owed_mails": mails.get("mail"),
            "breakers": open_breakers(self._peers),
        }
        return {name: value for name, value in found.items() if value}

    def gauges(self) -> dict[str, dict[str, float]]:
        """For metrics: zero where there is nothing."""
        with self._database.view() as connection:
            sagas = self._journal.counts(connection)
            messages = {state: self._outbox.counts(connection, state).get("mail", 0) for state in ("waiting", "parked")}
        return {
            "sagas": {state: float(sagas.get(state, 0)) for state in ("running", "undoing", "stuck")},
            "outbox_messages": {state: float(count) for state, count in messages.items()},
        }
