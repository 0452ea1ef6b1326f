"""A system standing in the wind tunnel: the stack, its load generator and its undo journal, while a worker runs.

It is opened by the first experiment or fixture that needs it, and shared by all that follow. An experiment that could
not show its system to be whole again has it replaced, so that the next one inherits nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from windtunnel.checks import judge
from windtunnel.checks.verdict import Finding, Verdict
from windtunnel.experiment import Experiment
from windtunnel.history import Header, History, HistoryWriter
from windtunnel.load.driver import LoadDriver
from windtunnel.profiles.judging import Outcomes, judge_profile
from windtunnel.profiles.model import Profile
from windtunnel.profiles.plain import profile_to_plain
from windtunnel.profiles.run import ProfileRun
from windtunnel.settings import Settings
from windtunnel.spec import spec_to_plain
from windtunnel.spec.model import Spec
from windtunnel.stack.backends import backend_for
from windtunnel.stack.base import Stack
from windtunnel.topology import read_topology
from windtunnel.topology.instances import slug
from windtunnel.trial import Tick, Trial
from windtunnel.undo import Run

PACKAGES: Final = ("windtunnel", "pytest", "locust", "httpx", "flask", "granian")
"""Whose versions a history names, where they are installed."""


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One run of a spec: what happened, what it means, and where it is kept."""

    history: History
    verdict: Verdict
    path: Path
    """The file that holds the history."""
    logs: dict[str, str]
    """What each service wrote meanwhile, secrets redacted."""


@dataclass(frozen=True, kw_only=True)
class LoadMeasurement:
    """One run of a load profile, as `Measurement`."""

    history: History
    outcomes: Outcomes
    path: Path
    logs: dict[str, str]


class Tunnel:
    """Opened on first use, closed once. Not for several threads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.topology = read_topology(settings.topology)
        self._run: Run | None = None
        self._stack: Stack | None = None
        self._driver: LoadDriver | None = None

    @property
    def run(self) -> Run:
        if self._run is None:
            self._run = Run.begin()
        return self._run

    @property
    def stack(self) -> Stack:
        """The running system; started now if it is not running yet. Raises `StackError` with the reason."""
        if self._stack is None:
            self._driver = self._driver or LoadDriver.start_process(self.run)
            self._stack = backend_for(self.settings.backend, self.settings.proxy, self.run).start(
                self.topology, run=self.run, seed=self.settings.seed
            )
        return self._stack

    @property
    def driver(self) -> LoadDriver:
        if self._driver is None:
            self._driver = LoadDriver.start_process(self.run)
        return self._driver

    def measure(self, spec: Spec, watch: Callable[[Tick], None], *, repeat: int = 0) -> Measurement:
        """Run a spec once.

        Raises `CapabilityError` when this system lacks what the spec needs; `StackError` when it cannot be stood up.
        """
        path = self.settings.out / "histories" / f"{file_name(spec.id, repeat)}.jsonl"
        history, logs = self._conduct(Experiment, spec, spec_to_plain(spec), watch=watch, path=path, repeat=repeat)
        return Measurement(history=history, verdict=judge(history), path=path, logs=logs)

    def drive(
        self,
        profile: Profile,
        watch: Callable[[Tick], None],
        *,
        compare: Callable[[History], Sequence[Finding]] = lambda history: (),
    ) -> LoadMeasurement:
        """Run a load profile once. `compare` adds findings that need more than the history. Raises as `measure`."""
        path = self.settings.out / "load" / f"{file_name(profile.id, 0)}.jsonl"
        history, logs = self._conduct(ProfileRun, profile, profile_to_plain(profile), watch=watch, path=path)
        outcomes = judge_profile(history, extra=compare(history))
        return LoadMeasurement(history=history, outcomes=outcomes, path=path, logs=logs)

    def _conduct(
        self,
        kind: Callable[..., Trial[Any]],
        subject: Spec | Profile,
        plain: dict[str, object],
        *,
        watch: Callable[[Tick], None],
        path: Path,
        repeat: int = 0,
    ) -> tuple[History, dict[str, str]]:
        """Run it, its history kept at that path; the history, and what each service wrote meanwhile."""
        stack, driver = self.stack, self.driver
        seed = self.settings.seed_for(subject.id, subject.seed, repeat)
        began = time.monotonic()
        header = self._header(subject, plain, stack, seed)
        with HistoryWriter(path, header, redact=stack.redact) as writer:
            trial = kind(subject, stack, driver, self.run.journal, writer, seed=seed, watch=watch)
            try:
                trial.run()
            finally:
                services = self.topology.instances
                running = [name for name, service in services.items() if service.runs_on(stack.backend)]
                logs = {slug(name): "\n".join(stack.log_lines(name, began)) for name in running}
                if trial.dirty:
                    self.discard()
            return writer.snapshot(), logs

    def restore(self, service: str) -> None:
        """Give a replaced service its original settings back, if the system still stands."""
        if self._stack is not None:
            self._stack.replace(service, {})

    def discard(self) -> None:
        """Take the system down; the next use stands a fresh one up."""
        stack, self._stack = self._stack, None
        if stack is not None:
            stack.stop()

    def close(self) -> None:
        """Take everything down. Every part is tried, whatever fails."""
        failures: list[Exception] = []
        for part in (self.discard, self._stop_driver, self._end_run):
            try:
                part()
            except Exception as error:  # whatever it is, the other parts must be taken down too
                failures.append(error)
        if failures:
            raise ExceptionGroup("the run left something behind", failures)

    def _stop_driver(self) -> None:
        driver, self._driver = self._driver, None
        if driver is not None:
            driver.close()

    def _end_run(self) -> None:
        run, self._run = self._run, None
        if run is not None:
            run.end()

    def _header(self, spec: Spec | Profile, plain: dict[str, object], stack: Stack, seed: int) -> Header:
        return Header(
            experiment=spec.id,
            title=spec.title,
            spec_path=str(spec.path),
            spec_sha256=spec.sha256,
            spec=plain,
            degrades_to=self.topology.degrades_to,
            topology=self.topology.name,
            backend=stack.backend,
            proxy=stack.proxy_kind,
            seed=seed,
            run_id=stack.run_id,
            worker=self.settings.worker,
            wall_anchor=(time.monotonic(), time.time()),
            versions=installed_versions(),
            services=tuple(self.topology.services),
            edges={edge.name: edge.kind for edge in self.topology.edges},
            replicas=self.topology.replicas,
            profile=self.settings.profile,
            run_seed=self.settings.seed,
        )


def file_name(experiment: str, repeat: int) -> str:
    """A file name for an experiment's id, whatever its matrix cell holds."""
    safe = "".join(c if c.isalnum() or c in "-_.=" else "_" for c in experiment).rstrip("_")
    return f"{safe}.{repeat + 1}" if repeat else safe


def installed_versions() -> dict[str, str]:
    """Versions of the packages that matter for a figure."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except ModuleNotFoundError:  # importlib.metadata.PackageNotFoundError: not installed, so not part of the run
            continue
    return found
