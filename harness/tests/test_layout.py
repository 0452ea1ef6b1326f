"""The rules of the house that a tool can hold: the name clash of `platform`, and who may import whom."""

import ast
import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "resilience": ROOT / "platform" / "resilience",
    "storefront": ROOT / "platform" / "storefront",
    "windtunnel": ROOT / "harness" / "windtunnel",
}
FORBIDDEN = {
    "resilience": {"storefront", "windtunnel", "flask", "pytest"},
    "storefront": {"windtunnel", "pytest"},
    "windtunnel": {"resilience", "storefront", "flask"},
}
WITHOUT_PYTEST = (
    *("spec", "checks", "topology", "faults", "proxy", "stack", "undo", "profiles", "fuzz"),
    *("history.py", "experiment.py", "trial.py"),
)


def imported(path: Path) -> set[str]:
    """Every module that a file imports, at its top or anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def files(folder: Path) -> list[Path]:
    return [folder] if folder.is_file() else sorted(folder.rglob("*.py"))


def test_platform_is_the_standard_library_s():
    """`platform/` is a source root; as a package it would hide a module that everything needs."""
    assert Path(platform.__file__).is_relative_to(Path(sys.base_prefix))
    assert not list((ROOT / "platform").glob("*.py"))


@pytest.mark.parametrize("root", ["platform", "harness"])
def test_source_roots_hold_no_python_of_their_own(root):
    """A conftest.py or __init__.py there would turn the folder into something importable."""
    assert [path.name for path in (ROOT / root).glob("*.py")] == []
    assert [path.name for path in (ROOT / root / "tests").glob("__init__.py")] == []


@pytest.mark.parametrize("package", sorted(FORBIDDEN))
def test_no_package_imports_what_it_must_not(package):
    """The harness knows a system only through its topology, its ports and its answers."""
    found = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files(PACKAGES[package])
        for name in imported(path)
        if name.split(".")[0] in FORBIDDEN[package]
    }

    assert found == set()


def test_the_core_imports_no_pytest():
    """Specs, checks, faults and the runner work without it."""
    core = [path for part in WITHOUT_PYTEST for path in files(PACKAGES["windtunnel"] / part)]

    assert [str(path.relative_to(ROOT)) for path in core if "pytest" in imported(path)] == []


def test_faults_and_checks_do_not_know_each_other():
    """Who disturbs does not judge."""
    windtunnel = PACKAGES["windtunnel"]
    crossed = [p for p in files(windtunnel / "faults") if any("windtunnel.checks" in n for n in imported(p))]
    crossed += [p for p in files(windtunnel / "checks") if any("windtunnel.faults" in n for n in imported(p))]

    assert crossed == []


def test_every_test_file_has_a_name_of_its_own():
    """Import mode `prepend` imports test files by their base name."""
    names = [
        p.name
        for root in ("platform", "harness", "contracts", "chaos_specs", "load")
        for p in (ROOT / root).rglob("test_*.py")
    ]

    assert sorted(names) == sorted(set(names))


def test_tests_that_measure_run_one_after_the_other():
    """The group that `conftest.py` gives them reaches xdist, which shows it behind a test's name."""
    one = "harness/tests/test_load_truth.py::test_arrivals_keep_their_schedule"
    command = [sys.executable, "-m", "pytest", "-v", "-n", "1", "--dist=loadgroup", "-p", "no:cacheprovider", one]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)

    assert f"{one}@drives_load" in run.stdout, run.stdout + run.stderr
