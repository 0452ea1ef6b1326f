"""What is typed after `windtunnel fault`: on what, which fault, its attributes, for how long.

    'orders->payments' latency=800ms jitter=50ms for 30s
    'orders->payments' http_status status=503 match.path=/charges for 1m
    'orders->payments' 'orders->users' partition
    payments kill

The words become a step of an experiment and are read as one: the same attributes, units and checks. `latency=800ms` in
the fault's place gives the fault and its first attribute at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from windtunnel.document import Entry, Kind, Place, Value, unknown
from windtunnel.errors import BadInputError
from windtunnel.request_match import COUNTS
from windtunnel.spec.model import FaultStep
from windtunnel.spec.shape import FaultShape, Unit
from windtunnel.spec.steps import read_step
from windtunnel.spec.surroundings import Surroundings

ARROW, MATCH, HEADER, FOR = "->", "match.", "headers.", "for"
EXAMPLES: Mapping[Unit, str] = {
    "ms": "300ms",
    "us": "500us",
    "s": "5s",
    "bytes": "2KB",
    "kbps": "100KB/s",
    "count": "3",
    "share": "10%",
    "whole_s": "5s",
    "status": "503",
    "text": "TEXT",
}
"""How a value of each unit may look; a `word` has its own."""

_NUMBER = re.compile(r"[-+]?[0-9]{1,18}(\.[0-9]{1,18})?")
_TYPED = Place(path=Path(), line=0, error=BadInputError)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One fault that somebody asked for."""

    step: FaultStep
    words: str
    """As typed, without the duration."""


def read_words(words: Sequence[str], around: Surroundings) -> Asked:
    """The step that these words stand for. Raises `BadInputError` with one line on what is wrong and would be right."""
    targets, rest = _targets(words)
    if not rest:
        fitting = [name for name, shape in around.faults.items() if shape.on == _kind(targets[0])]
        raise BadInputError(f"what shall happen to {targets[0]}? add a fault: {', '.join(fitting)}")
    fault, _, value = rest[0].partition("=")
    if fault not in around.faults:
        raise BadInputError(unknown("fault", fault, around.faults))
    shape = around.faults[fault]
    _check_targets(targets, fault, shape, around)
    first = next(iter(shape.params), None)
    if "=" in rest[0] and first is None:
        raise BadInputError(f"{fault} takes no value; write {fault} alone")
    given = _attributes([*([f"{first}={value}"] if "=" in rest[0] else []), *rest[1:]], fault)
    _check_attributes(given, fault, shape)
    try:
        step = read_step(_as_step(targets, fault, given, shape), around)
    except BadInputError as mistake:  # it has no file and no line to name
        raise BadInputError(mistake.message) from None
    said = [word for word in (*targets, *rest) if not word.startswith(f"{FOR}=")]
    if FOR in said:
        del said[said.index(FOR) : said.index(FOR) + 2]
    return Asked(step=step, words=" ".join(said))


def lost_arrow(words: Sequence[str], file: str = "") -> str | None:
    """What to say when the shell has taken the `>` of an edge that was not quoted; None when it has not.

    `file` is what the output goes to, where that is known: the edge's other end, most likely.
    """
    lost = next((word for word in words if word.endswith("-") and "=" not in word), None)
    if lost is None:
        return None
    edge = f"{lost}>{file or 'CALLEE'}"
    wrote = f"has written to a file called {file}" if file else "may have written to a file called like the callee"
    return f"quote the edge: '{edge}'; the shell took '>' for itself, and {wrote}"


def example(name: str, shape: FaultShape) -> str:
    """How an attribute may be written: `latency=300ms`."""
    unit = shape.params[name]
    return f"{name}={'|'.join(shape.words[name]) if unit == 'word' else EXAMPLES[unit]}"


def _targets(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The first word, and further edges after it; the rest."""
    count = 1
    while count < len(words) and ARROW in words[count] and "=" not in words[count]:
        count += 1
    return list(words[:count]), list(words[count:])


def _kind(target: str) -> str:
    return "edge" if ARROW in target else "service"


def _check_targets(targets: Sequence[str], fault: str, shape: FaultShape, around: Surroundings) -> None:
    known = around.edges if shape.on == "edge" else around.services
    for target in targets:
        if target not in known and target in (*around.edges, *around.services):
            raise BadInputError(_misplaced(target, fault, shape, around))
        if target not in known:
            raise BadInputError(unknown(shape.on, target, known))
    if len(targets) > 1 and not shape.several:
        raise BadInputError(f"{fault} is put on one edge at a time; give each its own command")


def _misplaced(target: str, fault: str, shape: FaultShape, around: Surroundings) -> str:
    """An edge where a service is wanted, or the reverse: which ones could be meant."""
    if shape.on == "service":
        return f"{fault} is put on a service, not on an edge; write for instance {target.split(ARROW)[1]} {fault}"
    near = [f"'{edge}'" for edge in around.edges if target in edge.split(ARROW)]
    return f"{fault} is put on an edge, not on a service; those of {target}: {', '.join(near) or 'none'}"


def _attributes(words: Sequence[str], fault: str) -> dict[str, str]:
    """`NAME=VALUE` words, and `for DURATION`."""
    given: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if word == FOR:
            name, equals, value = FOR, "=", next(rest, "")
        if not equals:
            raise BadInputError(f"{word!r} says nothing by itself; write NAME=VALUE after {fault}, or 'for 30s'")
        if name in given:
            raise BadInputError(f"{name} is given twice")
        if not value:
            raise BadInputError(f"{name} has no value; write {'for 30s' if name == FOR else f'{name}=VALUE'}")
        given[name] = value
    return given


def _check_attributes(given: Mapping[str, str], fault: str, shape: FaultShape) -> None:
    toxic = ("stream", "toxicity") if shape.on == "edge" and shape.toxic else ()
    known = (*shape.params, *toxic, FOR)
    for name in given:
        if name.startswith(MATCH):
            if not shape.match:
                raise BadInputError(f"{fault} is not put on HTTP requests: it takes no {name}")
        elif name not in known:
            raise BadInputError(unknown("attribute", name, (*known, *((f"{MATCH}path",) if shape.match else ()))))
    if FOR in given and not shape.lasting:
        raise BadInputError(f"{fault} is over once it is done; leave 'for' out")
    for name in sorted(shape.required - set(given)):
        raise BadInputError(f"{fault} lacks {name}; write for instance {example(name, shape)}")


def _as_step(targets: Sequence[str], fault: str, given: Mapping[str, str], shape: FaultShape) -> Value:
    """As a file would have it."""
    entries = {"type": _scalar("fault"), "fault": _text(fault)}
    if shape.on == "service":
        entries["service"] = _text(targets[0])
    elif len(targets) == 1:
        entries["edge"] = _text(targets[0])
    else:
        entries["edges"] = Value(place=_TYPED, kind="list", items=tuple(map(_text, targets)))
    entries |= {name: _scalar(value) for name, value in given.items() if not name.startswith(MATCH)}
    match = {name.removeprefix(MATCH): value for name, value in given.items() if name.startswith(MATCH)}
    return _mapping(entries | ({"match": _match(match)} if match else {}))


def _match(given: Mapping[str, str]) -> Value:
    """`path=/charges`, `nth=2`, `headers.x-tenant=blue`. Only counts are numbers."""
    plain = {n: _scalar(v) if n in COUNTS else _text(v) for n, v in given.items() if not n.startswith(HEADER)}
    headers = {n.removeprefix(HEADER): _text(v) for n, v in given.items() if n.startswith(HEADER)}
    return _mapping(plain | ({"headers": _mapping(headers)} if headers else {}))


def _mapping(entries: Mapping[str, Value]) -> Value:
    return Value(
        place=_TYPED,
        kind="mapping",
        entries={name: Entry(place=_TYPED, value=value) for name, value in entries.items()},
    )


def _scalar(text: str) -> Value:
    kind: Kind = "number" if _NUMBER.fullmatch(text) else "boolean" if text in ("true", "false") else "text"
    return Value(place=_TYPED, kind=kind, written=text)


def _text(text: str) -> Value:
    return Value(place=_TYPED, kind="text", written=text)
