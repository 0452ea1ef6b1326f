"""Reads `method`: the faults of an experiment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, cast

from windtunnel.document import Fields, Value, unknown
from windtunnel.request_match import COUNTS, RequestMatch, read_match
from windtunnel.spec.model import FaultStep, Phases
from windtunnel.spec.shape import FaultShape, Unit
from windtunnel.spec.surroundings import Surroundings
from windtunnel.units import (
    parse_count,
    parse_data_rate,
    parse_duration,
    parse_share,
    parse_size,
    parse_status,
    show_duration,
)

_COMMON = ("name", "at", "for")


def read_method(value: Value, around: Surroundings, phases: Phases) -> tuple[FaultStep, ...]:
    """At least one step; an experiment that breaks nothing proves nothing."""
    steps: list[FaultStep] = []
    for item in value.sequence(minimum=1):
        step = read_step(item, around)
        _check_times(step, item, phases)
        if any(step.name == other.name for other in steps):
            raise item.refusal(f"duplicate step name {step.name!r}; give each step a name of its own")
        steps.append(step)
    return tuple(steps)


def read_step(item: Value, around: Surroundings) -> FaultStep:
    """One fault with its place and attributes. Whether its times fit into a phase is for who knows the phases."""
    entries = item.mapping()
    for key in ("type", "fault"):
        if key not in entries:
            raise item.refusal(f"missing key {key!r}; a step is {{type: fault, fault: latency, edge: a->b, ...}}")
    entries["type"].value.choice("type of step", ("fault",))
    fault = entries["fault"].value.choice("fault", around.faults)
    shape = around.faults[fault]
    _check_place(item, fault, shape)
    place = ("service",) if shape.on == "service" else ("edge", "edges") if shape.several else ("edge",)
    toxic = ("stream", "toxicity") if shape.on == "edge" and shape.toxic else ()
    fields = item.fields(
        required=("type", "fault", *sorted(shape.required)),
        optional=(*place, *_COMMON, *toxic, *shape.params, *(("match",) if shape.match else ())),
    )
    edges, service = _edges(item, fields, around), fields.read("service", lambda v: _service(v, around), None)
    return FaultStep(
        name=fields.read("name", Value.text, f"{fault} {service or ', '.join(edges)}"),
        fault=fault,
        edges=edges,
        service=service,
        params=_params(fields, shape),
        match=fields.read("match", _match, None),
        stream=fields.read("stream", lambda v: _stream(v, shape), None),
        toxicity=fields.read("toxicity", _toxicity, 1.0),
        at=fields.read("at", lambda v: v.parse(parse_duration), 0.0),
        duration=fields.read("for", _lasting, None),
        line=item.line,
    )


def _check_place(item: Value, fault: str, shape: FaultShape) -> None:
    """Say what the fault is put on before any key of another place is called unknown."""
    wanted = "service: NAME" if shape.on == "service" else "edge: a->b"
    for key in ("edge", "edges") if shape.on == "service" else ("service",):
        if key in item.entries:
            place = item.entries[key].place
            raise place.refusal(f"the fault {fault!r} is put on {_article(shape.on)}; write {wanted}")
    if "edges" in item.entries and not shape.several:
        raise item.entries["edges"].place.refusal(
            f"{fault!r} takes one edge; write edge: a->b, and a step for each edge"
        )
    given = [key for key in ("edge", "edges", "service") if key in item.entries]
    if len(given) != 1:
        problem = "both edge and edges are given" if given else f"{fault!r} is put nowhere"
        raise item.refusal(f"{problem}; write {wanted}{' or edges: [a->b, ...]' if shape.several else ''}")


def _article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def _edges(item: Value, fields: Fields, around: Surroundings) -> tuple[str, ...]:
    one, several = fields.get("edge"), fields.get("edges")
    values = (one,) if one else several.sequence(minimum=1) if several else ()
    for position, value in enumerate(values):
        if value.text() not in around.edges:
            raise value.refusal(unknown("edge", value.text(), around.edges))
        if value.written in (other.written for other in values[:position]):
            raise value.refusal(f"duplicate edge {value.written!r}; name each edge once")
    return tuple(value.text() for value in values)


def _service(value: Value, around: Surroundings) -> str:
    return value.choice("service", around.services)


def _stream(value: Value, shape: FaultShape) -> Literal["upstream", "downstream"]:
    return cast('Literal["upstream", "downstream"]', value.choice("stream", shape.streams))


def _match(value: Value) -> RequestMatch:
    value.fields(optional=("method", "path", "headers", "scope", *COUNTS))
    try:
        return read_match(value.plain())
    except ValueError as error:
        raise value.refusal(str(error)) from None


def _toxicity(value: Value) -> float:
    toxicity = value.decimal()
    if not 0 <= toxicity <= 1:
        raise value.refusal(f"toxicity is a share from 0 to 1, found {value.written}")
    return toxicity


def _lasting(value: Value) -> float:
    seconds = value.parse(parse_duration)
    if seconds == 0:
        raise value.refusal(f"{value.written!r} is no time at all; leave 'for' out to last to the end")
    return seconds


def _params(fields: Fields, shape: FaultShape) -> Mapping[str, float | int | str]:
    given = {name: fields.get(name) for name in shape.params}
    return {name: _param(value, name, shape) for name, value in given.items() if value is not None}


def _param(value: Value, name: str, shape: FaultShape) -> float | int | str:
    unit = shape.params[name]
    if unit == "word":
        return value.choice(name, shape.words[name])
    return value.scalar() if unit == "text" else value.parse(_UNITS[unit])


def _whole(parser: Callable[[str], float], scale: float, unit: str) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = round(parser(text) * scale, 6)
        if not value.is_integer():
            raise ValueError(f"{text!r} is not a whole number of {unit}, the finest this fault can do")
        return int(value)

    return parse


_UNITS: Mapping[Unit, Callable[[str], float | int]] = {
    "ms": _whole(parse_duration, 1e3, "milliseconds"),
    "us": _whole(parse_duration, 1e6, "microseconds"),
    "s": parse_duration,
    "bytes": parse_size,
    "kbps": _whole(parse_data_rate, 1e-3, "KB/s"),
    "count": parse_count,
    "share": parse_share,
    "whole_s": _whole(parse_duration, 1, "seconds"),
    "status": parse_status,
}


def _check_times(step: FaultStep, item: Value, phases: Phases) -> None:
    end = step.at + (step.duration or 0.0)
    if step.at >= phases.fault or end > phases.fault:
        when = "begins" if step.at >= phases.fault else "ends"
        after, phase = show_duration(step.at if when == "begins" else end), show_duration(phases.fault)
        raise item.refusal(f"step {step.name!r} {when} after {after}, but the fault phase lasts {phase}; lengthen it")
