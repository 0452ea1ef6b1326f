"""What a rule is: a name, how much it matters, and a function that says where it is broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from windtunnel.contracts.document import Answer, Operation
from windtunnel.contracts.shape import Shape

Severity = Literal["break", "warn"]
"""`break`: a consumer that was right before is wrong now. `warn`: one that was careless is."""
Pair = TypeVar("Pair")


@dataclass(frozen=True)
class Rule(Generic[Pair]):
    """One line of the table."""

    name: str
    severity: Severity
    broken: Callable[[Pair], Iterator[str]]
    """What has changed, once for each place; nothing when the rule holds."""
    right: str
    """What would be right instead."""


@dataclass(frozen=True)
class Operations:
    """One operation in the old and in the new document; None: it is not there."""

    old: Operation
    new: Operation | None


@dataclass(frozen=True)
class Answers:
    """One status that both documents have."""

    old: Answer
    new: Answer


@dataclass(frozen=True)
class Shapes:
    """One place in a body, a parameter or a header, as it was and as it is."""

    old: Shape
    new: Shape
