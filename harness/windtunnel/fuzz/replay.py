"""Sends a case that was found once: a valid request, changed as its file says, with the edge broken as it was then."""

from __future__ import annotations

from windtunnel.fuzz.cells import Cell, CellResult
from windtunnel.fuzz.faults import FAULTS
from windtunnel.fuzz.found import Found
from windtunnel.fuzz.fuzzer import Fuzzer
from windtunnel.fuzz.operations import Operation
from windtunnel.fuzz.shots import Gun, Shot


def replay(fuzzer: Fuzzer, found: Found, operation: Operation) -> CellResult:
    """Whatever happens is in the result, as `Fuzzer.run` has it."""

    def run(gun: Gun, result: CellResult) -> None:
        # Made before anything breaks: what the visitor needs from the system must work.
        shot = _shot(found, fuzzer.valid(operation, gun, 1, "found")[0], gun)
        if found.edge:
            cell = Cell(operation=operation, edge=found.edge, fault=FAULTS[found.fault])
            fuzzer.check_edge(cell, gun)
            with fuzzer.broken(cell, result):
                fuzzer.shoot(operation, gun, [shot], result, cell.condition)
        else:
            fuzzer.control(operation, gun)
            result.proof = "a valid request works"
            fuzzer.shoot(operation, gun, [shot], result)
        fuzzer.stack.until_quiet(fuzzer.patience)

    return fuzzer.noted(found.id, operation, run)


def _shot(found: Found, valid: Shot, gun: Gun) -> Shot:
    prepared = valid.prepared.copy()
    prepared.method = found.method
    if found.target:
        prepared.url = gun.base_url + found.target
    for name, value in found.headers.items():
        prepared.headers[name] = value
    if found.body is not None:
        prepared.body = found.body
        prepared.headers["Content-Length"] = str(len(found.body))
    for name in found.without:
        prepared.headers.pop(name, None)
    documented = found.method == valid.case.operation.method.upper()
    return Shot(
        kind="found",
        name=found.path.stem,
        case=valid.case,
        prepared=prepared,
        expects="" if documented else "not allowed",
        statuses=found.expect,
    )
