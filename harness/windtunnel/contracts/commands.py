"""`windtunnel contract diff OLD NEW`: what breaks a consumer between two documents, or two folders of them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from windtunnel.contracts.breaking import compare
from windtunnel.contracts.document import read_document
from windtunnel.errors import ContractError

OK, BROKEN = 0, 1


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to the others."""
    contract = commands.add_parser("contract", help="compare OpenAPI documents: what breaks a consumer")
    actions = contract.add_subparsers(required=True, metavar="ACTION")
    diff = actions.add_parser(
        "diff",
        help="say what breaks a consumer from OLD to NEW",
        description="Compare two OpenAPI 3.1 documents, or all of a folder with those of the same name in another. "
        "Exit code 1 when something breaks a consumer; warnings alone are 0.",
    )
    diff.add_argument("old", type=Path, metavar="OLD", help="what was released: a file, or a folder of *.yaml")
    diff.add_argument("new", type=Path, metavar="NEW", help="what is there now: the same")
    diff.set_defaults(command=_diff)


def _diff(options: argparse.Namespace) -> int:
    breaks = warnings = compared = 0
    for old, new in pairs(options.old, options.new):
        compared += 1
        for change in compare(read_document(old), read_document(new)):
            breaks += change.severity == "break"
            warnings += change.severity == "warn"
            print(f"{new}: {change}")
    print(f"{compared} document{'s' * (compared != 1)} compared: {breaks} breaking, {warnings} to look at")
    return BROKEN if breaks else OK


def pairs(old: Path, new: Path) -> Iterator[tuple[Path, Path]]:
    """Which documents belong together. Raises `ContractError` when one that was released is not there any more."""
    if not old.is_dir():
        yield old, new / old.name if new.is_dir() else new
        return
    documents = sorted(old.glob("*.yaml"))
    if not documents:
        raise ContractError("no *.yaml in this folder; name one that holds released documents", path=old)
    yield from ((document, new / document.name) for document in documents)
