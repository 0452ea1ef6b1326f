"""Reads `fuzz.yaml`: what a system's owner says about fuzzing it. A mistake is one line with file and line number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from os.path import normpath
from pathlib import Path

from windtunnel.document import Value, unknown
from windtunnel.errors import SpecError
from windtunnel.strict_yaml import load_yaml
from windtunnel.units import parse_duration

FORMAT = "windtunnel/v1"
_OPTIONAL = ("visitor", "found", "answer_within", "slow", "profiles", "leave_out", "walk")
_COUNTS = ("valid", "invalid", "boundaries", "valid_under_fault", "invalid_under_fault", "walks", "walk_steps")


@dataclass(frozen=True, kw_only=True)
class Profile:
    """How many requests of each kind. What cannot vary so often is sent less often."""

    valid: int = 6
    """Generated requests that the document allows, in a healthy cell."""
    invalid: int = 8
    """Generated requests that it does not allow, in a healthy cell."""
    boundaries: int = 40
    """Boundary values of every field, in a healthy cell; at most so many, chosen by the seed."""
    valid_under_fault: int = 1
    """Beside the simplest one. Few, so that a breaker seldom opens: each that does costs the time until it closes."""
    invalid_under_fault: int = 1
    walks: int = 4
    """How many, where the plan says what they may call."""
    walk_steps: int = 10
    """Steps of each, before everything is lifted."""


BUILT_IN: Mapping[str, Profile] = {
    "ci": Profile(),
    "nightly": Profile(
        valid=60,
        invalid=100,
        boundaries=1000,
        valid_under_fault=8,
        invalid_under_fault=8,
        walks=20,
        walk_steps=30,
    ),
}
"""A plan may change single numbers of these, and add profiles, which begin as `ci`."""


@dataclass(frozen=True, kw_only=True)
class WalkPlan:
    """What walks do: see `windtunnel.fuzz.walk`."""

    calls: tuple[str, ...]
    """Operations (`orders: POST /orders`) that may be called in any order without breaking an invariant."""
    invariants: tuple[str, ...] = ()
    """Functions of the topology's `invariants:` that must hold when a walk is over."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One `fuzz.yaml`."""

    path: Path
    edges: Path
    """The table of the edges that each operation uses; made by `windtunnel fuzz --discover`."""
    visitor: Path | None = None
    """A Python file that knows how to get past the door: `set_up`, `complete`, `bad_credentials`."""
    found: Path | None = None
    """A folder of cases that were found once, replayed in every run."""
    answer_within: float = 4.0
    """Seconds that any answer may take, whatever is broken."""
    slow: float = 0.4
    """Seconds that the fault `slow` adds to everything on an edge."""
    leave_out: Mapping[str, str] = field(default_factory=dict)
    """Operations (`orders: GET /metrics`) that are not fuzzed, each with its reason."""
    profiles: Mapping[str, Profile] = field(default_factory=lambda: BUILT_IN)
    walk: WalkPlan | None = None

    def profile(self, name: str) -> Profile:
        """Raises `SpecError` that lists the known ones."""
        if name not in self.profiles:
            raise SpecError(unknown("profile", name, self.profiles), path=self.path)
        return self.profiles[name]


def read_plan(path: Path) -> Plan:
    """The plan; paths in it start from its own folder. Raises `SpecError` with file and line."""
    document, _ = load_yaml(path, SpecError)
    fields = document.fields(required=("fuzz", "edges"), optional=_OPTIONAL)
    fields["fuzz"].choice("format", (FORMAT,))
    folder = path.parent
    return Plan(
        path=path,
        # It need not be there yet: discovering makes it.
        edges=Path(normpath(folder / fields["edges"].text())),
        visitor=fields.read("visitor", lambda value: _file(value, folder), None),
        found=fields.read("found", lambda value: _folder(value, folder), None),
        answer_within=fields.read("answer_within", _seconds, 4.0),
        slow=fields.read("slow", _seconds, 0.4),
        leave_out=fields.read("leave_out", _reasons, {}),
        profiles=fields.read("profiles", _profiles, BUILT_IN),
        walk=fields.read("walk", _walk, None),
    )


def _walk(value: Value) -> WalkPlan:
    fields = value.fields(required=("calls",), optional=("invariants",))
    fields["calls"].sequence(minimum=1)
    return WalkPlan(calls=fields["calls"].texts(), invariants=fields.read("invariants", Value.texts, ()))


def _file(value: Value, folder: Path) -> Path:
    path = Path(normpath(folder / value.text()))
    if not path.is_file():
        raise value.refusal(f"there is no file {path}; paths start from the folder of this file")
    return path


def _folder(value: Value, folder: Path) -> Path:
    path = Path(normpath(folder / value.text()))
    if not path.is_dir():
        raise value.refusal(f"there is no folder {path}; paths start from the folder of this file")
    return path


def _seconds(value: Value) -> float:
    seconds = value.parse(parse_duration)
    if seconds <= 0:
        raise value.refusal("expected a duration above 0, such as 4s")
    return seconds


def _reasons(value: Value) -> Mapping[str, str]:
    return {name: entry.value.text() for name, entry in value.mapping().items()}


def _profiles(value: Value) -> Mapping[str, Profile]:
    found = dict(BUILT_IN)
    for name, entry in value.mapping().items():
        counts = entry.value.fields(optional=_COUNTS)
        base = BUILT_IN.get(name, Profile())
        given = {count: counts.read(count, lambda v: v.integer(minimum=0), getattr(base, count)) for count in _COUNTS}
        found[name] = Profile(**given)
    return found
