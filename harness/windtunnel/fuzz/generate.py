"""Requests made by Schemathesis: the same for the same seed, in whatever process, whatever ran before."""

from __future__ import annotations

from functools import cache
from random import Random
from typing import Any, Literal
from zlib import crc32

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import HypothesisException
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider
from schemathesis import Case, GenerationMode
from schemathesis.generation.feedback import NO_FEEDBACK

from windtunnel.fuzz.operations import Operation

Kind = Literal["valid", "invalid"]
_MODES = {"valid": GenerationMode.POSITIVE, "invalid": GenerationMode.NEGATIVE}
BACKEND = "windtunnel-steady"


class Steady(HypothesisProvider):
    """Draws from the seed alone.

    Hypothesis also draws constants that it finds in the source of whatever modules are loaded, so that the same seed
    gave other requests when one more test file was imported.
    """

    def _maybe_draw_constant(self, *arguments: Any, **settings: Any) -> None:
        return None


def seed_of(seed: int, name: str) -> int:
    """Each cell's own: the same in every run with the same `--wt-seed`, whichever worker runs it."""
    return crc32(f"{seed}/{name}".encode())


@cache
def _register() -> None:
    AVAILABLE_PROVIDERS[BACKEND] = f"{__name__}.{Steady.__name__}"


def steady_settings(**more: Any) -> settings:
    """Hypothesis without memory, clock or shrinking: what is sent is what the seed says."""
    _register()
    return settings(
        backend=BACKEND,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        **more,
    )


def draw(operation: Operation, kind: Kind, count: int, number: int) -> list[Case[Any]]:
    """At most `count` different requests, the simplest first; none when there are none of that kind.

    `number` is the seed.
    """
    if count <= 0:
        return []
    found: list[Case[Any]] = []
    strategy = operation.source.as_strategy(generation_mode=_MODES[kind], feedback=NO_FEEDBACK)

    @seed(number)
    @steady_settings(max_examples=count)
    @given(case=strategy)
    def collect(case: Case[Any]) -> None:
        found.append(case)

    try:
        collect()
    except HypothesisException:  # nothing can be wrong with a request that has no parameters
        return []
    return _named(found[:count], kind)


def boundaries(operation: Operation, most: int, number: int) -> list[Case[Any]]:
    """Boundary values of every field, right and wrong; when there are more than `most`, that many of them by chance."""
    schema = operation.source.schema
    config = schema.config.generation_for(operation=operation.source, phase="coverage")
    modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
    cases = list(schema.iter_coverage_cases(operation.source, generation_modes=modes, generation_config=config))
    if len(cases) > most:
        chosen = sorted(Random(number).sample(range(len(cases)), most))
        cases = [cases[i] for i in chosen]
    return _named(cases, "boundary")


def _named(cases: list[Case[Any]], kind: str) -> list[Case[Any]]:
    """Schemathesis gives every case an id by chance, and sends it."""
    for i, case in enumerate(cases, 1):
        case.id = f"{kind}-{i}"
    return cases
