"""The command `windtunnel validate`: reads what would be run, strictly, and runs nothing."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from windtunnel.errors import BadInputError

if TYPE_CHECKING:
    from windtunnel.topology.model import Topology

OK, WRONG_INPUT = 0, 2
LOAD_PROFILE: Final = re.compile(rb"^profile:", re.MULTILINE)


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add it to the command line."""
    validate = commands.add_parser(
        "validate",
        help="read a topology, experiments and load profiles, run nothing",
        description="Read a topology and what is to be run on it. Each mistake is one line with file, line and remedy; "
        "exit code 2 if there is one.",
    )
    validate.add_argument("files", nargs="+", type=Path, metavar="FILE", help="experiments and load profiles")
    validate.add_argument("--topology", type=Path, default=Path("platform/topology.yaml"), metavar="FILE")
    validate.add_argument("--slos", type=Path, default=Path("load/slos.yaml"), metavar="FILE")
    validate.add_argument("--profile", default="ci", metavar="NAME", help="ci (default) or nightly")
    validate.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Say of each file what is in it, or where its mistake is."""
    from windtunnel.topology import read_topology

    topology = read_topology(options.topology)
    mistakes = 0
    for path in options.files:
        try:
            print(f"{path}: ok, {_holds(path, topology, options)}")
        except BadInputError as mistake:
            mistakes += 1
            print(mistake, file=sys.stderr)
    return WRONG_INPUT if mistakes else OK


def _holds(path: Path, topology: Topology, options: argparse.Namespace) -> str:
    """What is in the file, which must be right. A load profile is told by its first key."""
    from windtunnel.faults import SHAPES
    from windtunnel.profiles import read_profile
    from windtunnel.spec import read_specs

    if LOAD_PROFILE.search(path.read_bytes() if path.is_file() else b""):
        profile = read_profile(path, topology, slos=options.slos, faults=SHAPES, profile=options.profile)
        return f"load profile {profile.id}"
    specs = read_specs(path, topology, profile=options.profile, faults=SHAPES)
    return f"{len(specs)} experiment{'s' * (len(specs) != 1)}: {', '.join(s.id for s in specs)}"
