"""One file, several experiments: the overrides of a profile, and one cell for each combination of the matrix.

Both work on the document before it is read, so that an override is checked like anything written in its place, and a
mistake is reported on the line where the override stands.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from windtunnel.document import Entry, Value, unknown
from windtunnel.spec.shape import FaultShape

_MOST_CELLS = 256
_OVERRIDABLE = ("phases", "load", "repeat")
_VARIABLE = ("phases", "load", "method", "slo", "recovery")


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One line of the matrix: where in the document its values are put."""

    label: str
    path: tuple[str, ...]
    entry: Entry


def profile_names(document: Value, overridable: Collection[str] = _OVERRIDABLE) -> tuple[str, ...]:
    """The profiles that the file defines. Their keys are checked here."""
    entry = document.entries.get("profiles")
    if entry is None:
        return ()
    for override in entry.value.mapping().values():
        override.value.fields(optional=overridable)
    return tuple(entry.value.entries)


def with_profile(document: Value, name: str) -> Value:
    """The document with that profile's overrides merged in."""
    overrides = document.entries["profiles"].value.entries[name].value
    return _merge(document, overrides)


def cells(document: Value, faults: Mapping[str, FaultShape]) -> Iterator[tuple[str, Value]]:
    """Each cell of the matrix: the end of its id (`[latency=800ms]`) and its document. One without a matrix."""
    entry = document.entries.get("matrix")
    axes = _axes(entry.value, document, faults) if entry else ()
    if not axes:
        yield "", document
        return
    choices = [axis.entry.value.items for axis in axes]
    for combination in itertools.product(*choices):
        cell, names = document, []
        for axis, chosen in zip(axes, combination, strict=True):
            cell = _put(cell, axis.path, Entry(place=axis.entry.place, value=chosen))
            names.append(f"{axis.label}={' '.join(chosen.scalar().split())}")
        yield f"[{','.join(names)}]", cell


def _axes(matrix: Value, document: Value, faults: Mapping[str, FaultShape]) -> tuple[Axis, ...]:
    total = 1
    paths: dict[str, tuple[str, ...]] = {}
    for name, entry in matrix.mapping().items():
        values = [item.scalar() for item in entry.value.sequence(minimum=1)]
        if len(set(values)) < len(values):
            raise entry.value.refusal(f"{name!r} lists a value twice; name each once")
        total *= len(values)
        if total > _MOST_CELLS:
            raise matrix.refusal(f"the matrix has more than {_MOST_CELLS} cells; shorten its lists")
        path = _path(name, entry, document, faults)
        if path in paths.values():
            raise entry.place.refusal(f"{name!r} is the same place as another line of the matrix; remove one")
        paths[name] = path
    lasts = [path[-1] for path in paths.values()]
    return tuple(
        Axis(label=path[-1] if lasts.count(path[-1]) == 1 else ".".join(path), path=path, entry=matrix.entries[name])
        for name, path in paths.items()
    )


def _path(name: str, entry: Entry, document: Value, faults: Mapping[str, FaultShape]) -> tuple[str, ...]:
    parts = tuple(name.split("."))
    if len(parts) == 1:
        return _step_parameter(name, entry, document, faults)
    if parts[0] not in _VARIABLE:
        raise entry.place.refusal(unknown("place", parts[0], _VARIABLE))
    value = document
    for position, part in enumerate(parts[:-1]):
        inner = _child(value, part)
        if inner is None:
            raise entry.place.refusal(f"there is nothing at {'.'.join(parts[: position + 1])!r}; write it out first")
        value = inner
    if value.kind not in ("mapping", "list") or (value.kind == "list" and _child(value, parts[-1]) is None):
        raise entry.place.refusal(f"there is nothing at {name!r} that could vary; write it out first")
    return parts


def _step_parameter(name: str, entry: Entry, document: Value, faults: Mapping[str, FaultShape]) -> tuple[str, ...]:
    method = document.entries.get("method")
    steps = method.value.items if method else ()
    having = [index for index, step in enumerate(steps) if name in step.entries]
    taking = [index for index, step in enumerate(steps) if name in _parameters(step, faults)]
    found = having or taking
    if not found:
        known = sorted({parameter for step in steps for parameter in (*_parameters(step, faults), *step.entries)})
        raise entry.place.refusal(unknown("step parameter", name, known))
    if len(found) > 1:
        raise entry.place.refusal(f"{len(found)} steps have {name!r}; write which: method.{found[0]}.{name}")
    return ("method", str(found[0]), name)


def _parameters(step: Value, faults: Mapping[str, FaultShape]) -> tuple[str, ...]:
    fault = step.entries.get("fault")
    shape = faults.get(fault.value.written) if fault else None
    return tuple(shape.params) if shape else ()


def _child(value: Value, part: str) -> Value | None:
    if value.kind == "list":
        return value.items[int(part)] if part.isdecimal() and int(part) < len(value.items) else None
    entry = value.entries.get(part)
    return entry.value if entry else None


def _put(value: Value, path: tuple[str, ...], new: Entry) -> Value:
    """A copy of the value with something else at the path's end."""
    head, rest = path[0], path[1:]
    if value.kind == "list":
        index = int(head)
        changed = _put(value.items[index], rest, new) if rest else new.value
        return replace(value, items=(*value.items[:index], changed, *value.items[index + 1 :]))
    if not rest:
        return replace(value, entries={**value.entries, head: new})
    entry = value.entries[head]
    return replace(value, entries={**value.entries, head: replace(entry, value=_put(entry.value, rest, new))})


def _merge(base: Value, over: Value) -> Value:
    """Mappings are merged key by key; anything else is replaced."""
    if base.kind != "mapping" or over.kind != "mapping":
        return over
    merged = dict(base.entries)
    for key, entry in over.entries.items():
        mine = merged.get(key)
        merged[key] = replace(entry, value=_merge(mine.value, entry.value)) if mine else entry
    return replace(base, entries=merged)
