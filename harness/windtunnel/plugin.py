"""pytest hooks and fixtures, nothing else. Passive where no topology is named (`wt_topology`, `--wt-topology`)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from windtunnel.errors import CapabilityError, WindtunnelError
from windtunnel.session_setup import (
    CHOICE,
    PLAN,
    choice_of,
    end_cleanly_on_sigterm,
    known_system,
    prepare_folder,
    runs_experiments,
    selects,
    topology_path,
)

MARKERS = {
    "chaos": "an experiment: load runs, something breaks, promises are judged",
    "contract": "checks an API against its contract",
    "fuzz": "generated requests against an API",
    "load": "a load profile whose SLOs are asserted",
    "docker": "needs a container engine",
    "nightly": "too long for every change",
}


def _real_stdout() -> int:
    try:
        return os.dup(1)
    except OSError:  # a process without a standard output has no live line
        return os.open(os.devnull, os.O_WRONLY)


TERMINAL = _real_stdout()
"""Where a live line goes: the real standard output, before pytest begins to capture what tests print."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("windtunnel", "windtunnel: resilience experiments")
    group.addoption(
        "--wt-backend",
        choices=("auto", "process", "docker", "external"),
        default="auto",
        help="where the services run: 'process' starts them on loopback, 'docker' as containers; 'auto' (default) is "
        "docker where an engine answers and all images are there, else process; 'external' reaches a system that runs "
        "already, by its topology's URLs, and touches only what its allow-list names",
    )
    group.addoption(
        "--wt-proxy",
        choices=("auto", "embedded", "toxiproxy"),
        default="auto",
        help="which Toxiproxy stands on the edges: 'embedded' is our own, 'toxiproxy' Shopify's; 'auto' (default) is "
        "toxiproxy on docker and embedded on processes",
    )
    group.addoption(
        "--wt-profile", default="ci", metavar="NAME", help="profile of the experiments: ci (default), nightly, ..."
    )
    group.addoption("--wt-topology", metavar="FILE", help="the system under test (default: ini option wt_topology)")
    group.addoption(
        "--wt-seed", type=int, default=0, metavar="N", help="seed of arrivals, choices and faults (default 0)"
    )
    group.addoption(
        "--wt-out",
        default="reports/out",
        metavar="DIR",
        help="where the evidence goes: summary.json, histories/, allure-results/ (default reports/out)",
    )
    parser.addini("wt_topology", "the system under test: a topology file, relative to the root folder")
    parser.addini(
        "wt_profiles", "folder whose YAML files are load profiles (default load/profiles)", "string", "load/profiles"
    )
    parser.addini(
        "wt_slos", "file of SLOs that load profiles name (default load/slos.yaml)", "string", "load/slos.yaml"
    )
    parser.addini("wt_specs", "folder whose YAML files are experiments (default chaos_specs)", default="chaos_specs")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    for name, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")
    topology = config.getoption("--wt-topology") or config.getini("wt_topology")
    if not topology:
        return
    from windtunnel.items import SETTINGS
    from windtunnel.settings import Settings

    worker = getattr(config, "workerinput", {}).get("workerid", "main")
    path = topology_path(config)
    known = known_system(path)
    if known is not None and known.fuzz is not None:
        config.stash[PLAN] = known.fuzz.resolve()
    choice = choice_of(config, known)
    settings = Settings(
        topology=path,
        out=(config.rootpath / config.getoption("--wt-out")),
        backend=choice.backend,
        backend_reason=choice.backend_reason,
        proxy=choice.proxy,
        proxy_reason=choice.proxy_reason,
        profile=config.getoption("--wt-profile"),
        seed=config.getoption("--wt-seed"),
        worker=worker,
    )
    config.stash[SETTINGS] = settings
    if runs_experiments(config):
        if not getattr(config.option, "allure_report_dir", None):
            config.option.allure_report_dir = str(settings.out / "allure-results")
        if worker == "main" and not config.option.collectonly:
            prepare_folder(settings.out)
    end_cleanly_on_sigterm(config)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Before a worker of pytest-xdist is started."""
    from windtunnel.items import SETTINGS

    settings = node.config.stash.get(SETTINGS, None)
    if settings is not None:
        names = ("backend", "backend_reason", "proxy", "proxy_reason")
        node.workerinput[CHOICE] = {name: getattr(settings, name) for name in names}


def pytest_report_header(config: pytest.Config) -> str | None:
    from windtunnel.items import SETTINGS

    settings = config.stash.get(SETTINGS, None)
    return settings.headline if settings else None


SPEC_SUFFIXES = (".yaml", ".yml")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    from windtunnel.items import SETTINGS, SpecFile

    config = parent.config
    if file_path.suffix not in SPEC_SUFFIXES or SETTINGS not in config.stash:
        return None
    if file_path == config.stash.get(PLAN, None) and selects(config, "fuzz"):
        from windtunnel.fuzz_items import FuzzFile  # brings Schemathesis, which takes longer than all the rest

        return FuzzFile.from_parent(parent, path=file_path)
    if file_path.is_relative_to(config.rootpath / config.getini("wt_specs")):
        return SpecFile.from_parent(parent, path=file_path)
    if file_path.is_relative_to(config.rootpath / config.getini("wt_profiles")):
        from windtunnel.load_items import ProfileFile

        return ProfileFile.from_parent(parent, path=file_path)
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Load profiles for the night run at night, or when they are asked for by name."""
    from windtunnel.items import SETTINGS
    from windtunnel.load_items import left_for_the_night

    if SETTINGS not in config.stash:
        return
    left = left_for_the_night(config, items)
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """An experiment whose outcome is unknown counts as an error, not as a failure."""
    verdict = dict(report.user_properties).get("windtunnel_verdict") if hasattr(report, "user_properties") else None
    if report.when == "call" and report.failed and verdict == "ERROR":
        return "error", "E", "ERROR"
    return None


@pytest.hookimpl(optionalhook=True)
def pytest_handlecrashitem(crashitem: str, sched: Any) -> None:
    """An experiment whose worker died must not be missing from the summary: what happened is unknown."""
    from windtunnel.items import SETTINGS
    from windtunnel.report.summary import write_lost, write_lost_cell

    config = sched.config
    specs = config.rootpath / config.getini("wt_specs")
    file = config.rootpath / crashitem.split("::", maxsplit=1)[0]
    if SETTINGS in config.stash and file.is_relative_to(specs) and file.suffix in SPEC_SUFFIXES:
        write_lost(config.stash[SETTINGS].out, crashitem)
    if SETTINGS in config.stash and file == config.stash.get(PLAN, None):
        write_lost_cell(config.stash[SETTINGS].out, crashitem)


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    from windtunnel.items import SETTINGS

    settings = session.config.stash.get(SETTINGS, None)
    reporter: Any = session.config.pluginmanager.getplugin("terminalreporter")
    if settings is not None and settings.worker == "main" and reporter is not None:
        from windtunnel.report.live import LiveLine

        live = LiveLine(settings.out, TERMINAL, terminal=reporter.isatty, width=reporter._tw.fullwidth)
        session.config.pluginmanager.register(live, "windtunnel-live")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    from windtunnel.items import TUNNEL

    tunnel = session.config.stash.get(TUNNEL, None)
    if tunnel is None:
        return
    try:
        tunnel.close()
    except ExceptionGroup as left:  # the evidence of the whole run must not be lost over it
        reasons = "; ".join(f"{type(error).__name__}: {error}" for error in left.exceptions)
        session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
        os.write(TERMINAL, f"\nwindtunnel: not everything could be taken down: {reasons}\n".encode())


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    from windtunnel.items import SETTINGS
    from windtunnel.report.allure_facts import write_facts
    from windtunnel.report.facts import facts_of
    from windtunnel.report.outdir import tidy
    from windtunnel.report.summary import merge_summary
    from windtunnel.report.terminal import closing_lines
    from windtunnel.tunnel import installed_versions

    settings = config.stash.get(SETTINGS, None)
    if settings is None or settings.worker != "main" or not runs_experiments(config):
        return
    summary = merge_summary(settings.out, facts_of(settings, installed_versions()))
    write_facts(settings.out / "allure-results", summary.document)
    tidy(settings.out)
    lines = closing_lines(summary, config.rootpath)
    if lines:
        terminalreporter.section("windtunnel")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture
def stack(request: pytest.FixtureRequest) -> Any:
    """The running system, shared with the experiments of this worker; it stands until the worker ends."""
    return _stack(request)


@pytest.fixture
def chaos(request: pytest.FixtureRequest) -> Any:
    """Breaks things by hand: `with chaos.partition("a->b"): ...`, proven and undone like an experiment's."""
    from windtunnel.chaos import Chaos

    tunnel = _tunnel(request)
    return Chaos(_stack(request), tunnel.run.journal)


@pytest.fixture(scope="session")
def load(request: pytest.FixtureRequest) -> Any:
    """The load generator of this worker: `load.start(plan, on_samples=...)`."""
    return _tunnel(request).driver


@pytest.fixture
def toxiproxy(request: pytest.FixtureRequest) -> Any:
    """The toxiproxy-python client, bound to this worker's server (its host and port are class-global)."""
    from toxiproxy import Toxiproxy

    client = Toxiproxy()
    try:
        address = _stack(request).proxy_api
    except CapabilityError as missing:
        pytest.skip(str(missing))
    client.update_api_consumer(address.host, address.port)
    return client


def _stack(request: pytest.FixtureRequest) -> Any:
    tunnel = _tunnel(request)
    try:
        return tunnel.stack
    except WindtunnelError as error:
        pytest.fail(str(error), pytrace=False)


def _tunnel(request: pytest.FixtureRequest) -> Any:
    from windtunnel.items import SETTINGS, open_tunnel

    if SETTINGS not in request.config.stash:
        pytest.fail("no system to stand up: set wt_topology in the configuration, or --wt-topology=FILE", pytrace=False)
    try:
        return open_tunnel(request.config)
    except WindtunnelError as error:
        pytest.fail(str(error), pytrace=False)
