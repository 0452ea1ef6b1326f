"""The command `windtunnel compare`: is the working tree slower than another version?"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from windtunnel.errors import BadInputError, WindtunnelError

if TYPE_CHECKING:
    from windtunnel.profiles.comparison import Comparison, Measured

OK, WORSE, UNKNOWN = 0, 1, 3
FOLDER: Final = Path("load/profiles")
FORMAT: Final = "windtunnel-compare/v1"
DESCRIPTION: Final = """\
Drive one load profile on another version and on the working tree, turn by turn on fresh systems, and judge the ratio of
their latencies with a confidence interval. Both run in this environment and are judged by this version of windtunnel.

  windtunnel compare --base main
  windtunnel compare --base v1.2 steady --rounds 9 --tolerance 10%
"""
EPILOG: Final = (
    "Exit code 0: not worse than is tolerated, 1: worse, 2: the input is wrong, 3: not decided (more rounds may)."
)


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add it to the command line."""
    compare = commands.add_parser(
        "compare",
        help="is the working tree slower than another version? both are driven, interleaved",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    compare.add_argument("profile", nargs="?", default="smoke", metavar="PROFILE", help="a name or a file (smoke)")
    compare.add_argument("--base", required=True, metavar="GIT_REF", help="the version to be held against")
    compare.add_argument("--rounds", type=int, default=6, metavar="N", help="at least 6 (6)")
    compare.add_argument("--tolerance", default="25%", metavar="SHARE", help="how much slower is still fine (25%%)")
    compare.add_argument("--topology", type=Path, default=Path("platform/topology.yaml"), metavar="FILE")
    compare.add_argument("--slos", type=Path, default=Path("load/slos.yaml"), metavar="FILE")
    compare.add_argument("--wt-seed", type=int, default=0, metavar="N")
    compare.add_argument("--out", type=Path, metavar="FILE", help="write every round's figures there, as JSON")
    compare.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Raises `BadInputError` for what was typed wrongly."""
    from windtunnel.profiles.comparison import LEAST_ROUNDS, compare
    from windtunnel.report.facts import commit_of
    from windtunnel.units import parse_share
    from windtunnel.versions import checked_out, commit_named, root_of

    if options.rounds < LEAST_ROUNDS:
        raise BadInputError(f"--rounds {options.rounds}: fewer than {LEAST_ROUNDS} decide nothing with 95% confidence")
    try:
        tolerance = parse_share(options.tolerance)
    except ValueError as error:
        raise BadInputError(f"--tolerance: {error}") from None
    root = root_of(options.topology.resolve())
    commit = commit_named(root, options.base)
    names = {"base": f"{options.base} ({commit})", "head": f"working tree ({commit_of(root)})"}
    with checked_out(root, commit) as place:
        topologies = {"base": place / options.topology.resolve().relative_to(root), "head": options.topology.resolve()}
        if not topologies["base"].is_file():
            raise BadInputError(f"{options.base} has no {options.topology}; name a version that has")
        rounds = _drive(options, topologies, names)
    found = compare(rounds["base"], rounds["head"], tolerance)
    print("\n".join(["", *_table(found, names, options)]))
    if options.out:
        options.out.write_text(json.dumps(_plain(found, rounds, names, tolerance), indent=1) + "\n", encoding="utf-8")
        print(f"figures: {options.out}")
    judgements = {one.judgement for one in found}
    return WORSE if "worse" in judgements else UNKNOWN if "undecided" in judgements else OK


def _drive(
    options: argparse.Namespace, topologies: dict[str, Path], names: dict[str, str]
) -> dict[str, list[Measured]]:
    """Every round; a round of which one half cannot be believed is driven again, as many times as there are rounds."""
    from windtunnel.load.scenarios import digest
    from windtunnel.topology import read_topology

    if len({digest(read_topology(path).scenarios) for path in topologies.values()}) > 1:
        print("note: the scenarios are not the same in both versions; each is driven by its own")
    found: dict[str, list[Measured]] = {"base": [], "head": []}
    spoilt: list[str] = []
    while len(found["head"]) < options.rounds:
        number = len(found["head"]) + 1
        order = ("base", "head") if (number + len(spoilt)) % 2 else ("head", "base")
        half: dict[str, Measured] = {}
        for which in order:
            half[which], doubts = _once(options, topologies[which])
            shown = ", ".join(f"{stage} p95 {1000 * f.latencies['p95']:.0f}ms" for stage, f in half[which].items())
            print(f"round {number} of {options.rounds}: {names[which]}: {shown or 'no figures'}", flush=True)
            if doubts or not half[which]:
                spoilt.append("; ".join(doubts) or "no stage was reached")
                print(f"  not counted, and driven again: {spoilt[-1]}", flush=True)
                break
        else:
            for which, measured in half.items():
                found[which].append(measured)
        if len(spoilt) > options.rounds:
            raise WindtunnelError(f"{len(spoilt)} runs could not be believed: {spoilt[-1]}")
    return found


def _once(options: argparse.Namespace, topology: Path) -> tuple[Measured, tuple[str, ...]]:
    """The figures of one run on a fresh system, and why they cannot be believed."""
    from windtunnel.faults import SHAPES
    from windtunnel.profiles import read_profile
    from windtunnel.profiles.comparison import figures_of_run

    with _system(topology, options.wt_seed) as tunnel:
        profile = read_profile(_profile(options.profile), tunnel.topology, slos=options.slos, faults=SHAPES)
        measured = tunnel.drive(profile, lambda tick: None)
    return figures_of_run(measured.history, profile), measured.outcomes.verdict.errors


@contextmanager
def _system(topology: Path, seed: int) -> Iterator[Any]:
    from windtunnel.settings import Settings
    from windtunnel.tunnel import Tunnel

    with tempfile.TemporaryDirectory(prefix="windtunnel-compare-") as out:
        tunnel = Tunnel(Settings(topology=topology, out=Path(out), seed=seed))
        try:
            yield tunnel
        finally:
            tunnel.close()


def _profile(named: str) -> Path:
    path = Path(named) if named.endswith((".yaml", ".yml")) else FOLDER / f"{named}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in FOLDER.glob("*.yaml"))) or "none"
        raise BadInputError(f"no load profile {named!r}; known in {FOLDER}: {known}")
    return path


def _table(found: list[Comparison], names: dict[str, str], options: argparse.Namespace) -> list[str]:
    lines = [
        f"base: {names['base']}; head: {names['head']}; {options.rounds} rounds, tolerated: {options.tolerance}",
        f"{'':24} {'base':>9} {'head':>9} {'ratio':>7}  95% between",
    ]
    for one in found:
        if one.ratio is None:
            lines.append(f"{one.name:24} {one.base:>9.2%} {one.head:>9.2%} {'':>7}  {'':13}  {one.judgement}")
        else:
            between = f"{one.low:.2f} and {one.high:.2f}"
            figures = f"{1000 * one.base:>7.1f}ms {1000 * one.head:>7.1f}ms {one.ratio:>7.2f}"
            lines.append(f"{one.name:24} {figures}  {between:13}  {one.judgement}")
    return lines


def _plain(
    found: list[Comparison], rounds: dict[str, list[Measured]], names: dict[str, str], tolerance: float
) -> dict[str, object]:
    return {
        "compare": FORMAT,
        "versions": names,
        "tolerance": tolerance,
        "figures": [asdict(one) for one in found],
        "rounds": {
            which: [{stage: asdict(figures) for stage, figures in run.items()} for run in runs]
            for which, runs in rounds.items()
        },
    }
