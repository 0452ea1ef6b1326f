"""Moving money exactly once through a bank that may not answer.

claim (stored first) ──> POST /transfers, key = the movement's id ──> the bank's answer is stored
                                │ nothing was sent                        succeeded | declined
                                │    └─> abandoned: definitely not charged, the key can be used again
                                └ an answer is missing ──> pending, in doubt: ask again with the same key

Whoever comes again with the key asks again; for those who do not, `Settling` does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import httpx
from sqlalchemy import bindparam, select, update

from resilience import never_sent
from storefront.payments.models import Movement
from storefront.shared.bodies import check_same_payload
from storefront.shared.database import Database, table_of
from storefront.shared.peers import Peer

Outcome = Literal["succeeded", "declined", "not_reached", "unknown"]

LEASE = 3.0
"""Seconds; several times what a call of the bank may take."""


_PENDING = update(table_of(Movement)).where(Movement.id == bindparam("row"), Movement.status == "pending")
_OURS = _PENDING.where(Movement.attempt == bindparam("claim"))
_END = _PENDING.values(status=bindparam("outcome"), in_doubt=False)
_ABANDON = _OURS.values(status="abandoned")
_DOUBT = _OURS.values(in_doubt=True, leased_until=0.0)
_SAME_KEY = select(Movement).where(Movement.idempotency_key == bindparam("key"))
_TAKE = (
    update(table_of(Movement))
    .where(Movement.id == bindparam("row"), Movement.attempt == bindparam("seen"), Movement.status == bindparam("was"))
    .values(
        status="pending", attempt=Movement.attempt + 1, in_doubt=bindparam("doubt"), leased_until=bindparam("until")
    )
)
_LEFT = (
    select(Movement)
    .where(Movement.status == "pending", Movement.leased_until <= bindparam("now"))
    .where(Movement.created_at <= bindparam("before"))
    .order_by(Movement.attempt, Movement.created_at)
    .limit(bindparam("most"))
)
_STATUS = select(Movement.status).where(Movement.id == bindparam("row"))


class Movements:
    """Claims movements and drives the bank. `clock` gives Unix seconds."""

    def __init__(self, database: Database, bank: Peer, clock: Callable[[], float]) -> None:
        self._database, self._bank, self._clock = database, bank, clock

    def carry_out(self, wanted: Movement) -> Movement:
        """The movement of that key, driven as far as it can be driven now."""
        row, mine = self._claim(wanted)
        if not mine:
            return row
        return self._record(row, self._ask_bank(row))

    def left(self, older_than: float, most: int) -> Sequence[Movement]:
        """At most so many that are pending, are driven by nobody, and came that many seconds ago.

        What was tried least comes first, so that one that the bank never answers holds up no other.
        """
        now = self._clock()
        with self._database.read() as session:
            return session.scalars(_LEFT, {"now": now, "before": now - older_than, "most": most}).all()

    def finish(self, row: Movement) -> bool:
        """Drive one that was left; whether it needs nobody any more."""
        if not self._take(row):
            return True
        return self._record(row, self._ask_bank(row)).status != "pending"

    def _claim(self, wanted: Movement) -> tuple[Movement, bool]:
        """The row of that key, and whether this call is the one to drive it."""
        now = self._clock()
        wanted.status, wanted.attempt, wanted.leased_until, wanted.in_doubt = "pending", 1, now + LEASE, False
        if self._database.add(wanted):
            return wanted, True
        with self._database.read() as session:
            row = session.scalars(_SAME_KEY, {"key": wanted.idempotency_key}).one()
        check_same_payload(row.fingerprint, wanted.fingerprint)
        if row.status in ("succeeded", "declined") or (row.status == "pending" and row.leased_until > now):
            return row, False
        if not self._take(row):  # somebody was quicker, and what was read here is old
            return self._claim(wanted)
        return row, True

    def _take(self, row: Movement) -> bool:
        """Whether the row, as it was read, is now this call's to drive."""
        # Whoever held an expired claim may have reached the bank and not lived to tell.
        doubt, until = row.in_doubt or row.status == "pending", self._clock() + LEASE
        claim = {"row": row.id, "seen": row.attempt, "was": row.status, "doubt": doubt, "until": until}
        with self._database.write() as connection:
            mine = connection.execute(_TAKE, claim).rowcount == 1
        if mine:
            row.in_doubt, row.status, row.attempt, row.leased_until = doubt, "pending", row.attempt + 1, until
        return mine

    def _ask_bank(self, row: Movement) -> Outcome:
        transfer = {
            "kind": row.kind,
            "amount_cents": row.amount_cents,
            "card": row.card,
            "reference": row.order_id,
        }
        try:
            answer = self._bank.send("POST", "/transfers", json=transfer, headers={"Idempotency-Key": row.id})
        except httpx.TransportError as error:
            return "not_reached" if never_sent(error) else "unknown"
        if answer.status_code == 201:
            return "succeeded"
        return "declined" if answer.status_code == 402 else "unknown"

    def _record(self, row: Movement, outcome: Outcome) -> Movement:
        """Store what came of it. The bank's word counts whoever brings it; the rest only while the claim is ours."""
        values: dict[str, object]
        if outcome in ("succeeded", "declined"):
            change, values = _END, {"row": row.id, "outcome": outcome}
        else:
            change = _ABANDON if outcome == "not_reached" and not row.in_doubt else _DOUBT
            values = {"row": row.id, "claim": row.attempt}
        with self._database.write() as connection:
            connection.execute(change, values)
            status = connection.scalar(_STATUS, {"row": row.id})
        row.status = status or row.status
        return row
