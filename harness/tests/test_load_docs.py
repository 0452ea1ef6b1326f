"""The page on load profiles: its example is read, every shipped profile is in it, every metric is explained."""

import re
from pathlib import Path

import pytest

from windtunnel.faults import SHAPES
from windtunnel.profiles import read_profile
from windtunnel.profiles.promises import KNOWN
from windtunnel.topology import read_topology

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "load" / "README.md").read_text(encoding="utf-8")
PROFILES = sorted((ROOT / "load" / "profiles").glob("*.yaml"))


@pytest.fixture(scope="module")
def topology():
    return read_topology(ROOT / "platform" / "topology.yaml")


def read(path, topology, **more):
    return read_profile(path, topology, slos=ROOT / "load" / "slos.yaml", faults=SHAPES, **more)


@pytest.mark.parametrize("variant", ["ci", "nightly"])
@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_every_shipped_profile_is_sound(path, topology, variant):
    """Read strictly, each promise decidable, in both forms; and its sentence is a claim or a question."""
    of = read(path, topology, profile=variant)

    assert of.id == path.stem
    assert of.planned > 0


def test_every_shipped_profile_is_in_the_table():
    """And nothing that is not shipped."""
    assert sorted(re.findall(r"^\| \[`(\w+)`\]\(profiles/", TEXT, re.MULTILINE)) == [path.stem for path in PROFILES]


def test_table_knows_which_run_at_night_only(topology):
    """`runs: nightly`."""
    rows = dict(re.findall(r"^\| \[`(\w+)`\].*\| (\w+)[^|]*\|$", TEXT, re.MULTILINE))

    assert rows == {path.stem: "nightly" if read(path, topology).nightly else "always" for path in PROFILES}


def test_example_can_be_read(topology, tmp_path):
    """As it stands."""
    (example,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    (tmp_path / "example.yaml").write_text(example)

    assert [stage.name for stage in read(tmp_path / "example.yaml", topology).stages] == ["warmup", "steady", "cool"]


def test_every_metric_is_explained():
    """Those of experiments too; percentiles by example."""
    documented = set(re.findall(r"`([a-z0-9_.]+)`", TEXT))

    assert {metric for metric in KNOWN if metric != "p99.9"} <= documented
