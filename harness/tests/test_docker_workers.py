"""Load from containers: three workers are one generator, and of one that is killed no wrong figure comes.

master (a process) <── the network's gateway ── worker-1, worker-2, worker-3 (containers) ──> server (a container)
"""

import os
import re
import subprocess
from itertools import count
from math import ceil
from pathlib import Path

import load_farm
import pytest
from docker_system import require_engine

from windtunnel.faults.base import UndoRecord
from windtunnel.load.distributed.result import LATE_AT_MOST
from windtunnel.load.histogram import Histogram
from windtunnel.stack.engine import RunEngine
from windtunnel.stack.images import ensure_images, python_image, workers_image
from windtunnel.undo import Run
from windtunnel.undo.containers import remove_all

pytestmark = pytest.mark.docker
ROOT = Path(__file__).resolve().parents[2]
DOCUMENTED = (ROOT / "load" / "ENGINE.md").read_text(encoding="utf-8")
PORT = 8000


class Containers:
    """A network with a server that writes down whom it has answered, and workers as the documentation starts them."""

    def __init__(self, run, folder):
        self.engine, self.run_id = RunEngine(run.run_id), run.run_id
        image = workers_image(Path("load/Dockerfile"), ROOT)
        ensure_images([image], self.engine.api, self.engine.client.client)
        run.journal.plan(UndoRecord(op="containers_remove", data={"engine": self.engine.api.url, "run": run.run_id}))
        subnet = self.engine.create_network("load", 28)
        self.image, self.gateway = image.name, str(subnet.network_address + 1)
        self.network, self.server = self.engine.name("load"), str(subnet.network_address + 2)
        self._folder, self._number = folder, count(1)

    def serve(self, name):
        """A server of that name; returns the file of its record."""
        record = self._folder / f"{name}.txt"
        record.touch()
        program = load_farm.SERVER.read_text(encoding="utf-8")
        self.engine.create_container(
            name,
            python_image(),
            ["python3", "-c", program, f"/record/{record.name}", "0.0.0.0", str(PORT)],
            env={},
            places=[("load", self.server, ())],
            volumes={str(self._folder): {"bind": "/record", "mode": "rw"}},
        ).start()
        return record

    def start_worker(self, farm):
        """By the documented line, with the options for a network and for another load; returns its name."""
        (line,) = re.findall(r"^ +(docker run .*)$", DOCUMENTED, re.MULTILINE)
        place = f'--network "{self.network}" --label windtunnel.run={self.run_id} -v "{farm.folder}:/load:ro"'
        values = {"IMAGE": self.image, "MASTER": self.gateway, "n": f"{next(self._number)}-{self.run_id}"}
        command = f"{line.replace('docker run', f'docker run {place}')} --master-port {farm.port}"
        subprocess.run(["sh", "-ec", command], env={**os.environ, **values}, check=True, capture_output=True)
        return f"worker-{values['n']}"

    def close(self):
        """Nothing of it stays."""
        remove_all(self.engine.api, self.run_id)
        self.engine.close()


@pytest.fixture(scope="module")
def containers(tmp_path_factory):
    require_engine()
    with Run.begin(parent=tmp_path_factory.mktemp("run")) as run:
        made = Containers(run, tmp_path_factory.mktemp("records"))
        yield made
        made.close()


@pytest.fixture(scope="module")
def record(containers):
    return containers.serve("server")


@pytest.fixture
def farm(containers, record, tmp_path):
    record.write_text("")
    with load_farm.Farm(tmp_path / "farm", f"http://{containers.server}:{PORT}") as made:
        yield made


def start(farm, containers, load):
    """A master on this machine and three workers; their names."""
    at = ("--master-bind-host", containers.gateway, "--master-bind-port", str(farm.port))
    farm.start(load, 0, "--master", *at, "--expect-workers", "3")
    return [containers.start_worker(farm) for _ in range(3)]


def test_three_containers_send_one_plan(farm, containers, record):
    """Each arrival once and when it was due; the merged histogram counts what the server has answered."""
    names = start(farm, containers, "120/s 3s constant")
    code, result = farm.end()
    assert result is not None, farm.said()
    # Containers have one process's part of a busy machine: too late then, and that is said, of figures that are true.
    late = any(worker["late_p99_s"] > LATE_AT_MOST for worker in result["workers"])
    assert (code, result["verdict"]) == ((3, "unknown") if late else (0, "passed")), farm.said()
    samples, answered = farm.samples(), load_farm.read_record(record)
    (route,) = result["routes"]
    merged = Histogram.from_plain(route["histograms"]["latency"])
    latencies = sorted(sample["end"] - sample["due"] for sample in samples)
    clocks = {worker["name"].rpartition("_")[0]: worker["clock"] for worker in result["workers"]}
    blur = max(clock["bound_s"] for clock in clocks.values()) + 1e-6

    assert result["complete"]
    assert [worker["offered"] for worker in result["workers"]] == [120, 120, 120]
    assert merged.count == result["total"]["requests"] == result["sent"] == len(answered) == 360
    assert sorted(sample["request_id"] for sample in samples) == sorted(answered)
    assert [s["due"] - samples[0]["due"] for s in samples] == pytest.approx([k / 120 for k in range(360)], abs=1e-6)
    assert merged.quantile(0.95) == pytest.approx(latencies[ceil(0.95 * 360) - 1], rel=0.002, abs=2e-6)
    # One kernel, so one clock: what was measured is wrong by no more than it says.
    assert clocks.keys() == set(names)
    assert all(abs(clock["ahead_s"]) <= clock["bound_s"] for clock in clocks.values())
    assert all(s["start"] - blur <= answered[s["request_id"]] for s in samples)
    assert all(
        re.search(rf"{name}_\w+: 120 of 120, .* clock [+-]\d+\.\d\dms, give or take", farm.said()) for name in names
    )


def test_a_killed_container_makes_the_run_invalid(farm, containers, record):
    """It is noticed, named, and the run ends; what is counted until then the server has answered."""
    names = start(farm, containers, "90/s 300s")
    farm.wait_for_samples(60)
    subprocess.run(["docker", "kill", names[1]], check=True, capture_output=True)
    code, result = farm.end()
    lost = [reason for reason in result["reasons"] if "was lost" in reason]
    counted = [sample["request_id"] for sample in farm.samples()]

    assert (code, result["verdict"], result["complete"]) == (3, "unknown", False), farm.said()
    assert len(lost) == 1
    assert names[1] in lost[0]
    assert "INVALID, do not use these figures" in farm.said()
    assert len(counted) == result["total"]["requests"] >= 60
    assert set(counted) <= load_farm.read_record(record).keys()


def test_the_image_holds_this_folder_s_load_and_runs_it_as_nobody_in_particular(containers):
    """Without a mount a worker has what is in the repository; it may change nothing of it."""
    look = "id -u; ls /load; touch /load/x /opt/x 2>/dev/null || cat /load/*"
    said = containers.engine.client.client.containers.run(
        containers.image, ["-c", look], entrypoint="sh", labels=containers.engine.labels, remove=True
    )
    files = [ROOT / "load" / name for name in ("locustfile.py", "scenarios.py", "slos.yaml")]

    held = said.decode()

    assert held.startswith("\n".join(["10001", *(file.name for file in files), ""]))
    assert held.endswith("".join(map(Path.read_text, files)))
