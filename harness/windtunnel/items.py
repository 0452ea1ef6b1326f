"""Experiments as pytest sees them: a YAML file is a collector, each of its matrix cells an item."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from windtunnel.checks.verdict import Verdict
from windtunnel.errors import BadInputError, CapabilityError, CheckFailedError, SpecError, WindtunnelError
from windtunnel.faults import SHAPES
from windtunnel.report.allure import describe, show_evidence
from windtunnel.report.outdir import write_logs
from windtunnel.report.progress import ProgressFile
from windtunnel.report.summary import write_part
from windtunnel.report.words import VERDICTS_WORST_FIRST
from windtunnel.settings import Settings
from windtunnel.spec import known_profiles, read_specs
from windtunnel.spec.model import Spec
from windtunnel.topology import read_topology
from windtunnel.tunnel import Measurement, Tunnel

SETTINGS = pytest.StashKey[Settings]()
TUNNEL = pytest.StashKey[Tunnel]()
IDS = pytest.StashKey[dict[str, Path]]()
"""The file of each experiment collected so far, by its id."""
VERDICT_PROPERTY = "windtunnel_verdict"
"""The user property of a test report that carries the verdict, also from a worker to the controller."""


class UnknownVerdictError(WindtunnelError):
    """What happened is not known: the verdict is ERROR. Not an AssertionError, so that reports keep it apart."""


def open_tunnel(config: pytest.Config) -> Tunnel:
    """This worker's tunnel, made on first use."""
    if TUNNEL not in config.stash:
        config.stash[TUNNEL] = Tunnel(config.stash[SETTINGS])
    return config.stash[TUNNEL]


class SpecFile(pytest.File):
    """One experiment file. A mistake in it is a collection error of one line."""

    def collect(self) -> Iterable[ExperimentItem]:
        settings = self.config.stash[SETTINGS]
        topology = read_topology(settings.topology)
        path = relative(self.path, Path.cwd())
        self._check_profile(path, settings.profile)
        for spec in read_specs(path, topology, profile=settings.profile, faults=SHAPES):
            self._check_id(spec)
            yield ExperimentItem.from_parent(self, name=spec.id, spec=spec)

    def _check_profile(self, path: Path, profile: str) -> None:
        """A file need not know the profile, but some file must: a slip in its name must not run something else."""
        if profile in known_profiles(path):
            return
        folder = self.config.rootpath / self.config.getini("wt_specs")
        known = {name for file in folder.rglob("*.y*ml") for name in known_profiles(file)}
        if profile not in known:
            names = ", ".join(sorted(known))
            raise SpecError(f"--wt-profile={profile}: no experiment has such a profile; known: {names}", path=path)

    def _check_id(self, spec: Spec) -> None:
        """Two experiments of one id would overwrite each other's history."""
        taken = self.config.stash.setdefault(IDS, {}).setdefault(spec.id, spec.path)
        if taken != spec.path:
            raise SpecError(f"the id {spec.id!r} is taken by {taken}; write another 'id'", path=spec.path)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, BadInputError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)


class ExperimentItem(pytest.Item):
    """One experiment. Its verdict is raised in its call, so that pytest counts it once."""

    def __init__(self, *, spec: Spec, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.spec = spec
        self.add_marker(pytest.mark.chaos)
        self.extra_keyword_matches.update(spec.tags)

    def runtest(self) -> None:
        describe(self.spec)
        runs = [self._run_once(repeat) for repeat in range(self.spec.repeat)]
        verdict, path = min(runs, key=lambda run: VERDICTS_WORST_FIRST.index(run[0].outcome))
        self.user_properties.append((VERDICT_PROPERTY, verdict.outcome))
        self._raise(verdict, path)

    def _run_once(self, repeat: int) -> tuple[Verdict, Path | None]:
        """One run: its verdict is recorded, whatever happens, and its evidence shown."""
        tunnel, settings = open_tunnel(self.config), self.config.stash[SETTINGS]
        try:
            with ProgressFile(settings.out, settings.worker) as progress:
                measured = tunnel.measure(self.spec, progress.show, repeat=repeat)
        except CapabilityError as missing:
            return self._record(Verdict(outcome="SKIP", errors=(str(missing),)), None)
        except WindtunnelError as trouble:
            return self._record(Verdict(outcome="ERROR", errors=(f"{type(trouble).__name__}: {trouble}",)), None)
        except Exception as bug:
            self._record(Verdict(outcome="ERROR", errors=(f"{type(bug).__name__}: {bug}",)), None)
            raise
        try:
            write_logs(settings.out, measured.path, measured.logs)
            show_evidence(measured.history, measured.verdict, measured.path, measured.logs)
        finally:
            recorded = self._record(measured.verdict, measured)
        return recorded

    def _record(self, verdict: Verdict, measured: Measurement | None) -> tuple[Verdict, Path | None]:
        settings = self.config.stash[SETTINGS]
        history, path = (measured.history, measured.path) if measured else (None, None)
        write_part(settings.out, settings.worker, self.nodeid, self.spec, verdict, history, path, self._reproduction)
        return verdict, path

    def _raise(self, verdict: Verdict, path: Path | None) -> None:
        if verdict.outcome == "SKIP":
            pytest.skip("; ".join(verdict.errors))
        if verdict.outcome == "XFAIL" and self.spec.known_weakness is not None:
            pytest.xfail(f"{self.spec.known_weakness.ref}: {self.spec.known_weakness.expectation}")
        if verdict.outcome == "FAIL":
            raise CheckFailedError(self._explain(verdict, path))
        if verdict.outcome == "ERROR":
            raise UnknownVerdictError(self._explain(verdict, path))

    @property
    def _reproduction(self) -> str:
        settings = self.config.stash[SETTINGS]
        return f"pytest '{self.nodeid}' --wt-seed={settings.seed} --wt-profile={settings.profile}"

    def _explain(self, verdict: Verdict, path: Path | None) -> str:
        lines = [f"{verdict.outcome}: {self.spec.title}", *(f"  {reason}" for reason in verdict.reasons)]
        if path is not None:
            lines.append(f"  history:   {relative(path, self.config.rootpath)}")
        lines.append(f"  reproduce: {self._reproduction}")
        return "\n".join(lines)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, WindtunnelError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, f"experiment: {self.spec.title}"


def relative(path: Path, base: Path) -> Path:
    """The path as a person in `base` would type it."""
    return path.relative_to(base) if path.is_relative_to(base) else path
