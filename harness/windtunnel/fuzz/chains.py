"""Sequences along the links of a document: make, then read what was made; `orders: placeOrder -> readOrder`.

    first: a valid request ─> its answer ─ link ─> next request ─> its answer ─ link ─> ...

Every answer is judged as in a cell, and must be a success. A read must find what was made, the same request again must
not make another, and what a chain deletes must be gone where an earlier answer led to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from windtunnel.errors import WindtunnelError
from windtunnel.fuzz.cells import CellResult
from windtunnel.fuzz.expressions import Exchange, NoValueError
from windtunnel.fuzz.found_again import GONE, another_one, not_found, target_of
from windtunnel.fuzz.fuzzer import Fuzzer
from windtunnel.fuzz.generate import seed_of
from windtunnel.fuzz.links import GOOD, SAFE, Link, Links, linked_shot
from windtunnel.fuzz.operations import Operation
from windtunnel.fuzz.plan import Plan
from windtunnel.fuzz.shots import Gun, Shot

LONGEST = 4
"""Links of one chain."""


class NotFollowedError(WindtunnelError):
    """The answer that came does not have the link, so the chain could not go on: nothing was learnt."""


@dataclass(frozen=True, kw_only=True)
class Chain:
    """A first operation, and the links that are followed from answer to answer."""

    first: Operation
    names: tuple[str, ...]
    """Of the links; which of the document's it is depends on the status that comes: 201 and 202 may both have it."""
    targets: tuple[Operation, ...]

    @property
    def id(self) -> str:
        """The first operation's id, then the links' names: `payments: charge -> refundIt -> again`."""
        return f"{self.first.service}: {' -> '.join([self.first.id, *self.names])}"

    @property
    def operations(self) -> tuple[Operation, ...]:
        return (self.first, *self.targets)


def chains_of(links: Links, operations: Iterable[Operation], plan: Plan) -> tuple[Chain, ...]:
    """From each operation that no other leads to, every way along its links; each link is taken once in a chain.

    A cycle begins at its first operation in the document. Operations that are left out are in no chain.
    """
    used = [operation for operation in operations if operation.name not in plan.leave_out]
    good = [link for link in links.all if link.good and {link.source, link.target} <= set(used)]
    entered = {link.target.name for link in good if link.target != link.source}
    found: list[Chain] = []
    for roots in ([o for o in used if o.name not in entered], used):  # what is left then is a cycle
        for operation in roots:
            covered = {each.name for chain in found for each in chain.operations}
            if operation.name not in covered:
                found += (_chain(operation, way) for way in _ways(operation, good) if way)
    return tuple(found)


def run_chain(fuzzer: Fuzzer, chain: Chain) -> CellResult:
    """Whatever happens is in the result, as `Fuzzer.run` has it."""

    def run(gun: Gun, result: CellResult) -> None:
        number = seed_of(fuzzer.seed, chain.id)
        made = {each.name: fuzzer.valid(each, gun, 1, "chain", number)[0] for each in chain.operations}
        fuzzer.stack.until_quiet(fuzzer.patience)
        said = _send(fuzzer, chain.first, gun, made[chain.first.name], result)
        story = [said]
        for name in chain.names:
            if said.answer.status not in GOOD:
                break  # which is a failure already
            link = _link(fuzzer, said, name)
            said = _follow(fuzzer, link, said, gun, made, result)
            story.append(said)
        if not result.problems:
            _gone(fuzzer, story, gun, result)
            result.proof = f"followed: {', '.join(result.followed)}"
        fuzzer.stack.until_quiet(fuzzer.patience)

    return fuzzer.noted(chain.id, chain.first, run)


def _link(fuzzer: Fuzzer, said: Exchange, name: str) -> Link:
    for link in fuzzer.links.after(said.operation, said.answer.status):
        if link.name == name:
            return link
    raise NotFollowedError(
        f"{said.operation.name} answered {said.answer.status}, and the document has no link {name} for that"
    )


def _follow(  # noqa: PLR0917 - a link, where it comes from and where it goes
    fuzzer: Fuzzer, link: Link, said: Exchange, gun: Gun, made: dict[str, Shot], result: CellResult
) -> Exchange:
    try:
        shot = linked_shot(link, said, made[link.target.name].case, gun)
    except NoValueError as missing:
        fuzzer.note(result, said, [f"{link.id} cannot be followed: {missing}"])
        return said
    after = _send(fuzzer, link.target, gun, shot, result)
    result.followed[link.id] = result.followed.get(link.id, 0) + 1
    wrong = list(not_found(link, said, after))
    if link.replay:
        wrong += another_one(fuzzer.links, said, after)
    fuzzer.note(result, after, wrong)
    return after


def _gone(fuzzer: Fuzzer, story: list[Exchange], gun: Gun, result: CellResult) -> None:
    """What was deleted is asked for again, by the links of the answers before that led to it."""
    for at, deleted in enumerate(story):
        if deleted.operation.method != "DELETE":
            continue
        path = str(deleted.shot.prepared.path_url).partition("?")[0]
        for before in story[:at]:
            for link in fuzzer.links.after(before.operation, before.answer.status):
                if link.target.method in SAFE and target_of(link, before) == path:
                    shot = linked_shot(link, before, fuzzer.valid(link.target, gun, 1, "chain")[0].case, gun)
                    _send(fuzzer, link.target, gun, replace(shot, name=f"{link.name}, deleted", statuses=GONE), result)


def _send(fuzzer: Fuzzer, operation: Operation, gun: Gun, shot: Shot, result: CellResult) -> Exchange:
    asked = shot if shot.statuses else replace(shot, expects="success")
    (answer,) = fuzzer.shoot(operation, gun, [asked], result)
    return Exchange(operation=operation, shot=asked, answer=answer)


def _chain(first: Operation, way: tuple[Link, ...]) -> Chain:
    return Chain(first=first, names=tuple(link.name for link in way), targets=tuple(link.target for link in way))


def _ways(operation: Operation, links: list[Link], taken: tuple[Link, ...] = ()) -> Iterator[tuple[Link, ...]]:
    """Longest ways alone: what a longer one begins with needs no chain of its own."""
    names = {(link.source.name, link.name) for link in taken}
    next_ones: dict[str, Link] = {}
    for link in links:
        if link.source == operation and (link.source.name, link.name) not in names:
            next_ones.setdefault(link.name, link)
    if not next_ones or len(taken) == LONGEST:
        yield taken
        return
    for link in next_ones.values():
        yield from _ways(link.target, links, (*taken, link))
