"""The instances of a service that runs more than once, by name: `inventory#1`, `inventory#2`.

    inventory (replicas: 2)      inventory#1   inventory#2                  services of their own
    orders->inventory            orders->inventory#1   orders->inventory#2  links: edges of their own, a proxy on each

A name without a number stands for all of its instances. A service that runs once is its own only instance, so whoever
works with instances and links has no second case to think of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

MARK = "#"
"""Neither it nor `_`, which stands for it in file names, can be in a service's own name."""

Anything = TypeVar("Anything")


def instance_names(name: str, replicas: int) -> tuple[str, ...]:
    """How the instances of a service are called, from 1."""
    return (name,) if replicas == 1 else tuple(f"{name}{MARK}{number}" for number in range(1, replicas + 1))


def service_of(name: str) -> str:
    """The service that an instance belongs to, as the topology declares it: `inventory` for `inventory#2`."""
    return name.partition(MARK)[0]


def edge_of(name: str) -> str:
    """The edge that a link belongs to: `orders->inventory` for `orders->inventory#2`."""
    return "->".join(service_of(end) for end in name.split("->"))


def slug(name: str) -> str:
    """An instance's name as a part of the names of folders, files and containers."""
    return name.replace(MARK, "_")


def choose(name: str, known: Mapping[str, Anything]) -> dict[str, Anything]:
    """What a name of a service or an edge, whole or with numbers, stands for, out of all instances or links."""
    return {each: value for each, value in known.items() if _covers(name, each)}


def names_of(known: Iterable[str]) -> tuple[str, ...]:
    """Every name that may stand for some of these instances or links, each once, the wider ones first."""
    given = tuple(known)
    wide = [edge_of(name) for name in given]
    half = [
        "->".join(ends)
        for name in given
        if "->" in name
        for a, b in [name.split("->")]
        for ends in ((service_of(a), b), (a, service_of(b)))
    ]
    return tuple(dict.fromkeys([*wide, *half, *given]))


def _covers(name: str, each: str) -> bool:
    ours, its = name.split("->"), each.split("->")
    return len(ours) == len(its) and all(a in (b, service_of(b)) for a, b in zip(ours, its, strict=True))
