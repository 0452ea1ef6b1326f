"""A system of processes: stood up, changed, signalled, taken down."""

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from tiny_system import facts, get, service, topology

from windtunnel.errors import (
    CapabilityError,
    NotQuietError,
    NotReadyError,
    PortTakenError,
    ServiceDiedError,
    StackError,
    TopologyError,
)
from windtunnel.stack.base import Signals, Stack
from windtunnel.stack.ports import reserve_port
from windtunnel.stack.process import ProcessBackend
from windtunnel.topology.model import Edge
from windtunnel.undo import RUN_VARIABLE, Run
from windtunnel.undo.processes import carriers, look


@pytest.fixture
def run(tmp_path):
    (tmp_path / "runs").mkdir()
    with Run.begin(parent=tmp_path / "runs") as run:
        yield run


@pytest.fixture
def start(tmp_path, run):
    """Starts a system of the given services; it is stopped after the test."""
    stacks = []

    def start(*services, edges=(), **settings):
        stacks.append(ProcessBackend(**settings).start(topology(tmp_path, *services, edges=edges), run=run))
        return stacks[-1]

    yield start
    for stack in stacks:
        stack.stop()


def pair(**back):
    """Two services with an edge between them, and the client's edge to the first."""
    return {
        "services": (service("front"), service("back", **back)),
        "edges": (Edge(source="client", target="front"), Edge(source="front", target="back", via_env="BACK_URL")),
    }


def refuses(address):
    try:
        socket.create_connection((address.host, address.port), timeout=2).close()
    except ConnectionRefusedError:
        return True
    return False


def test_process_stack_is_a_stack_with_signals(start):
    """Faults ask for these before they begin."""
    stack = start()

    assert isinstance(stack, Stack)
    assert isinstance(stack, Signals)


def test_started_system_is_ready(start):
    """No test needs to wait for anything."""
    stack = start(service("a"), service("b"))

    assert [get(stack.address(name), "/health/ready")[0] for name in "ab"] == [200, 200]


def test_accepting_connections_is_readiness_enough_for_tcp(start):
    """A database has no health path."""
    stack = start(service(ready="tcp", env={"STATUS": "503"}))

    assert not refuses(stack.address("alone"))


def test_caller_is_told_the_proxy_s_address(start):
    """Past its proxy, no fault could reach it."""
    system = pair()
    stack = start(*system["services"], edges=system["edges"])
    told = facts(stack.address("front"))["env"]["BACK_URL"]

    assert told == f"http://{stack.edge_address('front->back')}"
    assert stack.edge_address("front->back") != stack.address("back")


def test_edge_leads_to_its_service(start):
    """One proxy an edge, and it carries data."""
    system = pair()
    stack = start(*system["services"], edges=system["edges"])

    assert facts(stack.edge_address("front->back"))["pid"] == facts(stack.address("back"))["pid"]
    assert stack.proxy("front->back").state().upstream == str(stack.address("back"))


def test_edge_of_another_backend_is_a_missing_capability(start):
    """The experiment is skipped, with this reason."""
    stack = start(edges=(Edge(source="alone", target="db", protocol="tcp", backends=frozenset({"docker"})),))

    with pytest.raises(CapabilityError, match="no edge alone->db"):
        stack.proxy("alone->db")


def test_environment_is_what_the_topology_says_and_little_else(start, monkeypatch):
    """A proxy setting of the caller would lead a service past its edges."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    stack = start(service(env={"LEVEL": "info", "WHERE": "${data}/x", "MINE": "${port}"}, port_env="PORT"))
    env = facts(stack.address("alone"))["env"]

    assert env["LEVEL"] == "info"
    assert env["WHERE"].startswith(str(stack.directory))
    assert env["MINE"] == env["PORT"] == str(stack.address("alone").port)
    assert env[RUN_VARIABLE] == stack.run_id
    assert env["PATH"].split(":")[0] == os.path.dirname(sys.executable)  # noqa: PTH120
    assert "HTTP_PROXY" not in env


def test_secret_is_shared_and_redacted(start):
    """Two services agree on it, and no log shows it."""
    env = {"KEY": "${secret:jwt}", "SAY": "my key is ${secret:jwt}"}
    stack = start(service("a", env=env), service("b", env=env))
    keys = {facts(stack.address(name))["env"]["KEY"] for name in "ab"}

    assert len(keys) == 1
    assert stack.log_lines("a") == ["my key is [redacted:jwt]"]
    assert stack.redact(f"x={keys.pop()}") == "x=[redacted:jwt]"


def test_placeholder_without_a_value_is_one_clear_line(start, run):
    """Where, what, what is known."""
    with pytest.raises(
        TopologyError, match=r"topology.yaml:7: service 'alone': env DB: .*\$\{host\}.*known: data, port"
    ):
        start(service(env={"DB": "${host}"}))

    assert carriers(RUN_VARIABLE, run.run_id) == []


def test_service_comes_after_those_that_it_names(start):
    """It is not even started before they are ready."""
    stack = start(service("a", after=("b",)), service("b"))

    assert stack.state("a").started >= stack.state("b").started


def nothing_left(run):
    return carriers(RUN_VARIABLE, run.run_id) == [] and not list(run.directory.glob("stack-*"))


def test_service_that_dies_at_start_shows_its_last_lines(start, run):
    """At once, with exit code, command and place; the others are ended too."""
    with pytest.raises(ServiceDiedError) as caught:
        start(service("good"), service("bad", env={"EXIT": "3"}), service("slow", env={"DEAF": "1"}))

    lines = str(caught.value).splitlines()
    assert lines[0].startswith("bad ended with exit code 3 before it was ready")
    assert "python -S service.py" in lines[0]
    assert "topology.yaml:7" in lines[0]
    assert lines[1:] == [f"  | line {n}" for n in range(15, 30)]
    assert nothing_left(run)


def test_service_that_leaves_the_foreground_is_told_to_stay(start):
    """Exit code 0 is a death like any other."""
    with pytest.raises(ServiceDiedError, match=r"exit code 0 .*foreground"):
        start(service(env={"EXIT": "0"}))


def test_unknown_command_names_itself(start, run):
    """The commonest mistake in a new topology."""
    with pytest.raises(ServiceDiedError, match=r"alone cannot be started: .*no-such-program"):
        start(replace(service(), command=("no-such-program",)))

    assert nothing_left(run)


def test_service_that_does_not_become_ready_tells_its_last_answer(start, run):
    """And what was expected of it."""
    with pytest.raises(NotReadyError) as caught:
        start(service(env={"STATUS": "503", "SAY": "starting up"}), patience=1.0)

    assert "/health/ready on port" in str(caught.value)
    assert "answered 503" in str(caught.value)
    assert str(caught.value).endswith("\n  | starting up")
    assert nothing_left(run)


def test_taken_port_is_named_before_anything_starts(start, run):
    """A fixed port is the one thing that two runs can quarrel about."""
    free = reserve_port()
    free.release()
    with socket.create_server(("127.0.0.1", free.port)), pytest.raises(PortTakenError, match=f"process {os.getpid()}"):
        start(service(port=free.port))

    assert nothing_left(run)


def test_fixed_port_is_used(start):
    """If the service insists."""
    free = reserve_port()
    free.release()

    assert start(service(port=free.port)).address("alone").port == free.port


def test_killed_service_is_gone_with_its_workers(start):
    """A server's main process would start a killed worker again."""
    stack = start(service(env={"WORKER": "1"}))
    before = stack.state("alone")
    stack.kill("alone")

    assert len(before.pids) == 2
    assert stack.state("alone").state == "gone"
    assert all(look(pid) is None or not look(pid).alive for pid in before.pids)
    assert refuses(stack.address("alone"))


def test_killed_service_starts_again_on_its_port_with_its_data(start):
    """Its callers know no other address; its start time is another one."""
    stack = start(service(env={"WHERE": "${data}"}))
    before, first = facts(stack.address("alone"))["env"], stack.state("alone")
    stack.kill("alone")
    stack.start_service("alone")

    assert facts(stack.address("alone"))["env"] == before
    assert stack.state("alone").started > first.started


def test_starting_a_running_service_is_harmless(start):
    """An undo can be run twice."""
    stack = start()
    before = stack.state("alone")
    stack.start_service("alone")

    assert stack.state("alone") == before


def test_paused_service_is_frozen_with_its_workers(start):
    """Its socket stays open; nothing answers."""
    stack = start(service(env={"WORKER": "1"}))
    stack.pause("alone")

    assert stack.state("alone").state == "stopped"
    assert {look(pid).state for pid in stack.state("alone").pids} == {"T"}
    assert not refuses(stack.address("alone"))


def test_resumed_service_answers_again(start):
    """The same process, not a new one."""
    stack = start()
    before = stack.state("alone")
    stack.pause("alone")
    stack.resume("alone")
    stack.resume("alone")

    assert get(stack.address("alone"))[0] == 200
    assert stack.state("alone") == before


def test_service_that_is_gone_cannot_be_paused(start):
    """A fault that does nothing must not look like one."""
    stack = start()
    stack.kill("alone")

    with pytest.raises(StackError, match="cannot be paused: it is not running"):
        stack.pause("alone")


def test_terminated_service_has_ended_by_itself(start):
    """SIGTERM, and time to heed it; also when it was frozen."""
    stack = start()
    stack.pause("alone")
    stack.terminate("alone")

    assert stack.state("alone").state == "gone"


def test_service_deaf_to_sigterm_is_reported(start):
    """It is not quietly killed: that would be another fault."""
    stack = start(service(env={"STUBBORN": "1"}))

    with pytest.raises(StackError, match=r"did not end 0\.2s after SIGTERM"):
        stack.terminate("alone", timeout=0.2)
    assert stack.state("alone").state == "running"
    stack.kill("alone")  # or the end of the test would wait for it


def test_replaced_service_has_the_added_variables(start):
    """On the same port, ready when it returns; `{}` gives the original back."""
    stack = start(service(env={"POLICY": "on"}))
    stack.replace("alone", {"POLICY": "off", "MORE": "${port}"})
    changed = facts(stack.address("alone"))["env"]
    stack.replace("alone", {})
    original = facts(stack.address("alone"))["env"]

    assert (changed["POLICY"], changed["MORE"]) == ("off", str(stack.address("alone").port))
    assert original["POLICY"] == "on"
    assert "MORE" not in original


def test_replaced_service_keeps_its_changes_over_a_restart(start):
    """A restart is no change of version."""
    stack = start()
    stack.replace("alone", {"POLICY": "off"})
    stack.kill("alone")
    stack.start_service("alone")

    assert facts(stack.address("alone"))["env"]["POLICY"] == "off"


def test_failed_replacement_can_be_taken_back(start):
    """The message is that of a start; the system is not lost."""
    stack = start()
    with pytest.raises(ServiceDiedError, match="exit code 4"):
        stack.replace("alone", {"EXIT": "4"})
    stack.replace("alone", {})

    assert get(stack.address("alone"))[0] == 200


def test_log_lines_since_a_moment_are_all_there(start):
    """Perhaps a few more before it, never fewer."""
    stack = start()
    for word in ("one", "two"):
        get(stack.address("alone"), f"/say/{word}")
    await_noted(stack)
    since = time.monotonic()
    get(stack.address("alone"), "/say/three")

    assert stack.log_lines("alone") == ["hello", "one", "two", "three"]
    assert stack.log_lines("alone", since) == ["three"]


def await_noted(stack):
    """Wait until the ticker has seen all that has been written."""
    log = stack._services["alone"].log
    while log._offsets[-1] != log.path.stat().st_size:
        time.sleep(0.01)


def test_log_can_be_read_after_the_stack_was_stopped(start):
    """Evidence is written last."""
    stack = start()
    stack.stop()

    assert stack.log_lines("alone") == ["hello"]


def test_unknown_service_is_named_with_the_known_ones(start):
    """A typing error in a fault."""
    stack = start(service("orders"))

    with pytest.raises(TopologyError, match="no service 'order'; known: orders"):
        stack.kill("order")


def test_quiet_system_is_quiet_at_once(start, tmp_path):
    """Services that cannot tell are not asked."""
    stack = start(service("a", quiet="/quiet", env={"RESTLESS": str(tmp_path / "no")}), service("b"))

    assert stack.until_quiet(5.0) is None


def test_restless_system_names_who_and_why(start, tmp_path):
    """With the body, and without the secrets in it."""
    (tmp_path / "restless").write_text('{"outbox": 3, "token": "abc"}')
    stack = start(service(quiet="/quiet", env={"RESTLESS": str(tmp_path / "restless")}))

    with pytest.raises(NotQuietError) as caught:
        stack.until_quiet(0.2)
    assert 'alone answered 503 on /quiet: {"outbox": 3, "token": "[redacted]"}' in str(caught.value)


def test_stopped_stack_leaves_nothing(start, run):
    """No process, no port, no folder; also a worker that is deaf, and a daemon that left its group."""
    system = pair(env={"WORKER": "1", "DAEMON": "1"})
    stack = start(*system["services"], edges=system["edges"])
    addresses = [stack.address("front"), stack.address("back"), stack.edge_address("front->back"), stack.proxy_api]
    stack.stop()
    stack.stop()

    assert nothing_left(run)
    assert all(refuses(address) for address in addresses)


def test_paused_stubborn_service_does_not_outlive_its_stack(start, run):
    """It neither hears SIGTERM nor heeds it."""
    stack = start(service(env={"STUBBORN": "1"}), service("b"))
    stack.pause("alone")
    stack.stop()

    assert nothing_left(run)


def test_stopping_a_stack_spares_other_processes_of_the_run(start, run):
    """The load generator belongs to the run, not to one of its stacks."""
    other = subprocess.Popen(["sleep", "600"], env=run.env)
    start().stop()
    spared = other.poll() is None
    other.send_signal(signal.SIGKILL)
    other.wait()

    assert spared


def test_two_systems_stand_side_by_side(start):
    """Each has its own ports, folders and secrets."""
    first, second = start(service(env={"KEY": "${secret:k}"})), start(service(env={"KEY": "${secret:k}"}))
    keys = {facts(stack.address("alone"))["env"]["KEY"] for stack in (first, second)}

    assert first.address("alone") != second.address("alone")
    assert len(keys) == 2
