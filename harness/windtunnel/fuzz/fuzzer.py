"""Runs cells on a standing system.

    quiet ─> control: a valid request works, and uses the edge ─> quiet ─> fault on, proven
        ─> valid requests, which must meet it ─> invalid ones ─> fault off, proven ─> quiet

A breaker that opened in one cell is closed in the next: `quiet` of the services says so. One that opens within a cell
keeps later requests from the edge; that is how it should be, and the first one has met the fault by then.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from schemathesis import Case

from windtunnel.chaos import Chaos
from windtunnel.errors import CapabilityError, ProxyError, RestorationUnprovenError, StackError, WindtunnelError
from windtunnel.fuzz.by_hand import spoiled
from windtunnel.fuzz.cells import Cell, CellResult, Problem
from windtunnel.fuzz.edge_table import EdgeTable
from windtunnel.fuzz.expressions import Exchange
from windtunnel.fuzz.found import describe_found
from windtunnel.fuzz.generate import Kind, boundaries, draw, seed_of
from windtunnel.fuzz.judging import Limits, problems
from windtunnel.fuzz.links import NO_LINKS, Links
from windtunnel.fuzz.operations import Operation
from windtunnel.fuzz.plan import Plan, Profile
from windtunnel.fuzz.shots import Answer, Gun, Shot, curl_line
from windtunnel.fuzz.visitor import Visitor
from windtunnel.fuzz.watch import EdgeWatch, missing_or_new
from windtunnel.stack.base import Stack
from windtunnel.undo import Journal

QUIET = 30.0
"""Seconds that a system has to come to rest."""
AGAIN = 0.25
"""Seconds between two requests of a client that asks again; a breaker that is open needs time."""
HANG = 1.0
"""Seconds beyond the limit that are waited for an answer, so that a slow one can be told from none."""
SHOWN = 300
"""Characters of an answer."""
ALONE = ("by hand", "found", "link", "replay")
"""Kinds of requests that every run sends anyway, or that mean nothing without those before them."""


class NoControlError(WindtunnelError):
    """A valid request does not work, or not on the edge that is to be broken, while nothing is broken."""


class NotReachedError(WindtunnelError):
    """No valid request met the fault: nothing was learnt."""


class Fuzzer:
    """Bound to one standing system. Not for several threads."""

    def __init__(
        self,
        stack: Stack,
        journal: Journal,
        *,
        plan: Plan,
        profile: Profile,
        table: EdgeTable,
        links: Links = NO_LINKS,
        seed: int = 0,
        patience: float = QUIET,
    ) -> None:
        self.stack, self.plan, self.table, self.links, self.seed = stack, plan, table, links, seed
        self._profile, self.patience = profile, patience
        self.chaos = Chaos(stack, journal)
        self.watch = EdgeWatch(stack)
        self.visitor = Visitor(plan, stack)
        self.limits = Limits(answer_within=plan.answer_within)

    def run(self, cell: Cell) -> CellResult:
        """Whatever happens is in the result. What is no `WindtunnelError` is a bug, and raised."""
        run = self._healthy if cell.fault is None else self._faulted
        return self.noted(cell.id, cell.operation, partial(run, cell))

    def noted(self, name: str, operation: Operation, run: Callable[[Gun, CellResult], None]) -> CellResult:
        """What `run` finds, and what keeps it from finding anything."""

        def with_gun(result: CellResult) -> None:
            with self.gun(operation.service) as gun:
                run(gun, result)

        return self.measured(name, with_gun)

    def measured(self, name: str, run: Callable[[CellResult], None]) -> CellResult:
        """The same for what asks more than one service."""
        result, began = CellResult(id=name), time.monotonic()
        try:
            run(result)
        except CapabilityError as missing:
            result.skipped = str(missing)
        except WindtunnelError as trouble:
            result.errors.append(f"{type(trouble).__name__}: {self.stack.redact(str(trouble))}")
            result.dirty = isinstance(trouble, (RestorationUnprovenError, ProxyError, StackError))
        result.seconds = time.monotonic() - began
        return result

    def discover(self, operation: Operation) -> dict[str, tuple[str, ...]]:
        """The edges that a valid request of this operation uses, with the kinds of calls on each."""
        with self.gun(operation.service) as gun:
            _, seen = self.control(operation, gun)
        return {edge: tuple(sorted(calls)) for edge, calls in sorted(seen.items())}

    def gun(self, service: str) -> Gun:
        return Gun(f"http://{self.stack.address(service)}", self.plan.answer_within + HANG)

    def control(self, operation: Operation, gun: Gun) -> tuple[Shot, dict[str, Counter[str]]]:
        """A valid request, answered well while nothing is broken; and what it set off.

        Raises `NoControlError` when it is not, `NotQuietError` when the system does not come to rest.
        """
        shot = self.valid(operation, gun, 1, "control")[0]
        self.stack.until_quiet(self.patience)  # what making it set off is not its own doing
        self.watch.mark()
        answer = gun.fire(shot)
        if answer.status is None or not 200 <= answer.status < 300:
            raise NoControlError(
                f"{operation.name}: a valid request must work before anything is broken, but {shown(answer)}; "
                f"teach `complete` in {self.plan.visitor or 'a visitor file'} what it needs: "
                f"{curl_line(operation, shot, gun.base_url)}"
            )
        self.stack.until_quiet(self.patience)  # what goes on in the background belongs to it as well
        return shot, dict(self.watch.seen())

    def shoot(
        self, operation: Operation, gun: Gun, shots: Iterable[Shot], result: CellResult, fault: str = ""
    ) -> list[Answer]:
        """Send, judge, note."""
        answers = []
        for shot in shots:
            answer = gun.fire(shot)
            result.requests[shot.kind] = result.requests.get(shot.kind, 0) + 1
            status = str(answer.status or "none")
            result.statuses[status] = result.statuses.get(status, 0) + 1
            wrong = problems(operation, shot, answer, self.limits)
            if wrong:
                result.problems.append(self.problem(operation, gun, shot, answer, wrong, fault))
            answers.append(answer)
        return answers

    def note(self, result: CellResult, said: Exchange, wrong: list[str]) -> None:
        """What is wrong with an answer beside what `shoot` has noted: nothing, where there are no words."""
        if wrong:
            with self.gun(said.operation.service) as gun:
                result.problems.append(self.problem(said.operation, gun, said.shot, said.answer, wrong))

    def problem(  # noqa: PLR0917 - a case, what came of it, and where
        self, operation: Operation, gun: Gun, shot: Shot, answer: Answer, wrong: list[str], fault: str = ""
    ) -> Problem:
        """Everything that is needed to see it again, without a secret."""
        redact = self.stack.redact
        return Problem(
            request=f"{shot.kind}, {shot.name}" if shot.kind == "by hand" else shot.name,
            wrong=tuple(redact(line)[: 2 * SHOWN] for line in wrong),
            curl=redact(curl_line(operation, shot, gun.base_url)),
            answer=redact(shown(answer)),
            document="" if shot.kind in ALONE else redact(describe_found(operation, shot, gun.base_url, fault, wrong)),
        )

    def _healthy(self, cell: Cell, gun: Gun, result: CellResult) -> None:
        operation, wanted = cell.operation, self._profile
        control, seen = self.control(operation, gun)
        result.errors += missing_or_new(self.table.of(operation), seen)
        result.proof = "a valid request works; it uses " + (", ".join(seen) or "no other service")
        number = self._number(cell)
        valid = self.valid(operation, gun, wanted.valid, "valid", number, deep=False)
        self.shoot(operation, gun, valid, result)
        self.shoot(operation, gun, self._made(operation, gun, "invalid", wanted.invalid, number), result)
        cases = boundaries(operation, wanted.boundaries, number)
        self.shoot(operation, gun, (self._load(gun, operation, case, "boundary") for case in cases), result)
        self.shoot(operation, gun, spoiled(operation, control, self.visitor.bad_credentials()), result)
        self.stack.until_quiet(self.patience)

    def _faulted(self, cell: Cell, gun: Gun, result: CellResult) -> None:
        assert cell.fault is not None
        operation, wanted, number = cell.operation, self._profile, self._number(cell)
        self.check_edge(cell, gun)
        # Made before: what the visitor needs from the system must work.
        valid = self.valid(operation, gun, 1 + wanted.valid_under_fault, "valid", number)
        invalid = self._made(operation, gun, "invalid", wanted.invalid_under_fault, number)
        with self.broken(cell, result):
            self.watch.mark()
            answers = self.shoot(operation, gun, valid, result, cell.condition)
            if cell.fault.countable:
                result.reached = self._reached(cell)
                result.proof += f"; {result.reached} calls met it"
            self.shoot(operation, gun, invalid, result, cell.condition)
        self._come_again(operation, gun, zip(valid, answers, strict=True), result)
        self.stack.until_quiet(self.patience)
        if not cell.fault.countable:
            self.check_edge(cell, gun)
            result.proof += "; a valid request called there just before and just after, and nothing passed meanwhile"

    def _come_again(
        self, operation: Operation, gun: Gun, sent: Iterable[tuple[Shot, Answer]], result: CellResult
    ) -> None:
        """What the document's own link tells a client to ask again is asked again until the answer is the last word.

        Each answer is judged. Nobody waits longer than for the system to come to rest: then the document's "ask again"
        was not true.
        """
        end = time.monotonic() + self.patience
        for shot, first in sent:
            answer = first
            while (link := self.links.unfinished(operation, answer.status)) and time.monotonic() < end:
                (answer,) = self.shoot(operation, gun, [shot], result)
                result.followed[link.id] = result.followed.get(link.id, 0) + 1
                time.sleep(AGAIN)
            if link := self.links.unfinished(operation, answer.status):
                said = Exchange(operation=operation, shot=shot, answer=answer)
                self.note(result, said, [f"{link.id}: {never_final(self.patience)}"])

    def check_edge(self, cell: Cell, gun: Gun) -> None:
        """Raises `NoControlError` unless a valid request makes its calls on the cell's edge."""
        _, seen = self.control(cell.operation, gun)
        if cell.edge not in seen or (cell.calls and not set(cell.calls) & set(seen[cell.edge])):
            raise NoControlError(
                f"{cell.operation.name}: a valid request did not use {cell.edge}; `windtunnel fuzz --discover` renews "
                f"the table"
            )

    @contextmanager
    def broken(self, cell: Cell, result: CellResult) -> Iterator[None]:
        """The cell's fault, for the length of a block; its proofs go into the result. Raises as `Chaos` does."""
        assert cell.fault is not None
        edge = self.stack.topology.edge(cell.edge)
        with cell.fault.put_on(self.chaos, edge, self.plan) as disturbance:
            result.proof = disturbance.proof
            yield
        result.proof += f"; {disturbance.restored}"

    def _reached(self, cell: Cell) -> int:
        count = self.watch.reached(cell.edge, cell.calls)
        if not count:
            raise NotReachedError(
                f"{cell.id}: no call of a valid request was seen on {cell.edge} while it was broken "
                f"(looked for {', '.join(cell.calls) or 'traffic'})"
            )
        return count

    def valid(
        self, operation: Operation, gun: Gun, count: int, name: str, number: int = 0, *, deep: bool = True
    ) -> list[Shot]:
        """The simplest first. Raises `NoControlError` when none can be made."""
        cases = draw(operation, "valid", max(count, 1), number)
        if not cases:
            raise NoControlError(f"{operation.name}: no valid request can be made from {operation.document}")
        shots = [self._load(gun, operation, case, "valid", deep=deep) for case in cases]
        return [
            Shot(kind="valid", name=f"{name}-{i}", case=s.case, prepared=s.prepared) for i, s in enumerate(shots, 1)
        ]

    def _made(self, operation: Operation, gun: Gun, kind: Kind, count: int, number: int) -> list[Shot]:
        return [self._load(gun, operation, case, kind) for case in draw(operation, kind, count, number)]

    def _load(self, gun: Gun, operation: Operation, case: Case[Any], kind: Any, *, deep: bool = False) -> Shot:
        self.visitor.complete(case, operation, deep=deep)
        return gun.load(case, kind)

    def _number(self, cell: Cell) -> int:
        return seed_of(self.seed, cell.id)


def never_final(patience: float) -> str:
    """What is wrong with a document that tells its clients to ask again, for ever."""
    return f"asked again for {patience:g} s, and never got a final answer"


def shown(answer: Answer) -> str:
    if answer.response is None:
        return answer.trouble
    kind = answer.response.headers.get("Content-Type", "no content type")
    body = " ".join(answer.response.text.split())
    text = f"{answer.status} ({kind}) after {answer.seconds * 1000:.0f} ms: {body}"
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."
