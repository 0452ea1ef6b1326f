"""Makes a walk that failed shorter: what is shown should be what is needed, as far as a few more runs can tell."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from windtunnel.fuzz.cells import CellResult
from windtunnel.fuzz.walk_steps import Step, Walk

MOST_RUNS = 10
MOST_SECONDS = 60.0
_STEP = re.compile(r"(\d+)\. ")
_ANY_NUMBER = re.compile(r"[0-9a-f]{8,}|\d+(\.\d+)?")


def shrink(
    walk: Walk,
    failed: CellResult,
    run: Callable[[Walk], CellResult],
    clock: Callable[[], float] = time.monotonic,
) -> CellResult:
    """The result of the shortest walk found that breaks in one same way; its story says how short that is.

    Each try walks the standing system again. Stops when the system is no longer known to be whole.
    """
    end, runs = clock() + MOST_SECONDS, 0
    shortest, result = walk, failed
    tried: set[tuple[Step, ...]] = {walk.steps}
    while runs < MOST_RUNS and clock() < end and not _lost(result):
        candidate = next((each for each in _shorter(shortest, result) if each.steps not in tried), None)
        if candidate is None:
            break
        tried.add(candidate.steps)
        runs += 1
        again = run(candidate)
        if _lost(again):
            break
        if _kinds(again) & _kinds(failed):
            shortest, result = candidate, again
    result.story.insert(0, _told(len(walk.steps), len(shortest.steps), runs))
    result.dirty |= failed.dirty
    return result


def _shorter(walk: Walk, result: CellResult) -> Iterator[Walk]:
    """Nothing after the first wrong answer; then without each fault; then without each other step, the last first."""
    found = (_STEP.match(problem.request) for problem in result.problems)
    wrong = [int(match[1]) for match in found if match]
    if wrong and min(wrong) < len(walk.steps):
        yield replace(walk, steps=walk.steps[: min(wrong)])
    for at, step in enumerate(walk.steps):
        if step.do == "fault":
            yield replace(walk, steps=tuple(_without(walk.steps, at)))
    for at in reversed(range(len(walk.steps))):
        if walk.steps[at].do in ("call", "replay", "follow"):
            yield replace(walk, steps=(*walk.steps[:at], *walk.steps[at + 1 :]))


def _without(steps: tuple[Step, ...], fault: int) -> Iterator[Step]:
    """All but that fault, and the lift that belongs to it."""
    gone = False
    for at, step in enumerate(steps):
        if at == fault:
            gone = True
        elif gone and step.do == "lift" and step.edge == steps[fault].edge:
            gone = False
        else:
            yield step


def _lost(result: CellResult) -> bool:
    """The system is not known to be whole, so that another walk on it would tell nothing."""
    return result.dirty


def _kinds(result: CellResult) -> set[str]:
    """What broke, numbers and ids aside."""
    return {_ANY_NUMBER.sub("#", line) for problem in result.problems for line in problem.wrong}


def _told(before: int, after: int, runs: int) -> str:
    if after < before:
        return f"shrunk from {before} steps to {after}, in {runs} more runs; it may not be the shortest"
    return f"not shrunk: {runs} shorter walks did not break so" if runs else "not shrunk: the system is no longer whole"
