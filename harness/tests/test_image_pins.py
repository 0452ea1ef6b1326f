"""The storefront's image installs what is tested: the same versions with the same hashes."""

import re
from pathlib import Path

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


def test_the_image_s_pins_are_those_of_the_locked_environment():
    """A part of the same lock."""
    image, locked = pins(ROOT / "platform" / "requirements.lock"), pins(ROOT / "requirements.lock")

    assert {"flask", "granian", "httpx", "sqlalchemy"} <= image.keys()
    assert image == {name: locked.get(name) for name in image}


def test_the_image_runs_as_nobody_in_particular_and_tells_its_health():
    """Not as root; every base image has a name that can be changed."""
    recipe = (ROOT / "platform" / "Dockerfile").read_text(encoding="utf-8")

    assert re.findall(r"^USER (\S+)", recipe, re.MULTILINE) == ["10001:10001"]
    assert "HEALTHCHECK" in recipe
    assert set(re.findall(r"^FROM (\S+)", recipe, re.MULTILINE)) == {"${PYTHON_IMAGE}"}
