"""The master's side of one run: who sends which share, when it starts, who is still there, and what came of it all."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from time import monotonic
from typing import Any, Final

from windtunnel.load.distributed.clock import WINDOW
from windtunnel.load.distributed.member import Member
from windtunnel.load.distributed.messages import GO, PING, PREPARE, STOP
from windtunnel.load.distributed.result import LoadResult
from windtunnel.load.messages import Row, plan_to_plain
from windtunnel.load.model import LoadPlan
from windtunnel.load.scenarios import digest
from windtunnel.load.tally import Tally

READY_WITHIN: Final = 60.0
"""Seconds for a worker's set-up."""
SILENT_AT_MOST: Final = 4.0
"""Seconds without a word after which a worker counts as lost. It is asked for one every half second."""
ASK_EVERY: Final = 0.5
LEAD: Final = 1.0
"""Seconds between `go` and the first due time: every worker has its orders before."""
FINAL_GRACE: Final = 5.0
"""Seconds beyond the drain for a worker's last report."""
TURN: Final = 0.02
"""Seconds between two looks, while something is waited for."""

Send = Callable[[str, dict[str, Any], str], None]
"""Message, content, worker."""
OnRows = Callable[[list[Row]], object]


class Coordinator:
    """One run. `begin` and `end` block; `watch` is for every half second; the `hear_...` take what workers say.

    Whatever goes wrong becomes an incident of the result, and makes `over` true: no share is sent twice or by another,
    since the load of a run that lost a part of it in between is not the load that was asked for.
    """

    def __init__(
        self,
        plan: LoadPlan,
        members: Sequence[str],
        send: Send,
        *,
        sleep: Callable[[float], object],
        on_rows: OnRows | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.plan, self.run = plan, os.urandom(6).hex()
        self._send, self._on_rows, self._clock, self._sleep = send, on_rows, clock, sleep
        count, now = len(members), clock()
        self._members = {name: Member(name, (k, count), now) for k, name in enumerate(members)}
        self._incidents: list[str] = []
        self._start: float | None = None
        self._looked: float = now
        self._result: LoadResult | None = None
        self.tally = Tally()
        """What has been told so far, all workers merged."""

    @property
    def over(self) -> bool:
        """Whether there is nothing to wait for: the plan was sent, or something went wrong."""
        return bool(self._incidents) or self._result is not None or all(m.exhausted for m in self._members.values())

    @property
    def concluded(self) -> bool:
        """Whether there is a result."""
        return self._result is not None

    @property
    def elapsed(self) -> float:
        """Seconds since the plan's beginning; 0 before it."""
        return max(self._clock() - self._start, 0.0) if self._start is not None else 0.0

    def begin(self) -> None:
        """Prepare all workers, measure their clocks, start them together. Returns at once when that fails."""
        plain, known = plan_to_plain(self.plan), digest(self.plan.scenarios)
        for member in self._members.values():
            order = {"plan": plain, "share": list(member.share), "scenarios_sha256": known}
            self._tell(PREPARE, member, **order)
        self._await(lambda m: m.ready, READY_WITHIN, "did not get ready")
        for trips in range(1, WINDOW + 1):
            for member in self._members.values():
                self._tell(PING, member, asked=self._clock())
            self._await(lambda m, trips=trips: m.clock.trips >= trips, READY_WITHIN, "fell silent")  # type: ignore[misc]
        if not self._incidents:
            self._start = self._clock() + LEAD
            for member in self._members.values():
                start = member.clock.to_there(self._start)
                self._tell(GO, member, start=start, keep_samples=self._on_rows is not None)

    def watch(self, present: Collection[str] | None = None) -> None:
        """Ask each worker for a sign of life, and name those that were lost. `present`: those still connected."""
        now = self._clock()
        # If this process itself stood still, their words wait to be heard.
        fair, self._looked = now - self._looked < SILENT_AT_MOST / 2, now
        for member in self._members.values():
            if member.final or member.lost:
                continue
            silent = now - member.heard
            if present is not None and member.name not in present:
                self._lose(member, "it left")
            elif fair and silent > SILENT_AT_MOST:
                self._lose(member, f"silent for {silent:.1f} s")
            else:
                self._tell(PING, member, asked=self._clock())

    def end(self) -> LoadResult:
        """Stop all workers, take their last reports, and say what it was. The same again when called again."""
        if self._result is None:
            self._result = self._conclude()
        return self._result

    def hear_ready(self, name: str, message: Mapping[str, Any]) -> None:
        if member := self._whose(name, message):
            member.ready = True
            if message["error"] is not None:
                self._incidents.append(f"{member} refused: {message['error']}")

    def hear_pong(self, name: str, message: Mapping[str, Any]) -> None:
        if member := self._whose(name, message):
            member.clock.add(asked=message["asked"], told=message["told"], heard=member.heard)

    def hear_report(self, name: str, message: Mapping[str, Any]) -> None:
        member = self._whose(name, message)
        if member is None or member.final:
            return
        if not member.take(message):
            self._incidents.append(f"{member}: a report was lost on the way")
        self.tally.merge(Tally.from_plain(message["tally"]))
        if self._on_rows is not None and message["rows"]:
            self._on_rows([_on_our_clock(row, member) for row in message["rows"]])

    def _whose(self, name: str, message: Mapping[str, Any]) -> Member | None:
        """Who said it; None when it is about another run."""
        member = self._members.get(name)
        if member is None or message["run"] != self.run:
            return None
        member.heard = self._clock()
        return member

    def _tell(self, what: str, member: Member, **content: object) -> None:
        self._send(what, {"run": self.run, **content}, member.name)

    def _lose(self, member: Member, why: str) -> None:
        member.lost = True
        self._incidents.append(
            f"{member} was lost {self.elapsed:.1f} s after the start ({why}); from then on its arrivals were not sent"
        )

    def _await(self, done: Callable[[Member], bool], patience: float, what: str) -> None:
        deadline = self._clock() + patience
        while not self._incidents and (waiting := [m for m in self._members.values() if not done(m)]):
            if self._clock() > deadline:
                self._incidents += [f"{member} {what} within {patience:g} s" for member in waiting]
            self._sleep(TURN)

    def _conclude(self) -> LoadResult:
        sent_all = not self._incidents and all(member.exhausted for member in self._members.values())
        started = [member for member in self._members.values() if self._start is not None and not member.lost]
        for member in started:
            self._tell(STOP, member, drain=self.plan.timeout)
        deadline = self._clock() + self.plan.timeout + FINAL_GRACE
        while any(not member.final for member in started) and self._clock() < deadline:
            self._sleep(TURN)
        self._incidents += [f"{member} sent no last report" for member in started if not member.final]
        if sent_all and (wrong := self._miscounted()):
            self._incidents.append(wrong)
        return LoadResult(
            tally=self.tally,
            workers=tuple(member.record for member in self._members.values()),
            complete=sent_all,
            incidents=tuple(self._incidents),
        )

    def _miscounted(self) -> str | None:
        """A plan that was sent to its end has a number of arrivals that all can count."""
        offered = sum(member.offered for member in self._members.values())
        planned = sum(1 for _ in self.plan.schedule.offsets(self.plan.seed))
        return None if offered == planned else f"the shares make {offered} arrivals; the plan has {planned}"


def _on_our_clock(row: Row, member: Member) -> Row:
    scenario, route, due, start, end, *rest = row
    return [scenario, route, *map(member.clock.to_here, (due, start, end)), *rest]
