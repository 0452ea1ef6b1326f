"""The command `windtunnel load`: one load profile, now, with a line a second; and accepting a run."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from windtunnel.errors import BadInputError

if TYPE_CHECKING:
    from windtunnel.driving import Driven
    from windtunnel.profiles import Profile
    from windtunnel.trial import Tick

OK, BROKEN, UNKNOWN = 0, 1, 3
EXIT_CODES = {"PASS": OK, "SKIP": OK, "FAIL": BROKEN, "ERROR": UNKNOWN}
FOLDER, OUT = Path("load/profiles"), Path("reports/out")


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add it to the command line."""
    load = commands.add_parser(
        "load",
        help="drive one load profile and judge it, with a line a second",
        description="Drive one load profile on a fresh system and judge it. Exit code 0: every promise held, 1: one "
        "broke, 2: the input is wrong, 3: what happened is unknown.",
    )
    load.add_argument("profile", metavar="PROFILE", help=f"a file, or a name in {FOLDER}: smoke, steady, ...")
    load.add_argument("--rate", metavar="RATE", help="instead of the profile's own rate: 200/s")
    load.add_argument("--accept", action="store_true", help="keep this run's figures as what later ones are held to")
    load.add_argument("--topology", type=Path, default=Path("platform/topology.yaml"), metavar="FILE")
    load.add_argument("--slos", type=Path, default=Path("load/slos.yaml"), metavar="FILE")
    load.add_argument("--wt-backend", choices=("auto", "process", "docker"), default="process")
    load.add_argument("--wt-proxy", choices=("auto", "embedded", "toxiproxy"), default="auto")
    load.add_argument("--wt-profile", default="ci", metavar="NAME", help="ci (default) or nightly")
    load.add_argument("--wt-seed", type=int, default=0, metavar="N")
    load.add_argument("--wt-out", type=Path, default=OUT, metavar="DIR", help=f"where the evidence goes ({OUT})")
    load.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Drive it. Raises `BadInputError` for what was typed or written wrongly."""
    from windtunnel.driving import drive
    from windtunnel.report.facts import facts_of
    from windtunnel.report.load_terminal import profile_lines, stage_lines
    from windtunnel.report.outdir import prepare, tidy
    from windtunnel.report.summary import merge_summary
    from windtunnel.settings import Settings
    from windtunnel.stack.backends import choose
    from windtunnel.tunnel import Tunnel, installed_versions

    profile = _profile(options)
    choice = choose(options.wt_backend, options.wt_proxy, None)
    settings = Settings(
        topology=options.topology,
        out=options.wt_out,
        backend=choice.backend,
        proxy=choice.proxy,
        profile=options.wt_profile,
        seed=options.wt_seed,
    )
    prepare(settings.out)
    tunnel = Tunnel(settings)
    try:
        driven = drive(tunnel, profile, f"{profile.path}::{profile.id}", _again(options), Show(sys.stdout.isatty()))
    finally:
        tunnel.close()
        summary = merge_summary(settings.out, facts_of(settings, installed_versions()))
        tidy(settings.out)
    print("\n".join(["", *stage_lines(driven.entry), "", *_promises(driven), "", *profile_lines([driven.entry])]))
    if driven.compared:
        print(driven.compared)
    print(f"evidence: {summary.path}")
    if options.accept:
        print(_accept(driven, profile, summary.document["run"]["commit"], dict(installed_versions())))
    return EXIT_CODES[driven.outcomes.verdict.outcome]


class Show:
    """The line a second: drawn again on a terminal, one under the other elsewhere."""

    def __init__(self, terminal: bool) -> None:
        self._terminal = terminal

    def __call__(self, tick: Tick) -> None:
        from windtunnel.report.progress import one_line

        text = one_line("main", tick)
        print(f"\r\x1b[2K{text}" if self._terminal else text, end="" if self._terminal else "\n", flush=True)


def _profile(options: argparse.Namespace) -> Profile:
    from windtunnel.faults import SHAPES
    from windtunnel.profiles import read_profile
    from windtunnel.topology import read_topology
    from windtunnel.units import parse_rate

    named = Path(options.profile)
    path = named if named.suffix in (".yaml", ".yml") else FOLDER / f"{named}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in FOLDER.glob("*.yaml"))) or "none"
        raise BadInputError(f"no load profile {options.profile!r}; known in {FOLDER}: {known}")
    try:
        rate = parse_rate(options.rate) if options.rate else None
    except ValueError as error:
        raise BadInputError(f"--rate: {error}") from None
    if rate == 0:
        raise BadInputError("--rate 0/s is no load; write for instance 50/s")
    topology = read_topology(options.topology)
    return read_profile(path, topology, slos=options.slos, faults=SHAPES, profile=options.wt_profile, rate=rate)


def _again(options: argparse.Namespace) -> str:
    rate = f" --rate {options.rate}" if options.rate else ""
    return f"windtunnel load {options.profile}{rate} --wt-seed={options.wt_seed} --wt-profile={options.wt_profile}"


def _promises(driven: Driven) -> list[str]:
    return [f"{finding.judgement:8} {finding.message}" for finding in driven.outcomes.verdict.findings]


def _accept(driven: Driven, profile: Profile, commit: str, versions: dict[str, str]) -> str:
    """Only what held is worth holding others to."""
    from windtunnel.machine import machine
    from windtunnel.profiles.baselines import baseline_path, write_baseline
    from windtunnel.profiles.regression import Accepted, figures_to_accept, load_key

    if driven.outcomes.verdict.outcome != "PASS" or driven.history is None:
        return f"not accepted: the verdict is {driven.outcomes.verdict.outcome}"
    path = baseline_path(profile.path, profile.id)
    accepted = Accepted(
        profile=profile.id,
        load=load_key(profile),
        machine=machine(),
        versions=versions,
        commit=commit,
        accepted_unix=round(time.time(), 3),
        stages=figures_to_accept(driven.history, profile),
    )
    write_baseline(path, accepted)
    return f"accepted: {path}"
