"""What links promise beyond a documented answer: what was made is found, and made once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from windtunnel.fuzz.expressions import Exchange, NoValueError, at_pointer, evaluate
from windtunnel.fuzz.links import GOOD, SAFE, Link, Links

GONE = frozenset({404, 410})


def not_found(link: Link, before: Exchange, after: Exchange) -> Iterator[str]:
    """A read that a success leads to must find something, and that very thing; none of that for other links."""
    if not link.good or before.answer.status not in GOOD or link.target.method not in SAFE:
        return
    if after.answer.status in GONE:
        yield f"{link.id}: answered {after.answer.status}, though {before.answer.status} said that it is there"
    for pointer in link.identities():
        member = "/" + pointer.rpartition("/")[2]
        told, found = _at(before, pointer), _at(after, member)
        if after.answer.status in GOOD and None not in (told, found) and told != found:
            yield f"{link.id}: {member[1:]} {told!r} was asked for, and {found!r} was answered"


def another_one(links: Links, first: Exchange, again: Exchange) -> Iterator[str]:
    """The same request once more, with the same key, must not make another thing. Its links tell what identifies it."""
    if first.answer.status not in GOOD or again.answer.status not in GOOD:
        return
    for pointer in dict.fromkeys(
        p for link in links.after(first.operation, first.answer.status) for p in link.identities()
    ):
        told, found = _at(first, pointer), _at(again, pointer)
        if None not in (told, found) and told != found:
            yield f"the same request again made another one: {pointer[1:]} was {told!r} and is {found!r}"


def target_of(link: Link, exchange: Exchange) -> str:
    """The path that the link leads to, so that two links can be compared. Empty when it cannot be filled."""
    path = link.target.path
    try:
        for written, expression in link.parameters.items():
            name = written.removeprefix("path.")
            path = path.replace(f"{{{name}}}", str(evaluate(expression, exchange)))
    except NoValueError:
        return ""
    return path


def _at(exchange: Exchange, pointer: str) -> Any:
    try:
        return at_pointer(exchange.answer.response.json(), pointer) if exchange.answer.response is not None else None
    except (LookupError, ValueError):
        return None
