"""Reads an experiment file: YAML in, one `Spec` for each matrix cell out, or one clear line about what is wrong.

bytes -> document -> profile merged -> one document a cell -> Spec
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Literal, cast, get_args

from windtunnel.document import Fields, Value, unknown
from windtunnel.errors import SpecError
from windtunnel.spec.model import Load, MixEntry, Phases, Probe, Severity, Spec
from windtunnel.spec.promises import read_invariants, read_recovery, read_slo, read_weakness
from windtunnel.spec.shape import FaultShape
from windtunnel.spec.steps import read_method
from windtunnel.spec.surroundings import Surroundings, survey
from windtunnel.spec.variants import cells, profile_names, with_profile
from windtunnel.strict_yaml import load_yaml
from windtunnel.topology.model import Topology
from windtunnel.topology.reader import status
from windtunnel.units import parse_duration, parse_rate

FORMAT = "windtunnel/v1"
_REQUIRED = ("spec", "title", "load", "method")
_OPTIONAL = (
    "id", "description", "tags", "severity", "phases", "steady-state-hypothesis", "slo", "recovery", "invariants",
    "matrix", "profiles", "known_weakness", "repeat", "seed",
)  # fmt: skip
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


@dataclass(frozen=True, kw_only=True)
class _Origin:
    """Which text a spec was read from."""

    path: Path
    sha256: str


def read_specs(path: Path, topology: Topology, *, profile: str = "ci", faults: Mapping[str, FaultShape]) -> list[Spec]:
    """The file's experiments, one a matrix cell, with that profile's overrides if the file has such a profile.

    Every profile is checked, whichever is asked for. Raises `SpecError` with file and line.
    """
    document, raw = load_yaml(path, SpecError)
    fields = document.fields(required=_REQUIRED, optional=_OPTIONAL)
    fields["spec"].choice("format", (FORMAT,))
    origin = _Origin(path=path, sha256=hashlib.sha256(raw).hexdigest())
    around = survey(topology, faults)
    names = profile_names(document)
    read = {name: _read_cells(with_profile(document, name), origin, around) for name in names}
    return read[profile] if profile in read else _read_cells(document, origin, around)


def known_profiles(path: Path) -> frozenset[str]:
    """The profiles that may be asked for with this file: `ci`, which is the file as it stands, and those it defines."""
    document, _ = load_yaml(path, SpecError)
    return frozenset({"ci", *profile_names(document)})


def _read_cells(document: Value, origin: _Origin, around: Surroundings) -> list[Spec]:
    return [_spec(cell, suffix, origin, around) for suffix, cell in cells(document, around.faults)]


def _spec(document: Value, suffix: str, origin: _Origin, around: Surroundings) -> Spec:
    fields = document.fields(required=_REQUIRED, optional=_OPTIONAL)
    phases = fields.read("phases", _phases, Phases())
    load = _load(fields["load"], around)
    method = read_method(fields["method"], around, phases)
    recovery = fields.read("recovery", lambda value: read_recovery(value, load, phases), None)
    slo = fields.read("slo", lambda value: read_slo(value, load, phases, method, recovery), ())
    invariants = fields.read("invariants", lambda value: read_invariants(value, around), ())
    if not slo and recovery is None and not invariants:
        raise document.refusal("promises nothing, so nothing can fail; add slo, recovery or invariants")
    return Spec(
        id=_identity(fields, origin) + suffix,
        path=origin.path,
        sha256=origin.sha256,
        title=fields["title"].text().strip(),
        description=fields.read("description", Value.text, "").strip(),
        tags=fields.read("tags", lambda value: tuple(read_word(item, "tag") for item in value.sequence()), ()),
        severity=fields.read("severity", read_severity, "normal"),
        phases=phases,
        load=load,
        probes=fields.read("steady-state-hypothesis", lambda value: read_probes(value, around), ()),
        method=method,
        slo=slo,
        recovery=recovery,
        invariants=invariants,
        known_weakness=fields.read("known_weakness", lambda v: read_weakness(v, slo, recovery, invariants), None),
        repeat=fields.read("repeat", lambda value: value.integer(minimum=1), 1),
        seed=fields.read("seed", Value.integer, 0),
    )


def _identity(fields: Fields, origin: _Origin) -> str:
    return fields.read("id", lambda value: read_word(value, "id"), origin.path.stem)


def read_word(value: Value, what: str) -> str:
    """A name without blanks: of an id, a tag, a stage."""
    if not _WORD.fullmatch(value.text()):
        raise value.refusal(f"{value.written!r} is no name for the {what}; use letters, digits, '_', '.' and '-'")
    return value.written


def read_severity(value: Value) -> Severity:
    """How bad a FAIL would be, in Allure's words."""
    return cast(Severity, value.choice("severity", get_args(Severity)))


def _phases(value: Value) -> Phases:
    """Any phase may be 0s but the fault's own."""
    default = Phases()
    fields = value.fields(optional=("warmup", "baseline", "fault", "recovery", "recovered"))
    fault = fields.read("fault", read_positive, default.fault)

    def lasting(name: str, otherwise: float) -> float:
        return fields.read(name, lambda phase: phase.parse(parse_duration), otherwise)

    return Phases(
        warmup=lasting("warmup", default.warmup),
        baseline=lasting("baseline", default.baseline),
        fault=fault,
        recovery=lasting("recovery", default.recovery),
        recovered=lasting("recovered", default.recovered),
    )


def read_positive(value: Value) -> float:
    """A duration above zero, in seconds."""
    seconds = value.parse(parse_duration)
    if seconds == 0:
        raise value.refusal(f"{value.written!r} is no time at all; write for instance 5s")
    return seconds


def _load(value: Value, around: Surroundings) -> Load:
    fields = value.fields(required=["rate", "mix"], optional=["arrival", "timeout"])
    rate = fields["rate"].parse(parse_rate)
    if rate == 0:
        raise fields["rate"].refusal("a load without arrivals shows nothing; write for instance 50/s")
    return Load(
        rate=rate,
        mix=read_mix(fields["mix"], around),
        arrival=fields.read("arrival", read_arrival, "poisson"),
        timeout=fields.read("timeout", read_positive, 5.0),
    )


def read_arrival(value: Value) -> Literal["constant", "poisson"]:
    """How arrivals are placed in time."""
    return cast('Literal["constant", "poisson"]', value.choice("arrival", ("constant", "poisson")))


def read_mix(value: Value, around: Surroundings) -> tuple[MixEntry, ...]:
    """Scenarios of the system and their weights, each once."""
    entries: list[MixEntry] = []
    for item in value.sequence(minimum=1):
        fields = item.fields(required=["scenario"], optional=["weight"])
        scenario = fields["scenario"].choice("scenario", around.scenarios)
        if any(scenario == entry.scenario for entry in entries):
            raise item.refusal(f"duplicate scenario {scenario!r}; give it one weight")
        entries.append(MixEntry(scenario=scenario, weight=fields.read("weight", _weight, 1.0)))
    return tuple(entries)


def _weight(value: Value) -> float:
    weight = value.decimal()
    if weight <= 0:
        raise value.refusal(f"a weight is above 0, found {value.written}; leave the scenario out instead")
    return weight


def read_probes(value: Value, around: Surroundings) -> tuple[Probe, ...]:
    """The probes of a steady-state hypothesis."""
    fields = value.fields(required=["probes"], optional=["title"])
    fields.read("title", Value.text, "")
    return tuple(_probe(item, around) for item in fields["probes"].sequence(minimum=1))


def _probe(item: Value, around: Surroundings) -> Probe:
    fields = item.fields(required=["name", "provider"], optional=["type", "tolerance"])
    fields.read("type", lambda value: value.choice("type of probe", ("probe",)), "probe")
    provider = fields["provider"].fields(required=["type", "url"], optional=["timeout"])
    provider["type"].choice("type of provider", ("http",))
    return Probe(
        name=fields["name"].text(),
        url=_probe_url(provider["url"], around),
        tolerance=fields.read("tolerance", _tolerance, (200,)),
        timeout=provider.read("timeout", read_positive, 2.0),
        line=item.line,
    )


def _tolerance(value: Value) -> tuple[int, ...]:
    return tuple(status(item) for item in value.sequence(minimum=1)) if value.kind == "list" else (status(value),)


def _probe_url(value: Value, around: Surroundings) -> str:
    url = value.text()
    if not url.startswith(("${", "http://", "https://")):
        raise value.refusal(f'{url!r} is not a URL; write for instance "${{{around.services[0]}}}/health/ready"')
    for match in Template.pattern.finditer(url):
        name = match["braced"] or match["named"]
        if name is not None and name not in around.services:
            raise value.refusal(unknown("service", name, around.services))
        if match["invalid"] is not None:
            raise value.refusal(f"{url!r} has a lone $; write ${{service}}, or $$ for a plain $")
    return url
