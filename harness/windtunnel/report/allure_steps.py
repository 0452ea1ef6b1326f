"""Allure steps of what happened earlier: with the times at which it happened, not those at which it is told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import allure
from allure_commons import plugin_manager


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step; times in seconds."""

    name: str
    start: float
    stop: float
    status: str = "passed"
    """`passed`, `failed` or `broken`; of a step with steps in it, theirs count as well."""
    inner: tuple[Step, ...] = ()

    def at(self, offset: float) -> Step:
        """The same on another clock."""
        inner = tuple(step.at(offset) for step in self.inner)
        return replace(self, start=self.start + offset, stop=self.stop + offset, inner=inner)

    @property
    def worst(self) -> str:
        found = {self.status, *(step.worst for step in self.inner)}
        return next(status for status in ("failed", "broken", "passed") if status in found)


def write_steps(steps: list[Step]) -> None:
    """Add them to the running test; does nothing where no Allure results are written."""
    reporter = next((p.allure_logger for p in plugin_manager.get_plugins() if hasattr(p, "allure_logger")), None)
    if reporter is not None:
        for step in steps:
            _write(step, reporter)


def _write(step: Step, reporter: Any) -> None:
    context: Any = allure.step(step.name)
    with context:
        # The step is made with the time of now and the outcome of this block; both are put right below.
        written = reporter.get_item(context.uuid)
        for inner in step.inner:
            _write(inner, reporter)
    written.start, written.stop, written.status = round(1000 * step.start), round(1000 * step.stop), step.worst
