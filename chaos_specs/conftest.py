"""Prints what each switched-off policy was caught by. Leaves out the experiments on databases where there are none."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent


def pytest_ignore_collect(collection_path: Path, config) -> bool | None:
    """`postgres/` needs `--wt-topology=platform/topology-postgres.yaml`, which is not the usual one."""
    if collection_path != HERE / "postgres":
        return None
    return None if "postgres" in (config.getoption("--wt-topology") or "") else True


def pytest_terminal_summary(terminalreporter) -> None:
    reports = [r for rs in terminalreporter.stats.values() for r in rs if getattr(r, "when", None) == "call"]
    rows = [value for r in reports for name, value in r.user_properties if name == "defect"]
    if not rows:
        return
    terminalreporter.section("switched-off policies and what caught them")
    for experiment, policy, killer in sorted(rows):
        terminalreporter.write_line(f"{policy:32} {experiment:28} {killer}")
