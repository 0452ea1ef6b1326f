"""The commands `windtunnel can-i-deploy`, `record-deployment` and `publish-pacts`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from windtunnel.contracts.pact_deploy import Answer

OK, NO = 0, 1
MATRIX = Path("contracts/matrix.json")
PACTS = Path("contracts/pacts")


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add them to the command line."""
    can = commands.add_parser(
        "can-i-deploy",
        help="whether a version of a service works with what is deployed, by the verified pacts",
        description="Exit code 0: every contract with what is there was verified. 1: one is broken, or not known.",
    )
    _add_service(can)
    can.add_argument(
        "--to", metavar="ENVIRONMENT", help="compare with what is there (default: everybody's newest version)"
    )
    can.add_argument(
        "--with", dest="together", action="append", default=[], metavar="SERVICE=VERSION", type=_pair,
        help="a version that is deployed together with it; can be given several times",
    )  # fmt: skip
    can.set_defaults(command=_can_i_deploy)

    record = commands.add_parser(
        "record-deployment",
        help="note which version of a service is in an environment now",
        description="Note which version of a service is in an environment now; it takes the place of the one before.",
    )
    _add_service(record)
    record.add_argument("--environment", required=True, metavar="NAME")
    record.set_defaults(command=_record)

    publish = commands.add_parser(
        "publish-pacts",
        help="publish pacts to the Pact Broker that PACT_BROKER_BASE_URL names; without one, to the matrix",
        description="Who we are at the broker: PACT_BROKER_TOKEN, or PACT_BROKER_USERNAME and PACT_BROKER_PASSWORD.",
    )
    publish.add_argument("pacts", nargs="?", type=Path, default=PACTS, metavar="DIR", help=f"pact files ({PACTS})")
    publish.add_argument(
        "--version", metavar="V", help="of the consumers (default: WINDTUNNEL_VERSION, else the commit)"
    )
    publish.add_argument("--branch", default="", metavar="NAME")
    publish.add_argument("--tag", action="append", default=[], metavar="TAG")
    publish.add_argument("--build-url", default="", metavar="URL")
    _add_matrix(publish)
    publish.set_defaults(command=_publish)


def _add_service(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--service", required=True, metavar="NAME")
    parser.add_argument("--version", required=True, metavar="V")
    _add_matrix(parser)


def _add_matrix(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--matrix", type=Path, default=MATRIX, metavar="FILE", help=f"the matrix ({MATRIX})")


def _pair(text: str) -> tuple[str, str]:
    service, equals, version = text.partition("=")
    if not (service and equals and version):
        raise argparse.ArgumentTypeError(f"{text!r} is not SERVICE=VERSION")
    return service, version


def _can_i_deploy(options: argparse.Namespace) -> int:
    from windtunnel.contracts.pact_deploy import can_i_deploy
    from windtunnel.contracts.pact_matrix import read_matrix

    matrix = read_matrix(options.matrix)
    answer = can_i_deploy(matrix, options.service, options.version, options.to, dict(options.together))
    print("\n".join(_told(answer, options)))
    return OK if answer.yes else NO


def _told(answer: Answer, options: argparse.Namespace) -> Sequence[str]:
    where = f"to {options.to}" if options.to else "beside everybody's newest version"
    verdict = f"{'yes' if answer.yes else 'NO'}: {options.service} {options.version} {where}"
    if answer.unknown:
        return [verdict, f"  {answer.unknown}"]
    if not answer.lines:
        return [verdict, "  it needs nobody, and nobody who is there needs it"]
    head = ("consumer", "version", "provider", "version", "", "")
    rows = [head] + [
        (one.consumer, one.consumer_version, one.provider, one.provider_version, one.verdict, one.reason)
        for one in answer.lines
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return [verdict, *("  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)]


def _record(options: argparse.Namespace) -> int:
    from windtunnel.contracts.pact_matrix import changed, now
    from windtunnel.contracts.pact_version import usable_version
    from windtunnel.errors import PactError

    usable_version(options.version, "--version")
    usable_version(options.environment, "--environment")
    with changed(options.matrix) as matrix:
        if options.service not in matrix.services:
            known = ", ".join(sorted(matrix.services)) or "none"
            raise PactError(f"no contract names a service {options.service!r}; known: {known}", path=options.matrix)
        matrix.add_deployment(options.service, options.version, options.environment, now())
    print(f"{options.service} {options.version} is in {options.environment} now")
    return OK


def _publish(options: argparse.Namespace) -> int:
    from windtunnel.contracts.pact_broker import Publication, broker_settings, publish
    from windtunnel.contracts.pact_files import read_pacts
    from windtunnel.contracts.pact_matrix import changed, now
    from windtunnel.contracts.pact_version import current_version, usable_version

    files = read_pacts(options.pacts)
    told = usable_version(options.version, "--version") if options.version else None
    version = told or current_version(options.pacts, os.environ)
    settings = broker_settings(os.environ)
    if settings is not None:
        what = Publication(version=version, branch=options.branch, tags=tuple(options.tag), build_url=options.build_url)
        for notice in publish(settings, files, what):
            print(notice)
        return OK
    with changed(options.matrix) as matrix:
        matrix.add_contracts(files, version, now())
    print(f"{len(files)} contracts of version {version} are in {options.matrix}; PACT_BROKER_BASE_URL names no broker")
    return OK
