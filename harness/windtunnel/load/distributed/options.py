"""What a user says on Locust's command line, or in its web form, and the plan that it makes."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from windtunnel.errors import BadInputError
from windtunnel.load.model import LoadPlan
from windtunnel.load.stages import FORMS, parse_stages
from windtunnel.spec.model import MixEntry
from windtunnel.topology import CLIENT, read_topology
from windtunnel.units import parse_duration

DEFAULT_TIMEOUT: Final = "5s"


def add_arguments(parser: Any, **_: object) -> None:
    """To Locust's parser, which shows them in the web form too."""
    group = parser.add_argument_group("Open-model load (windtunnel)")
    group.add_argument("--wt-load", default="", metavar="STAGES", help=f"when arrivals are due: {FORMS}")
    group.add_argument("--wt-mix", default="", metavar="MIX", help="what arrivals do: place_order=3,read_order=1")
    group.add_argument("--wt-timeout", default=DEFAULT_TIMEOUT, metavar="TIME", help="for one request, such as 5s")
    group.add_argument("--wt-seed", type=int, default=1, help="the same seed gives the same arrivals and choices")
    group.add_argument("--wt-slo", default="", metavar="NAMES", help="objectives of the SLO file that must hold: a,b")
    group.add_argument("--wt-result", default="", metavar="FILE", help="write the merged result there, as JSON")
    group.add_argument("--wt-samples", default="", metavar="FILE", help="write every request there, a JSON line each")


class Subject(Protocol):
    """What the locustfile's user class says; `load` and `mix` count where the options say nothing."""

    scenarios: Path
    topology: Path
    mix: str
    load: str


def plan_of(options: Namespace, subject: Subject, host: str | None) -> LoadPlan:
    """The plan. Raises `BadInputError` with the option's name."""
    with_name: dict[str, Callable[[], object]] = {
        "--wt-load": lambda: parse_stages(options.wt_load or subject.load),
        "--wt-mix": lambda: parse_mix(options.wt_mix or subject.mix),
        "--wt-timeout": lambda: parse_duration(options.wt_timeout or DEFAULT_TIMEOUT),
        "--host": lambda: targets(services_of(subject.topology), host or "", os.environ),
    }
    read: dict[str, Any] = {}
    for name, parse in with_name.items():
        try:
            read[name] = parse()
        except ValueError as error:
            raise BadInputError(f"{name}: {error}") from error
    try:
        return LoadPlan(
            scenarios=subject.scenarios,
            mix=read["--wt-mix"],
            timeout=read["--wt-timeout"],
            seed=int(options.wt_seed),
            targets=read["--host"],
            stages=read["--wt-load"],
        )
    except ValueError as error:
        raise BadInputError(f"--wt-load: {error}") from error


def parse_mix(text: str) -> tuple[MixEntry, ...]:
    """`place_order=3,read_order=1`; a weight of 1 may be left out. Raises ValueError."""
    entries = []
    for part in text.split(","):
        name, _, weight = part.strip().partition("=")
        try:
            entry = MixEntry(scenario=name, weight=float(weight or 1))
        except ValueError:
            entry = MixEntry(scenario=name, weight=0.0)
        if not name.isidentifier() or not 0 < entry.weight < float("inf"):
            raise ValueError(f"{part.strip()!r} is no part of a mix; write a scenario and its weight, as place_order=3")
        entries.append(entry)
    return tuple(entries)


def services_of(topology: Path) -> tuple[str, ...]:
    """The services that the topology gives the client an edge to."""
    return tuple(edge.target for edge in read_topology(topology).edges if edge.source == CLIENT)


def targets(services: Iterable[str], host: str, environment: Mapping[str, str]) -> Mapping[str, str]:
    """Service -> URL. `host` is one URL for all, or `orders=URL,users=URL`; what it leaves open, `ORDERS_URL` says.

    Raises ValueError for a service without an address.
    """
    named = dict(part.strip().split("=", 1) for part in host.split(",")) if "=" in host.partition("//")[0] else {}
    common = "" if named else host
    if unknown := sorted(set(named) - set(services)):
        raise ValueError(f"the topology gives the client no edge to {', '.join(unknown)}; it has {', '.join(services)}")
    found = {}
    for service in services:
        variable = f"{service.upper().replace('-', '_')}_URL"
        found[service] = named.get(service) or environment.get(variable) or common
        if not found[service]:
            raise ValueError(
                f"no address for {service}; say --host {service}=URL, --host URL for all, or {variable}=URL"
            )
    return found
