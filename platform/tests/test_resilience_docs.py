"""The documentation of the policies: its example runs, and its table is true."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import resilience
from resilience import prometheus

README = (Path(resilience.__file__).parent / "README.md").read_text()
SETTINGS = [kind for name, kind in vars(resilience).items() if name.endswith("Settings") or name == "EdgePolicy"]


def test_example_runs():
    """As it stands; what its text promises is what comes out."""
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", example], capture_output=True, text=True, timeout=60, check=False
    )

    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.count("200 {'left': 3}") == 20
    assert run.stdout.count("kind='ejected'") == 1


def test_every_setting_is_in_the_table_with_its_default():
    """And nothing else is."""
    rows = dict(re.findall(r"^\| `(\w+\.\w+)` \| (.*?) ?\|", README, re.MULTILINE))
    expected = {
        f"{kind.__name__}.{field.name}": _default(field) for kind in SETTINGS for field in dataclasses.fields(kind)
    }
    del expected["FallbackSettings.answer"]

    assert rows == expected


def _default(field):
    if field.default_factory is not dataclasses.MISSING:
        return f"{field.default_factory.__name__}()"
    return "" if field.default is dataclasses.MISSING else str(field.default)


def test_every_policy_and_error_is_described():
    """One that is added has to be documented."""
    errors = {name for name in resilience.__all__ if name.endswith("Error")} - {"PolicyError"}
    policies = {"Fallback", "Cache", "Deadline", "Retry", "Balancer", "Breaker", "Rate limit", "Bulkhead", "Wire"}

    assert [name for name in errors if f"`{name}`" not in README and f" {name} " not in README] == []
    assert [name for name in policies if f"**{name}**" not in README] == []


def test_metrics_that_are_named_exist():
    """By the names that a dashboard uses."""
    named = set(re.findall(r"`((?:circuit|outbound|retry|bulkhead|balancer)_\w+?)(?:_total)?(?:\{\w+\})?`", README))

    assert len(named) >= 6
    assert named <= prometheus._GAUGES.keys() | prometheus._COUNTERS.keys()
