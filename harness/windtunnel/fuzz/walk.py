"""Walks a standing system through faults that come and go between calls, and asks at rest whether all invariants hold.

    every operation works ─> step ─> step ─> ...                    call, replay, follow, fault, lift
        ─> everything lifted ─> unfinished ones asked again ─> quiet
        ─> every operation works again ─> quiet ─> the invariants hold

While something is broken an answer must be a documented one; it need not be a success. A read that an answer leads to
must find what was made, and the same request again must not make another.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from schemathesis import Case

from windtunnel.chaos import Disturbance
from windtunnel.fuzz.cells import CellResult, Problem
from windtunnel.fuzz.expressions import Exchange, NoValueError
from windtunnel.fuzz.faults import FAULTS
from windtunnel.fuzz.found_again import another_one, not_found
from windtunnel.fuzz.fuzzer import AGAIN, Fuzzer, NoControlError, NotReachedError, never_final, shown
from windtunnel.fuzz.generate import seed_of
from windtunnel.fuzz.links import GOOD, UNFINISHED, Link, linked_shot
from windtunnel.fuzz.operations import Operation
from windtunnel.fuzz.shots import Gun, Shot, curl_line
from windtunnel.fuzz.walk_steps import Ground, Step, Walk
from windtunnel.invariants import evaluate

ARRIVAL = 1.0
"""Seconds that the record of an edge has to show a call that was made while the edge was broken."""


@dataclass(kw_only=True)
class Broken:
    """A fault while it is on."""

    disturbance: Disturbance
    held: ExitStack
    fault: str
    met: int = 0
    """Calls, by the edge record."""


class Walker:
    """One walk on one system. `run` once."""

    def __init__(self, fuzzer: Fuzzer, ground: Ground, walk: Walk, result: CellResult) -> None:
        self._fuzzer, self._ground, self._walk, self._result = fuzzer, ground, walk, result
        self._operations = {operation.name: operation for operation in ground.operations}
        self._guns: dict[str, Gun] = {}
        self._ready: dict[str, list[Shot]] = {}
        self._works: dict[str, list[Shot]] = {}
        self._templates: dict[str, Case[Any]] = {}
        self._said: dict[int, Exchange] = {}
        self._on: dict[str, Broken] = {}
        self._faults = self._met = 0

    def run(self) -> None:
        """Raises `NoControlError`, `NotReachedError` and whatever `Chaos` raises; what broke is in the result."""
        names = list(dict.fromkeys(step.operation for step in self._walk.calls))
        with ExitStack() as everything:
            for service in {operation.service for operation in self._operations.values()}:
                self._guns[service] = everything.enter_context(self._fuzzer.gun(service))
            self._load(names)
            since = time.time()
            self._all_work(names, "before")
            with self._lifted():
                for at, step in enumerate(self._walk.steps, 1):
                    self._step(at, step)
            self._come_again()
            self._fuzzer.stack.until_quiet(self._fuzzer.patience)
            self._all_work(names, "after")
            self._fuzzer.stack.until_quiet(self._fuzzer.patience)
            self._at_rest(since)
        self._result.reached = self._met
        self._result.proof = f"faults proven in place and proven gone: {self._faults}; calls that met one: {self._met}"
        if not self._met and not self._result.problems:
            raise NotReachedError(f"{self._walk.id}: no call was seen on an edge while it was broken")

    def _load(self, names: list[str]) -> None:
        """Every request is made before anything is broken: what the visitor needs from the system must work."""
        for name in names:
            operation = self._operations[name]
            gun = self._guns[operation.service]
            self._ready[name] = self._fresh(operation, gun, sum(step.operation == name for step in self._walk.calls))
            # The simplest, as in a cell: what is drawn may be refused for good reasons, such as a large amount.
            self._works[name] = [self._fuzzer.valid(operation, gun, 1, "walk")[0] for _ in range(2)]
            for link in self._ground.links.of(operation):  # which stay within a document, so within a service
                if link.target.name not in self._templates:
                    self._templates[link.target.name] = self._fuzzer.valid(link.target, gun, 1, "link")[0].case

    def _fresh(self, operation: Operation, gun: Gun, wanted: int) -> list[Shot]:
        """Each with what the visitor gives to one request alone, also where the document allows only a few."""
        number = seed_of(self._fuzzer.seed, f"{self._walk.id} {operation.name}")
        shots: list[Shot] = []
        while len(shots) < wanted:
            shots += self._fuzzer.valid(operation, gun, wanted - len(shots), "walk", number)
        return shots

    def _all_work(self, names: list[str], when: str) -> None:
        """Before, what does not work is nobody's doing here; afterwards it is a promise that broke."""
        for name in names:
            operation, shot = self._operations[name], replace(self._works[name].pop(), expects="success")
            if when == "after":
                self._send(f"at the end, call {name}", operation, shot)
                continue
            answer = self._guns[operation.service].fire(shot)
            if answer.status not in GOOD:
                raise NoControlError(
                    f"{name}: a valid request must work before anything is broken, but {shown(answer)}"
                )
        if when == "before":
            self._fuzzer.stack.until_quiet(self._fuzzer.patience)

    def _step(self, number: int, step: Step) -> None:
        words = f"{number}. {step.words}"
        if step.do == "fault":
            self._break(words, step)
        elif step.do == "lift":
            self._lift(words, step.edge)
        elif step.do == "call":
            operation = self._operations[step.operation]
            self._said[step.call] = self._send(words, operation, self._ready[step.operation].pop(0))
        elif step.call in self._said:  # else the call was taken out
            (self._replay if step.do == "replay" else self._follow)(words, step)

    def _replay(self, words: str, step: Step) -> None:
        first = self._said[step.call]
        again = self._send(words, first.operation, replace(first.shot, kind="replay", name=f"replay of {step.call}"))
        self._same(words, first, again)
        # What it says now is what is known of it; what was made once must stay the same.
        if first.answer.status not in GOOD or first.answer.status in UNFINISHED:
            self._said[step.call] = replace(again, shot=first.shot)
        link = self._ground.links.again(first.operation, first.answer.status)
        if link is not None:
            self._followed(link)

    def _follow(self, words: str, step: Step) -> None:
        before = self._said[step.call]
        links = self._ground.links.after(before.operation, before.answer.status)
        if not links:
            self._result.story.append(f"{words}: {before.answer.status or 'no answer'} has none")
            return
        link = links[step.link % len(links)]
        try:
            shot = linked_shot(link, before, self._templates[link.target.name], self._guns[link.target.service])
        except NoValueError as missing:
            self._note(words, before, [f"{link.id} cannot be followed: {missing}"])
            return
        after = self._send(f"{words}: {link.name}", link.target, shot)
        self._followed(link)
        self._note(words, after, list(not_found(link, before, after)))
        if link.replay:
            self._same(words, before, after)

    def _same(self, words: str, first: Exchange, again: Exchange) -> None:
        self._note(words, again, list(another_one(self._ground.links, first, again)))

    def _come_again(self) -> None:
        """Who got no final answer asks again, as the document's link says, until it is final."""
        end = time.monotonic() + self._fuzzer.patience
        for number, first in self._said.items():
            said = first
            while (link := self._unfinished(said)) and time.monotonic() < end:
                time.sleep(AGAIN)
                self._followed(link)
                shot = replace(first.shot, kind="replay", name=f"replay of {number}")
                said = self._send(f"afterwards, replay call {number}", first.operation, shot)
                self._same(f"afterwards, replay call {number}", first, said)
            if self._unfinished(said):
                self._note(f"afterwards, replay call {number}", said, [never_final(self._fuzzer.patience)])

    def _unfinished(self, said: Exchange) -> Link | None:
        return self._ground.links.unfinished(said.operation, said.answer.status)

    def _at_rest(self, since: float) -> None:
        plan, stack = self._fuzzer.plan.walk, self._fuzzer.stack
        for event in evaluate(plan.invariants if plan else (), stack, since):
            if event.error:
                self._result.errors.append(f"invariant {event.invariant} could not be asked: {event.error}")
            if event.violations:
                redacted = tuple(stack.redact(f"{event.invariant}: {line}") for line in event.violations)
                self._result.problems.append(Problem(request="at rest", wrong=redacted, curl="", answer=""))
                # What is still said to be wrong of a time in which nothing happened would be said of every later walk.
                (now,) = evaluate((event.invariant,), stack, time.time())
                self._result.dirty |= bool(now.violations or now.error)

    def _break(self, words: str, step: Step) -> None:
        if step.edge in self._on:
            return
        self._count()
        held, fault = ExitStack(), FAULTS[step.fault]
        edge = self._fuzzer.stack.topology.edge(step.edge)
        disturbance = held.enter_context(fault.put_on(self._fuzzer.chaos, edge, self._fuzzer.plan))
        self._on[step.edge] = Broken(disturbance=disturbance, held=held, fault=step.fault)
        self._faults += 1
        self._fuzzer.watch.mark()
        self._result.story.append(f"{words}: {disturbance.proof}")

    def _lift(self, words: str, edge: str) -> None:
        if edge not in self._on:
            return
        self._count(edge)
        self._fuzzer.watch.mark()
        broken = self._on.pop(edge)
        broken.held.close()
        self._result.story.append(f"{words}: {broken.disturbance.restored}; {broken.met} calls met it")

    def _count(self, leaving: str = "") -> None:
        """What met each fault since the record was last marked; of one that is lifted, also what is still to come."""
        for edge, broken in self._on.items():
            if FAULTS[broken.fault].countable:
                calls = {call for o in self._operations.values() for call in self._ground.table.of(o).get(edge, ())}
                patience = ARRIVAL if edge == leaving and not broken.met else 0.0
                met = self._fuzzer.watch.reached(edge, tuple(calls), patience)
                broken.met += met
                self._met += met

    @contextmanager
    def _lifted(self) -> Iterator[None]:
        """Whatever happens in the block, nothing is on afterwards."""
        try:
            yield
        except BaseException:
            with ExitStack() as all_of_them:
                for broken in self._on.values():
                    all_of_them.push(broken.held)
            raise
        for edge in list(self._on):
            self._lift(f"at the end, lift {edge}", edge)

    def _send(self, words: str, operation: Operation, shot: Shot) -> Exchange:
        gun, known = self._guns[operation.service], len(self._result.problems)
        (answer,) = self._fuzzer.shoot(operation, gun, [replace(shot, name=words)], self._result)
        status = answer.status or answer.trouble
        redact = self._fuzzer.stack.redact
        mark = "" if len(self._result.problems) == known else "   <- wrong"
        self._result.story.append(f"{words} -> {status} after {answer.seconds * 1000:.0f} ms{mark}")
        self._result.story.append(f"     {redact(curl_line(operation, shot, gun.base_url))}")
        return Exchange(operation=operation, shot=shot, answer=answer)

    def _followed(self, link: Link) -> None:
        self._result.followed[link.id] = self._result.followed.get(link.id, 0) + 1

    def _note(self, words: str, said: Exchange, wrong: list[str]) -> None:
        self._fuzzer.note(self._result, replace(said, shot=replace(said.shot, name=words)), wrong)


def run_walk(fuzzer: Fuzzer, ground: Ground, walk: Walk) -> CellResult:
    """Whatever happens is in the result, as `Fuzzer.run` has it."""
    return fuzzer.measured(walk.id, lambda result: Walker(fuzzer, ground, walk, result).run())
