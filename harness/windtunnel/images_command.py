"""`windtunnel images`: builds or fetches what the docker backend needs for a system, or the image of load workers."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from windtunnel.stack.images import Wanted, ensure_images, wanted_images, workers_image
from windtunnel.topology import read_topology

OK, MISSING = 0, 3
"""Exit codes."""
WORKERS = Path("load/Dockerfile")


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "images",
        help="build or fetch the images that the docker backend needs, or build that of load workers",
        description="Build or fetch the images that the docker backend needs for a topology. Names are parameters: "
        "WINDTUNNEL_PYTHON_IMAGE, WINDTUNNEL_TOXIPROXY_IMAGE, and what the topology writes as ${NAME}.",
    )
    parser.add_argument("--topology", type=Path, default=Path("platform/topology.yaml"), metavar="FILE")
    parser.add_argument(
        "--workers",
        type=Path,
        nargs="?",
        const=WORKERS,
        metavar="DOCKERFILE",
        help=f"build the image of workers of distributed load instead, and print its name; else {WORKERS}, within the "
        "folder that this runs in",
    )
    parser.add_argument("--check", action="store_true", help="only say which are there; exit code 3 when not all")
    parser.set_defaults(command=_images)


def _images(options: argparse.Namespace) -> int:
    if options.workers is not None:
        wanted = workers_image(options.workers, Path.cwd())
        there = _get([wanted], check=options.check, progress_to_stderr=True)
        # The name alone, so that a shell can take it: IMAGE=$(windtunnel images --workers).
        print(wanted.name)
    else:
        there = _get(wanted_images(read_topology(options.topology)), check=options.check)
        for name, present in there.items():
            print(f"{name}: {'ready' if present else 'missing'}")
    return OK if all(there.values()) else MISSING


def _get(wanted: list[Wanted], *, check: bool, progress_to_stderr: bool = False) -> dict[str, bool]:
    """Build or fetch them, unless they are only asked for; which of them are there then."""
    from windtunnel.stack.engine import connect
    from windtunnel.undo.engine import Engine, engine_url

    engine, client = Engine(engine_url()), connect().client
    out = sys.stderr if progress_to_stderr else sys.stdout
    try:
        if not check:
            ensure_images(wanted, engine, client, lambda line: print(line, flush=True, file=out))
        return {image.name: engine.has_image(image.name) for image in wanted}
    finally:
        client.close()
