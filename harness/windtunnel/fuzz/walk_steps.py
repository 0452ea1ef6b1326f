"""Draws walks: sequences of calls, replays, links and faults that come and go. The same for the same seed.

Nothing is sent here. A step says what is to be done; what it means (which link the answer had) shows when it is done.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from hypothesis import given, seed
from hypothesis import strategies as st

from windtunnel.fuzz.edge_table import EdgeTable
from windtunnel.fuzz.faults import FAULTS
from windtunnel.fuzz.generate import steady_settings
from windtunnel.fuzz.links import Links
from windtunnel.fuzz.operations import Operation

MOST_AT_ONCE = 2
"""Faults, each on an edge of its own."""

Do = Literal["call", "replay", "follow", "fault", "lift"]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that is done."""

    do: Do
    operation: str = ""
    """Of a call."""
    call: int = -1
    """Of a call: its number, which stays its own when others are taken out. Of a replay or link: which call's."""
    link: int = 0
    """Which of the answer's links; counted round."""
    edge: str = ""
    fault: str = ""

    @property
    def words(self) -> str:
        """`fault orders->payments black-holed`, `replay call 2`."""
        if self.do == "call":
            return f"call {self.call}: {self.operation}"
        if self.do in ("replay", "follow"):
            return f"replay call {self.call}" if self.do == "replay" else f"follow a link of call {self.call}"
        return f"{self.do} {self.edge} {self.fault}".rstrip()


@dataclass(frozen=True, kw_only=True)
class Walk:
    """One sequence. At its end everything is lifted, whether it says so or not."""

    number: int
    steps: tuple[Step, ...]

    @property
    def id(self) -> str:
        return f"walk {self.number}"

    @property
    def calls(self) -> Iterator[Step]:
        return (step for step in self.steps if step.do == "call")


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What walks may do on one system."""

    operations: tuple[Operation, ...]
    table: EdgeTable
    links: Links

    @property
    def edges(self) -> Mapping[str, tuple[str, ...]]:
        """By edge: the operations that use it."""
        users: dict[str, tuple[str, ...]] = {}
        for operation in self.operations:
            for edge in self.table.of(operation):
                users[edge] = (*users.get(edge, ()), operation.name)
        return users

    def replayable(self, name: str) -> bool:
        """Whether the document says that the same request may be sent again, or gives it a key for that."""
        operation = next(each for each in self.operations if each.name == name)
        return "idempotency-key" in operation.headers or any(link.replay for link in self.links.of(operation))

    def linked(self, name: str) -> bool:
        return any(link.source.name == name for link in self.links.all)


def draw_walks(ground: Ground, count: int, steps: int, number: int) -> tuple[Walk, ...]:
    """`number` is the seed. No walks where no operation uses an edge: there would be nothing to break."""
    found: list[tuple[Step, ...]] = []
    if count <= 0 or steps <= 0 or not ground.edges:
        return ()

    @seed(number)
    @steady_settings(max_examples=count + 1)
    @given(drawn=_steps(ground, steps))
    def collect(drawn: tuple[Step, ...]) -> None:
        found.append(drawn)

    collect()
    # Hypothesis begins with the simplest example there is, whatever the seed.
    return tuple(Walk(number=i, steps=drawn) for i, drawn in enumerate(found[1 : count + 1], 1))


@st.composite
def _steps(draw: Any, ground: Ground, count: int) -> tuple[Step, ...]:
    """Begins with a fault that is counted where it is met, and a call that meets it."""
    path = _Path(draw, ground)
    path.fault(countable=True)
    while len(path.steps) < count:
        path.some_step()
    return tuple(path.steps)


class _Path:
    """A walk while it is drawn: what is on, and what was called."""

    def __init__(self, draw: Any, ground: Ground) -> None:
        self._draw, self._ground, self._users = draw, ground, ground.edges
        self.steps: list[Step] = []
        self._on: dict[str, str] = {}
        self._called: list[str] = []

    def some_step(self) -> None:
        """Weighted, so that most of a walk happens while something is broken."""
        free = len(self._users) > len(self._on) and len(self._on) < MOST_AT_ONCE
        choices = [self.call] * (3 if self._on else 1)
        choices += [self.replay] * (2 if any(map(self._ground.replayable, self._called)) else 0)
        choices += [self.follow] * (1 if any(map(self._ground.linked, self._called)) else 0)
        choices += [self.lift] * (2 if self._on else 0)
        choices += [self.fault] * (0 if not free else 1 if self._on else 3)
        self._any(choices)()

    def call(self) -> None:
        """Of what uses a broken edge, while there is one."""
        users = [name for edge in self._on for name in self._users[edge]]
        self._call(self._any(users or [operation.name for operation in self._ground.operations]))

    def replay(self) -> None:
        self.steps.append(Step(do="replay", call=self._earlier(self._ground.replayable)))

    def follow(self) -> None:
        which = self._draw(st.integers(0, 5))
        self.steps.append(Step(do="follow", call=self._earlier(self._ground.linked), link=which))

    def fault(self, countable: bool = False) -> None:
        """And a call that uses the edge, or the fault would be for nobody."""
        edge = self._any([edge for edge in self._users if edge not in self._on])
        word = self._any([fault.word for fault in FAULTS.values() if fault.countable or not countable])
        self._on[edge] = word
        self.steps.append(Step(do="fault", edge=edge, fault=word))
        self._call(self._any(list(self._users[edge])))

    def lift(self) -> None:
        edge = self._any(list(self._on))
        self.steps.append(Step(do="lift", edge=edge, fault=self._on.pop(edge)))

    def _call(self, operation: str) -> None:
        self.steps.append(Step(do="call", operation=operation, call=len(self._called) + 1))
        self._called.append(operation)

    def _earlier(self, wanted: Any) -> int:
        return int(self._any([number for number, name in enumerate(self._called, 1) if wanted(name)]))

    def _any(self, choices: Any) -> Any:
        return self._draw(st.sampled_from(choices))
