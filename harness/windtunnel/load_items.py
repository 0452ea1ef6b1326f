"""Load profiles as pytest sees them: a YAML file is a collector with one item."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from windtunnel.checks.verdict import Verdict
from windtunnel.driving import Driven, drive
from windtunnel.errors import BadInputError, CheckFailedError, ProfileError, WindtunnelError
from windtunnel.faults import SHAPES
from windtunnel.items import IDS, SETTINGS, VERDICT_PROPERTY, UnknownVerdictError, open_tunnel, relative
from windtunnel.profiles import Profile, read_profile
from windtunnel.profiles.judging import Outcomes
from windtunnel.report.load_allure import describe_profile, show_load
from windtunnel.report.load_entry import load_entry
from windtunnel.report.progress import ProgressFile
from windtunnel.report.summary import write_load_part
from windtunnel.topology import read_topology

ALONE = "load profiles need the machine for themselves: run them with -n 0 or -n 1; this run has {} workers"


class ProfileFile(pytest.File):
    """One load profile. A mistake in it, or in the SLO file, is a collection error of one line."""

    def collect(self) -> Iterable[ProfileItem]:
        settings = self.config.stash[SETTINGS]
        topology = read_topology(settings.topology)
        path = relative(self.path, Path.cwd())
        slos = relative(self.config.rootpath / self.config.getini("wt_slos"), Path.cwd())
        profile = read_profile(path, topology, slos=slos, faults=SHAPES, profile=settings.profile)
        taken = self.config.stash.setdefault(IDS, {}).setdefault(f"load/{profile.id}", profile.path)
        if taken != profile.path:
            raise ProfileError(f"the id {profile.id!r} is taken by {taken}; write another 'id'", path=path)
        yield ProfileItem.from_parent(self, name=profile.id, profile=profile)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, BadInputError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)


class ProfileItem(pytest.Item):
    """One load profile. Its verdict is raised in its call, so that pytest counts it once."""

    def __init__(self, *, profile: Profile, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.profile = profile
        self.add_marker(pytest.mark.load)
        if profile.nightly:
            self.add_marker(pytest.mark.nightly)
        # All of them on one worker, where pytest-xdist is told so (--dist=loadgroup).
        self.add_marker(pytest.mark.xdist_group("windtunnel-load"))
        self.extra_keyword_matches.update(profile.tags)

    def runtest(self) -> None:
        describe_profile(self.profile)
        workers = getattr(self.config, "workerinput", {}).get("workercount", 1)
        if workers > 1 and not getattr(self.config.option, "loadgroup", False):
            self._leave_out(ALONE.format(workers))
        tunnel, settings = open_tunnel(self.config), self.config.stash[SETTINGS]
        with ProgressFile(settings.out, settings.worker) as progress:
            driven = drive(tunnel, self.profile, self.nodeid, self._reproduction, progress.show)
        if driven.history is not None:
            show_load(driven.history, self.profile, driven.outcomes, driven.entry, driven.plots)
        self.user_properties.append((VERDICT_PROPERTY, driven.outcomes.verdict.outcome))
        self._raise(driven)

    def _leave_out(self, why: str) -> None:
        """What was not measured is listed, with the reason."""
        settings, verdict = self.config.stash[SETTINGS], Verdict(outcome="SKIP", errors=(why,))
        entry = load_entry(self.nodeid, self.profile, Outcomes(verdict=verdict), None, self._reproduction)
        write_load_part(settings.out, settings.worker, entry)
        pytest.skip(why)

    def _raise(self, driven: Driven) -> None:
        outcome = driven.outcomes.verdict.outcome
        if outcome == "SKIP":
            pytest.skip("; ".join(driven.outcomes.verdict.errors))
        if outcome == "FAIL":
            raise CheckFailedError(self._explain(driven))
        if outcome == "ERROR":
            raise UnknownVerdictError(self._explain(driven))

    @property
    def _reproduction(self) -> str:
        settings = self.config.stash[SETTINGS]
        return f"pytest '{self.nodeid}' --wt-seed={settings.seed} --wt-profile={settings.profile}"

    def _explain(self, driven: Driven) -> str:
        verdict = driven.outcomes.verdict
        lines = [f"{verdict.outcome}: load profile {self.profile.id}: {self.profile.title}"]
        lines += [f"  {reason}" for reason in verdict.reasons]
        if driven.path is not None:
            lines.append(f"  history:   {relative(driven.path, self.config.rootpath)}")
        return "\n".join([*lines, f"  reproduce: {self._reproduction}"])

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, WindtunnelError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, f"load profile: {self.profile.title}"


def left_for_the_night(config: pytest.Config, items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Nightly profiles that nobody asked for: neither with another `--wt-profile` than ci, nor by name or file."""
    return [item for item in items if isinstance(item, ProfileItem) and not _asked_for(config, item)]


def _asked_for(config: pytest.Config, item: ProfileItem) -> bool:
    profile = config.stash[SETTINGS].profile
    by_path = any(str(arg).split("::")[0].endswith(item.path.name) for arg in config.args)
    by_name = item.profile.id in config.getoption("keyword", "")
    return not item.profile.nightly or by_path or by_name or profile != "ci"
