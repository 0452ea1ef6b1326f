"""The benchmark of starting and stopping systems: its compose file says what ours do; its figures are not judged."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.stack.compose import Compose, find_compose
from benchmarks.stack.compose_file import TOXIPROXY, compose_file, edges_file
from benchmarks.stack.result import Result
from benchmarks.stack.sample import BenchError, Sample
from benchmarks.stack.systems import echo, storefront
from docker_system import require_engine

ROOT = Path(__file__).resolve().parents[2]


def bench(*arguments):
    """The command, ended."""
    command = [sys.executable, "-m", "benchmarks.stack", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


def written(topology):
    """Its compose file, with invented ports."""
    ports = {name: 30_000 + number for number, name in enumerate([*topology.instances, TOXIPROXY])}
    return compose_file(topology, ports)


def result(**samples):
    """Of (start, stop) pairs, a round each."""
    of = {name: [Sample(*pair) for pair in pairs] for name, pairs in samples.items()}
    return Result(system="shop", services=2, edges=2, samples=of)


def test_echo_system_has_a_proxy_for_each_service():
    """So it grows in one number."""
    chain = echo(5)

    assert list(chain.services) == ["echo-1", "echo-2", "echo-3", "echo-4", "echo-5"]
    assert [edge.name for edge in chain.edges][:2] == ["client->echo-1", "echo-1->echo-2"]
    assert len(chain.edges) == 5


def test_composed_storefront_has_what_ours_has_and_a_toxiproxy():
    """Every instance, with the image's program, init, a published port, and a check of what readiness means to us."""
    services = written(storefront())["services"]

    assert set(services) == {
        "users",
        "inventory-1",
        "inventory-2",
        "orders",
        "payments",
        "bank",
        "notifications",
        "mail",
    } | {TOXIPROXY}
    assert services["orders"]["command"] == ["python", "-m", "storefront.orders"]
    assert services["orders"]["init"]
    assert services["users"]["ports"] == ["127.0.0.1:30000:8000"]
    assert "GET /health/ready" in services["orders"]["healthcheck"]["test"][-1]
    assert "GET" not in services["mail"]["healthcheck"]["test"][-1]


def test_composed_services_call_each_other_through_toxiproxy():
    """Each variable names a port on which Toxiproxy has a proxy to the callee; instances are told by commas."""
    topology = storefront()
    env = written(topology)["services"]["orders"]["environment"]
    upstreams = {proxy["listen"].removeprefix("0.0.0.0:"): proxy["upstream"] for proxy in edges_file(topology)}
    ports = [url.removeprefix(f"http://{TOXIPROXY}:") for url in env["INVENTORY_URL"].split(",")]

    assert [upstreams[port] for port in ports] == ["inventory-1:8000", "inventory-2:8000"]
    assert len(upstreams) == len(topology.links)


def test_services_that_share_data_share_a_volume_and_a_secret():
    """As on our backends."""
    services = written(storefront())["services"]

    assert services["inventory-1"]["volumes"] == services["inventory-2"]["volumes"] == ["inventory-data:/data"]
    assert services["users"]["environment"]["JWT_KEY"]


@pytest.mark.parametrize(
    ("version", "up"),
    [("2.40.3", ["up", "-d", "--wait"]), ("dev", ["up", "-d", "--wait"]), ("1.29.2", ["up", "-d"])],
)
def test_only_a_compose_that_can_wait_is_told_to(version, up):
    """Version 1 cannot; its services are asked through their ports."""
    assert Compose(("docker-compose",), version).up[: len(up)] == up
    assert Compose(("docker-compose",), version).waits == ("--wait" in up)


def test_compose_that_was_named_must_answer(tmp_path):
    """Else a figure would silently be another program's."""
    with pytest.raises(BenchError, match="WINDTUNNEL_COMPOSE=/nowhere/compose: it does not tell its version"):
        find_compose({"WINDTUNNEL_COMPOSE": "/nowhere/compose"})
    (tmp_path / "compose").write_text("#!/bin/sh\necho v2.9.1\n")
    (tmp_path / "compose").chmod(0o755)

    found = find_compose({"WINDTUNNEL_COMPOSE": str(tmp_path / "compose")}, grace=0)

    assert (found.version, found.down) == ("2.9.1", ["down", "--volumes", "--timeout=0"])


def test_ratio_is_the_median_of_the_rounds_ratios():
    """What disturbed a whole round is in neither; ratios of medians would have it."""
    of = result(docker=[(4.0, 1.0), (30.0, 1.0), (4.0, 3.0)], compose=[(8.0, 2.0), (20.0, 2.0), (8.0, 2.0)])

    assert of.ratio("docker", "start") == 0.5
    assert of.median("docker", "start") == 4.0
    assert of.ratio("compose", "start") is None


@pytest.mark.parametrize(("sample", "met"), [((15.0, 5.0), True), ((15.1, 5.0), False), ((15.0, 5.1), False)])
def test_goals_are_both_or_missed(sample, met):
    """Ready within 15 s and down within 5 s."""
    assert result(docker=[sample]).met("docker") is met
    assert ("MISSED" in result(docker=[sample]).lines()[0]) is not met


def test_without_compose_there_are_figures_and_no_ratios():
    """The peer is not there; ours are."""
    of = result(process=[(1.0, 0.5)])

    assert of.data()["cases"]["process"]["start"] == {"median": 1.0, "ratio": None, "rounds": [1.0]}


def test_round_of_processes_is_measured_and_written(tmp_path):
    """From the one command; needs no engine."""
    ended = bench("--rounds=1", "--only=echo", "--sizes=2", "--cases=process", f"--out={tmp_path / 'stack.json'}")

    assert ended.returncode == 0, ended.stderr
    document = json.loads((tmp_path / "stack.json").read_text())
    assert {"cpu", "cores", "python", "load_at_start", "load_at_end"} <= set(document["machine"])
    (system,) = document["systems"]
    assert (system["system"], system["services"], system["edges"]) == ("echo-2", 2, 2)
    assert system["cases"]["process"]["start"]["rounds"][0] > 0
    assert "echo-2, 2 services, 2 edges" in ended.stdout


@pytest.mark.docker
def test_round_of_containers_is_measured_and_written(tmp_path):
    """Beside compose where there is one; what is left of either would have been an error."""
    require_engine()
    ended = bench(
        "--rounds=1", "--only=echo", "--sizes=2", "--cases=docker,compose", f"--out={tmp_path / 'stack.json'}"
    )

    assert ended.returncode == 0, ended.stderr
    (system,) = json.loads((tmp_path / "stack.json").read_text())["systems"]
    assert "docker" in system["cases"]
    assert ("compose" in system["cases"]) == ("no compose on this machine" not in ended.stdout)


@pytest.mark.parametrize("mistake", ["--rounds=0", "--sizes=5,x", "--cases=podman", "--only=nothing"])
def test_mistake_on_the_command_line_is_one_clear_error(mistake):
    """Nothing is started for it."""
    ended = bench(mistake)

    assert ended.returncode == 2
    assert f"argument {mistake.partition('=')[0]}: " in ended.stderr
