"""The journal of sagas: where each one stands, who drives it, and until when it is theirs."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    Column,
    Connection,
    Executable,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from resilience import trace
from resilience.durable.outbox import Store
from resilience.errors import require_range, require_whole


def saga_table(metadata: MetaData) -> Table:
    """The journal's table; once for each database."""
    return Table(
        "sagas",
        metadata,
        Column("id", String, primary_key=True),
        Column("state", String, nullable=False, index=True),
        Column("step", Integer, nullable=False),
        Column("attempt", Integer, nullable=False),
        Column("tries", Integer, nullable=False),
        Column("due_at", Float, nullable=False),
        Column("carried", String, nullable=False),
    )


@dataclass(frozen=True, kw_only=True)
class SagaSettings:
    """How long a claim is good, and how a saga is tried again. Raises SettingsError."""

    lease: float = 5.0
    """Seconds that whoever claimed a saga has for its calls; several times what they may take; 0.1 to 3600."""
    base: float = 0.25
    """Seconds; the n-th wait is drawn from the upper half of base * 2^n; 0.001 to 60."""
    cap: float = 2.0
    """Seconds; the longest wait; base to 3600."""
    stuck_after: int = 20
    """A saga whose step was tried in vain as often as this is reported as stuck, and tried on; 1 to 100000."""

    def __post_init__(self) -> None:
        require_range("saga.lease", self.lease, 0.1, 3600)
        require_range("saga.base", self.base, 0.001, 60)
        require_range("saga.cap", self.cap, self.base, 3600)
        require_whole("saga.stuck_after", self.stuck_after, 1, 100_000)


@dataclass
class Run:
    """One saga, as whoever drives it knows it."""

    id: str
    state: str
    """`running` or `undoing`; `done` and `undone` are final, and are not kept."""
    step: int
    """Which step is being done, or undone; it may have acted already when somebody else had the claim before."""
    attempt: int
    """The number of the claim."""
    tries: int
    """How often this step was tried in vain."""
    carried: Mapping[str, str]
    again: bool = False
    """Whether this step was begun under an earlier claim."""


class Journal:
    """Every change is one transaction under the condition that the claim is still good. `clock` gives Unix seconds."""

    def __init__(self, table: Table, store: Store, settings: SagaSettings, clock: Callable[[], float]) -> None:
        self.settings, self._store, self._clock = settings, store, clock
        c = table.c
        ours = (c.id == bindparam("saga"), c.attempt == bindparam("claimed"))
        self._insert = insert(table)
        self._find = select(table).where(c.state == bindparam("wanted"), c.due_at <= bindparam("now"))
        self._find = self._find.order_by(c.due_at).limit(bindparam("most"))
        self._claim = update(table).where(*ours, c.state == bindparam("seen"), c.due_at <= bindparam("now"))
        self._claim = self._claim.values(attempt=c.attempt + 1, due_at=bindparam("until"))
        self._move = update(table).where(*ours)
        self._move = self._move.values(state=bindparam("new"), step=bindparam("at"), tries=0, due_at=bindparam("until"))
        self._end = delete(table).where(*ours)
        self._postpone = update(table).where(*ours).values(tries=c.tries + 1, due_at=bindparam("until"))
        self._count = select(c.state, func.count()).group_by(c.state)
        self._stuck = select(func.count()).where(c.tries >= settings.stuck_after)

    def open(self, connection: Connection, saga_id: str) -> Run:
        """Begin one, in the caller's transaction, claimed for the caller: it stands before its first step."""
        run = Run(saga_id, "running", 0, 1, 0, trace.carry())
        row = {
            "id": run.id,
            "state": run.state,
            "step": 0,
            "attempt": 1,
            "tries": 0,
            "due_at": self._clock() + self.settings.lease,
            "carried": json.dumps(dict(run.carried)),
        }
        connection.execute(self._insert, row)
        return run

    def due(self, state: str, limit: int) -> Sequence[Run]:
        """Those in that state that nobody drives."""
        with self._store.view() as connection:
            rows = connection.execute(self._find, {"wanted": state, "now": self._clock(), "most": limit}).all()
        return [Run(r.id, r.state, r.step, r.attempt, r.tries, json.loads(r.carried)) for r in rows]

    def claim(self, run: Run) -> bool:
        """Make it ours for a lease. False when somebody else was quicker."""
        now = self._clock()
        values = {"seen": run.state, "now": now, "until": now + self.settings.lease}
        with self._store.write() as connection:
            claimed = self._changed(connection, self._claim, run, **values)
        run.attempt += claimed
        run.again = run.again or claimed
        return claimed

    def move(
        self, run: Run, state: str, step: int, also: Callable[[Connection], None] = lambda connection: None
    ) -> bool:
        """It stands there now, with what the service wants recorded. False when the claim is not ours any more.

        `undoing` is for whoever comes next: it is due at once, so that nobody waits for it.
        """
        turned = state == "undoing" and run.state == "running"
        until = self._clock() + (0.0 if turned else self.settings.lease)
        with self._store.write() as connection:
            if state in ("done", "undone"):
                moved = self._changed(connection, self._end, run)
            else:
                moved = self._changed(connection, self._move, run, new=state, at=step, until=until)
            if moved:
                also(connection)
        if moved:
            run.state, run.step, run.tries, run.again = state, step, 0, False
        return moved

    def postpone(self, run: Run, rng: random.Random) -> None:
        """Let it be tried again later."""
        widest = min(self.settings.cap, self.settings.base * 2.0 ** min(run.tries + 1, 20))
        with self._store.write() as connection:
            self._changed(connection, self._postpone, run, until=self._clock() + rng.uniform(widest / 2, widest))

    def counts(self, connection: Connection) -> dict[str, int]:
        """How many are `running` and `undoing`, and how many of them are `stuck`; none where there is none."""
        found: dict[str, int] = {state: number for state, number in connection.execute(self._count)}  # noqa: C416 - typed
        stuck = connection.scalar(self._stuck)
        return {**found, "stuck": stuck} if stuck else found

    def _changed(self, connection: Connection, change: Executable, run: Run, **values: object) -> bool:
        parameters = {"saga": run.id, "claimed": run.attempt, **values}
        return bool(connection.execute(change, parameters).rowcount)
