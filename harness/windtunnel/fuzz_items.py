"""Fuzzing as pytest sees it: the plan is a collector, each operation x condition an item, and each found case one."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import pytest

from windtunnel.errors import BadInputError, CapabilityError, CheckFailedError, WindtunnelError
from windtunnel.fuzz.cells import Cell, CellResult, Problem
from windtunnel.fuzz.faults import HEALTHY
from windtunnel.fuzz.found import Found
from windtunnel.fuzz.operations import Operation
from windtunnel.fuzz.suite import Suite, read_suite
from windtunnel.items import SETTINGS, VERDICT_PROPERTY, UnknownVerdictError, open_tunnel, relative
from windtunnel.report.fuzz_allure import describe_cell, show_cell
from windtunnel.report.fuzz_entry import FuzzPart, Whole, fuzz_entry, kinds
from windtunnel.report.schema import FuzzKind
from windtunnel.report.summary import write_fuzz_part
from windtunnel.topology import read_topology
from windtunnel.tunnel import file_name

if TYPE_CHECKING:
    from windtunnel.fuzz.fuzzer import Fuzzer

FUZZER: pytest.StashKey[Fuzzer] = pytest.StashKey()
MOST_SHOWN = 5
"""Kinds of problems of one cell in the terminal; all are in the report."""


class FuzzFile(pytest.File):
    """The plan. A mistake in it, in the table or in a found case is a collection error of one line."""

    def collect(self) -> Iterable[FuzzItem]:
        from windtunnel.sequence_items import sequences

        settings = self.config.stash[SETTINGS]
        suite = read_suite(read_topology(settings.topology), settings.seed)
        suite.plan.profile(settings.profile)  # a slip in its name must be told now
        for number, cell in enumerate(suite.cells):
            yield CellItem.from_parent(self, name=cell.id, suite=suite, number=number, cell=cell)
        for number, found in enumerate(suite.found, len(suite.cells)):
            yield FoundItem.from_parent(self, name=found.id, suite=suite, number=number, found=found)
        yield from sequences(self, suite, settings.profile, len(suite.cells) + len(suite.found))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, BadInputError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)


class FuzzItem(pytest.Item):
    """What cells, found cases, chains and walks share. The verdict is raised in the call, so that pytest counts each
    once."""

    def __init__(
        self, *, suite: Suite, number: int, place: str, operations: Iterable[Operation], **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.suite, self.number, self.place = suite, number, place
        self.add_marker(pytest.mark.fuzz)
        self.extra_keyword_matches.update(operation.id for operation in operations)

    edge = ""
    fault = HEALTHY
    kind: FuzzKind = "cell"

    def run(self, fuzzer: Fuzzer) -> CellResult:
        """Send what is to be sent."""
        raise NotImplementedError

    def runtest(self) -> None:
        describe_cell(self.name, self.place, self.edge, self.fault)
        settings, began = self.config.stash[SETTINGS], time.time()
        result = self._result()
        run: dict[str, str | int | float] = {
            "backend": settings.backend,
            "proxy": self.config.stash[FUZZER].stack.proxy_kind if FUZZER in self.config.stash else "",
            "worker": settings.worker,
            "seed": settings.seed,
            "began_unix": round(began, 3),
        }
        place = (self.place, self.edge, self.fault)
        entry = fuzz_entry(self.nodeid, place, self.kind, result, self._reproduction, run)
        whole = Whole(
            operations=len(self.suite.operations),
            left_out=dict(self.suite.left_out),
            cells=len(self.suite.cells),
            links=len(self.suite.links),
        )
        part = FuzzPart(item=self.nodeid, number=self.number, whole=whole, result=entry)
        write_fuzz_part(settings.out, settings.worker, part)
        show_cell(result, entry, settings.seed)
        self.user_properties.append((VERDICT_PROPERTY, result.outcome))
        self._raise(result)

    def _result(self) -> CellResult:
        tunnel = open_tunnel(self.config)
        try:
            result = self.run(open_fuzzer(self.config, self.suite))
        except CapabilityError as missing:
            return CellResult(id=self.name, skipped=str(missing))
        except WindtunnelError as trouble:
            return CellResult(id=self.name, errors=[f"{type(trouble).__name__}: {trouble}"])
        if result.dirty:
            tunnel.discard()
        return result

    def _raise(self, result: CellResult) -> None:
        if result.outcome == "SKIP":
            pytest.skip(result.skipped)
        if result.outcome == "FAIL":
            raise CheckFailedError(self._explain(result))
        if result.outcome == "ERROR":
            raise UnknownVerdictError(self._explain(result))

    @property
    def _reproduction(self) -> str:
        settings = self.config.stash[SETTINGS]
        return f"pytest '{self.nodeid}' --wt-seed={settings.seed} --wt-profile={settings.profile}"

    def _explain(self, result: CellResult) -> str:
        lines = [f"{result.outcome}: {self.name}", *(f"  {error}" for error in result.errors)]
        different = kinds(result.problems)
        for problem in different[:MOST_SHOWN]:
            lines.append(f"  {problem.request}: {'; '.join(problem.wrong)}")
            lines += [f"    {line}" for line in (problem.answer and f"answer: {problem.answer}", problem.curl) if line]
        if len(different) > MOST_SHOWN:
            lines.append(f"  and {len(different) - MOST_SHOWN} other kinds; all are in the report")
        lines += [f"  {line}" for line in result.story]
        if self.edge:
            lines.append(f"  fault:     with {self.suite.by_hand(self.edge, self.fault)}: ...")
        lines += [f"  keep:      {line}" for line in self._kept(different)]
        return "\n".join([*lines, f"  reproduce: {self._reproduction}"])

    def _kept(self, problems: list[Problem]) -> list[str]:
        """Cases that are worth keeping are files in the run's folder; the commands that keep them."""
        settings, folder = self.config.stash[SETTINGS], self.suite.plan.found
        if folder is None or self.kind not in ("cell", "found"):  # a request of a sequence means nothing alone
            return []
        commands = []
        for number, problem in enumerate([p for p in problems if p.document][:MOST_SHOWN]):
            path = settings.out / "found" / f"{file_name(self.name, number)}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(problem.document, encoding="utf-8")
            root = self.config.rootpath
            commands.append(f"cp {quote(str(relative(path, root)))} {quote(str(relative(folder.resolve(), root)))}/")
        return commands

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, WindtunnelError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, f"fuzz: {self.name}"


class CellItem(FuzzItem):
    """One operation, healthy or with one edge broken in one way."""

    def __init__(self, *, cell: Cell, **kwargs: Any) -> None:
        super().__init__(place=cell.operation.name, operations=[cell.operation], **kwargs)
        self.cell, self.edge = cell, cell.edge
        self.fault = cell.fault.word if cell.fault else HEALTHY

    def run(self, fuzzer: Fuzzer) -> CellResult:
        return fuzzer.run(self.cell)


class FoundItem(FuzzItem):
    """One case that was found once, sent again."""

    kind = "found"

    def __init__(self, *, found: Found, suite: Suite, **kwargs: Any) -> None:
        operation = suite.operation(found.operation)
        super().__init__(place=operation.name, operations=[operation], suite=suite, **kwargs)
        self.case, self.operation = found, operation
        self.edge, self.fault = found.edge, found.fault or HEALTHY

    def run(self, fuzzer: Fuzzer) -> CellResult:
        from windtunnel.fuzz.replay import replay

        return replay(fuzzer, self.case, self.operation)


def open_fuzzer(config: pytest.Config, suite: Suite) -> Fuzzer:
    """This worker's, for the system that stands now. Raises `WindtunnelError` when there can be none."""
    from windtunnel.fuzz.fuzzer import Fuzzer

    tunnel, settings = open_tunnel(config), config.stash[SETTINGS]
    stack = tunnel.stack
    if FUZZER not in config.stash or config.stash[FUZZER].stack is not stack:
        config.stash[FUZZER] = Fuzzer(
            stack,
            tunnel.run.journal,
            plan=suite.plan,
            profile=suite.plan.profile(settings.profile),
            table=suite.table,
            links=suite.links,
            seed=settings.seed,
        )
    return config.stash[FUZZER]
