"""A Toxiproxy server that is a program: started, asked, ended; and what is said when it is something else."""

import os
import sys

import pytest
import tiny_system

from windtunnel.chaos import Chaos
from windtunnel.errors import ProxyError
from windtunnel.stack.binary import find_binary, toxiproxy_binary
from windtunnel.stack.process import ProcessBackend
from windtunnel.topology.model import Edge
from windtunnel.undo import RUN_VARIABLE, Run
from windtunnel.undo.processes import carriers

STAND_IN = f"""#!{sys.executable} -S
import sys
sys.path[:0] = {[path for path in sys.path if path]!r}
import windtunnel.stack.recorder as program
flags = dict(flag.lstrip("-").split("=") for flag in sys.argv[1:])
sys.argv[1:] = ["--host", flags["host"], "--port", flags["port"]]
program.main()
"""


@pytest.fixture
def run(tmp_path):
    with Run.begin(parent=tmp_path) as run:
        yield run


@pytest.fixture
def program(tmp_path):
    """Shopify's where it is there, else our own server behind the same flags."""
    real = find_binary()
    if real is not None:
        return real
    path = tmp_path / "toxiproxy-server"
    path.write_text(STAND_IN)
    path.chmod(0o755)
    return path


@pytest.fixture
def stack(program, run, tmp_path):
    """A system of one service behind that program; our recorder stands before it."""
    edges = (Edge(source="client", target="alone"),)
    made = ProcessBackend(toxiproxy_binary(program, run)).start(tiny_system.topology(tmp_path, edges=edges), run=run)
    yield made
    made.stop()


def test_calls_go_through_both_and_are_recorded(stack):
    """And the stack says which server has the toxics."""
    status, _ = tiny_system.get(stack.edge_address("client->alone"), "/health/ready")

    assert status == 200
    assert stack.proxy("client->alone").record().connections == 1
    assert stack.proxy_kind.startswith("toxiproxy 2.12.0")


@pytest.mark.parametrize("fault", ["down", "partition"])
def test_a_fault_bites_and_is_gone_afterwards(stack, run, fault):
    """Proven through the recorder."""
    with getattr(Chaos(stack, run.journal), fault)("client->alone") as disturbance:
        proof = disturbance.proof

    assert "edge client->alone" in proof
    assert "the proxy is clean" in disturbance.restored


def test_the_program_ends_with_the_system(stack, run):
    """Nothing of the run but this process is left."""
    alive = [process.pid for process in carriers(RUN_VARIABLE, run.run_id)]
    stack.stop()

    assert len(alive) >= 2
    assert carriers(RUN_VARIABLE, run.run_id) == []


def test_a_program_that_is_no_toxiproxy_is_told(run, tmp_path):
    """It ended, or nobody answers: what was called, and the question to ask."""
    with pytest.raises(ProxyError, match=r"no Toxiproxy answers there; is it Toxiproxy's server\?"):
        ProcessBackend(toxiproxy_binary("/bin/true", run)).start(tiny_system.topology(tmp_path), run=run)


def test_a_program_that_cannot_be_run_is_told(run, tmp_path):
    """With the system's reason."""
    with pytest.raises(ProxyError, match="cannot be started: No such file"):
        ProcessBackend(toxiproxy_binary(tmp_path / "none", run)).start(tiny_system.topology(tmp_path), run=run)


def test_the_variable_comes_before_the_path(tmp_path):
    """And what cannot be executed is not found."""
    for name in ("toxiproxy-server", "other"):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "text").write_text("")

    assert find_binary({"PATH": str(tmp_path)}) == tmp_path / "toxiproxy-server"
    assert (
        find_binary({"PATH": os.defpath, "WINDTUNNEL_TOXIPROXY_BINARY": str(tmp_path / "other")}) == tmp_path / "other"
    )
    assert find_binary({"PATH": "/nowhere", "WINDTUNNEL_TOXIPROXY_BINARY": str(tmp_path / "text")}) is None
