"""Our images install what is tested: the same versions with the same hashes."""

import re
from pathlib import Path

import pytest

from windtunnel.stack.contexts import folder_context

ROOT = Path(__file__).resolve().parents[2]


def pins(path):
    """Version and hashes by package."""
    found, current = {}, None
    for line in path.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([A-Za-z0-9._-]+)==([^ ;\\]+)", line):
            current = re.sub(r"[-_.]+", "-", match[1]).lower()
            found[current] = [match[2]]
        elif current and (match := re.match(r"\s+--hash=(\S+)", line)):
            found[current].append(match[1])
    return found


@pytest.mark.parametrize(
    ("folder", "needed"),
    [
        ("platform", {"flask", "granian", "httpx", "sqlalchemy"}),
        ("load", {"gevent", "geventhttpclient", "locust", "pyyaml"}),
    ],
    ids=["storefront", "workers"],
)
def test_the_image_s_pins_are_those_of_the_locked_environment(folder, needed):
    """A part of the same lock."""
    image, locked = pins(ROOT / folder / "requirements.lock"), pins(ROOT / "requirements.lock")

    assert needed <= image.keys()
    assert image == {name: locked.get(name) for name in image}


def test_the_workers_image_is_built_from_what_they_run_and_nothing_else():
    """Not from this environment, nor from tests: a change there makes no other image."""
    files = folder_context(ROOT, "load/Dockerfile", {}).files
    kinds = {re.sub(r"^(harness/windtunnel|load/wheels)/.*", r"\1", name) for name in files}
    own = {"locustfile.py", "scenarios.py", "slos.yaml", "requirements.lock", "Dockerfile"}

    assert kinds - {"load/wheels"} == {".dockerignore", "harness/windtunnel", *(f"load/{name}" for name in own)}
    assert "harness/windtunnel/load/distributed/worker.py" in files
    assert not any("__pycache__" in name for name in files)


@pytest.mark.parametrize("folder", ["platform", "load"])
def test_the_image_runs_as_nobody_in_particular(folder):
    """Not as root; every base image has a name that can be changed."""
    recipe = (ROOT / folder / "Dockerfile").read_text(encoding="utf-8")

    assert re.findall(r"^USER (\S+)", recipe, re.MULTILINE) == ["10001:10001"]
    assert set(re.findall(r"^FROM (\S+)", recipe, re.MULTILINE)) == {"${PYTHON_IMAGE}"}


def test_the_storefront_s_image_tells_its_health():
    """Of a load worker the master asks itself."""
    assert "HEALTHCHECK" in (ROOT / "platform" / "Dockerfile").read_text(encoding="utf-8")
