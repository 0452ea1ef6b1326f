"""Reads a load profile: YAML in, one `Profile` out, or one clear line about what is wrong.

A stage's rate is a share of the profile's `rate` (`50%`) or a rate of its own (`20/s`), so that a machine that holds
more needs one number changed. `search` writes the rising stages of a search for the capacity.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, cast

from windtunnel.document import Value, unknown
from windtunnel.errors import ProfileError
from windtunnel.profiles.model import Aftermath, Faults, Objective, Profile, Stage, Target, Tolerance
from windtunnel.profiles.slos import SloFile, read_slos
from windtunnel.profiles.stages import check_decidable, read_search, read_stages
from windtunnel.spec.model import STRETCH_SAMPLES, STRETCH_SECONDS, Load, Phases
from windtunnel.spec.promises import read_expectations, read_invariants
from windtunnel.spec.reader import read_arrival, read_mix, read_positive, read_probes, read_severity, read_word
from windtunnel.spec.shape import FaultShape
from windtunnel.spec.steps import read_method
from windtunnel.spec.surroundings import Surroundings, survey
from windtunnel.spec.variants import profile_names, with_profile
from windtunnel.strict_yaml import load_yaml
from windtunnel.topology.model import Topology
from windtunnel.units import parse_duration, parse_rate, parse_share

FORMAT: Final = "windtunnel/v1"
_REQUIRED: Final = ("profile", "title", "rate", "mix")
_OPTIONAL: Final = (
    "id", "description", "tags", "severity", "runs", "target", "arrival", "timeout", "steady-state-hypothesis",
    "stages", "search", "faults", "recovery", "invariants", "regression", "profiles", "seed",
)  # fmt: skip
_OVERRIDABLE: Final = ("rate", "stages", "search", "runs")


@dataclass(frozen=True, kw_only=True)
class _Origin:
    """Which texts a profile was read from, and what it may refer to."""

    path: Path
    sha256: str
    slos: SloFile
    around: Surroundings
    rate: float | None


def read_profile(
    path: Path,
    topology: Topology,
    *,
    slos: Path,
    faults: Mapping[str, FaultShape],
    profile: str = "ci",
    rate: float | None = None,
) -> Profile:
    """The file's load profile, with that `--wt-profile`'s overrides if the file has any. `rate` replaces its own.

    Every set of overrides is checked, whichever is asked for. Raises `ProfileError`, and `SloError` for the SLO file.
    """
    document, raw = load_yaml(path, ProfileError)
    document.fields(required=_REQUIRED, optional=_OPTIONAL)["profile"].choice("format", (FORMAT,))
    around = survey(topology, faults)
    objectives = read_slos(slos, around.scenarios)
    digest = hashlib.sha256(raw + objectives.raw).hexdigest()
    origin = _Origin(path=path, sha256=digest, slos=objectives, around=around, rate=rate)
    read = {name: _read(with_profile(document, name), origin) for name in profile_names(document, _OVERRIDABLE)}
    return read[profile] if profile in read else _read(document, origin)


def _read(document: Value, origin: _Origin) -> Profile:
    fields = document.fields(required=_REQUIRED, optional=_OPTIONAL)
    around, objectives = origin.around, origin.slos.objectives
    rate = origin.rate or fields["rate"].parse(_rate)
    mix = read_mix(fields["mix"], around)
    stages = fields.read("stages", lambda value: read_stages(value, rate, objectives), ())
    search, steps = fields.read("search", lambda value: read_search(value, rate, objectives), (None, ()))
    stages += steps
    if not stages:
        raise document.refusal("drives nothing; add stages, or a search")
    load = Load(rate=rate, mix=mix)
    for key in ("stages", "search"):
        if (value := fields.get(key)) is not None:
            check_decidable(value, key, stages, load, objectives)
    made = Profile(
        id=fields.read("id", lambda value: read_word(value, "id"), origin.path.stem),
        path=origin.path,
        sha256=origin.sha256,
        title=fields["title"].text().strip(),
        description=fields.read("description", Value.text, "").strip(),
        tags=fields.read("tags", lambda value: tuple(read_word(item, "tag") for item in value.sequence()), ()),
        severity=fields.read("severity", read_severity, "normal"),
        nightly=fields.read("runs", lambda value: value.choice("time to run", ("always", "nightly")), "") == "nightly",
        rate=rate,
        target=fields.read("target", _target, None),
        arrival=fields.read("arrival", read_arrival, "poisson"),
        timeout=fields.read("timeout", read_positive, 5.0),
        mix=mix,
        probes=fields.read("steady-state-hypothesis", lambda value: read_probes(value, around), ()),
        stages=stages,
        objectives=_used(stages, objectives),
        faults=fields.read("faults", lambda value: _faults(value, stages, around), None),
        recovery=fields.read("recovery", lambda value: _recovery(value, stages, load), None),
        search=search,
        invariants=fields.read("invariants", lambda value: read_invariants(value, around), ()),
        regression=fields.read("regression", _regression, ()),
        seed=fields.read("seed", Value.integer, 0),
    )
    if not any(stage.slo for stage in stages) and made.recovery is None and not made.invariants:
        raise document.refusal("promises nothing, so nothing can fail; give a stage an slo, or add recovery")
    return made


def _used(stages: tuple[Stage, ...], objectives: Mapping[str, Objective]) -> dict[str, Objective]:
    return {name: objectives[name] for stage in stages for name in stage.slo}


def _rate(text: str) -> float:
    rate = parse_rate(text)
    if rate == 0:
        raise ValueError("a load without arrivals shows nothing; write for instance 50/s")
    return rate


def _target(value: Value) -> Target:
    fields = value.fields(required=["rate", "of"])
    return Target(rate=fields["rate"].parse(_rate), of=fields["of"].text())


def _stage_named(value: Value, stages: tuple[Stage, ...]) -> str:
    names = [stage.name for stage in stages]
    if value.text() not in names:
        raise value.refusal(unknown("stage", value.written, names))
    return value.written


def _faults(value: Value, stages: tuple[Stage, ...], around: Surroundings) -> Faults:
    fields = value.fields(required=["during", "method"])
    during = _stage_named(fields["during"], stages)
    lasting = next(stage.duration for stage in stages if stage.name == during)
    if during == stages[-1].name:
        raise fields["during"].refusal("no stage follows, so that its end could not be seen; add a stage after it")
    return Faults(during=during, method=read_method(fields["method"], around, Phases(fault=lasting)))


def _recovery(value: Value, stages: tuple[Stage, ...], load: Load) -> Aftermath:
    fields = value.fields(required=["after", "until", "within"])
    after, within = _stage_named(fields["after"], stages), fields["within"].parse(parse_duration)
    position = [stage.name for stage in stages].index(after)
    rest = sum(stage.duration for stage in stages[position + 1 :])
    stretch = max(STRETCH_SECONDS, STRETCH_SAMPLES / load.rate)
    if not 0 < within <= rest - stretch:
        raise fields["within"].refusal(
            f"{fields['within'].written} is not within the {rest:g} s of load after {after!r}, of which {stretch:g} s "
            "must be left to see it; lengthen a stage there"
        )
    promises = list(read_expectations(fields["until"], "recovered", load))
    if not promises:
        raise fields["until"].refusal('expected at least one metric, such as error_rate: "< 1%"')
    for where, promise in promises:
        if promise.limit.value is None or promise.abort_after is not None:
            raise where.refusal('an absolute limit is expected here, such as "< 500ms"')
    return Aftermath(after=after, until=tuple(promise for _, promise in promises), within=within)


def _regression(value: Value) -> tuple[Tolerance, ...]:
    found = []
    for key, entry in value.mapping().items():
        if key not in ("p50", "p95", "p99"):
            raise entry.place.refusal(unknown("figure", key, ("p50", "p95", "p99")))
        growth = entry.value.parse(_growth)
        found.append(Tolerance(metric=cast('Literal["p50", "p95", "p99"]', key), growth=growth))
    return tuple(found)


def _growth(text: str) -> float:
    if not text.startswith("+"):
        raise ValueError(f'{text!r} is no growth over the accepted run; write for instance "+50%"')
    return parse_share(text[1:])
