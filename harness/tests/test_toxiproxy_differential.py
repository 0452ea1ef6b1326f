"""The embedded server beside the real Toxiproxy, in one run: the same words, the same answers, but for a written list.

The binary is found through WINDTUNNEL_TOXIPROXY_BINARY, beside this Python, or on the PATH as `toxiproxy-server`;
`make toxiproxy` builds it.
"""

import http.client
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import toxiproxy_scenes
from proxy_wires import PATIENCE, Upstream, echo
from toxiproxy_differences import DIFFERENCES, EVERYWHERE, Answer, rows
from toxiproxy_script import script

from windtunnel.proxy import EmbeddedToxiproxy
from windtunnel.stack.ports import reserve_port
from windtunnel.toxiproxy import EdgeProxy, ToxiproxyClient

TESTS = Path(__file__).parent


def binary():
    """Where the real Toxiproxy is, or None. A variable that names a file that is not there is a mistake, not a skip."""
    named = os.environ.get("WINDTUNNEL_TOXIPROXY_BINARY")
    if named:
        return named
    beside = Path(sys.executable).with_name("toxiproxy-server")
    return str(beside) if beside.exists() else shutil.which("toxiproxy-server")


needs_toxiproxy = pytest.mark.skipif(
    binary() is None,
    reason="the real Toxiproxy is not here: `make toxiproxy` builds it (needs Go), or name a binary in "
    "WINDTUNNEL_TOXIPROXY_BINARY",
)


@contextmanager
def real_toxiproxy():
    """(host, port, process) of a Toxiproxy that answers."""
    reservation = reserve_port()
    port = reservation.port
    process = subprocess.Popen(
        [binary(), "-host", "127.0.0.1", "-port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + PATIENCE
        while process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=PATIENCE).close()
                break
            except OSError:
                time.sleep(0.005)
        yield "127.0.0.1", port, process
    finally:
        process.kill()
        process.wait()
        reservation.release()


@contextmanager
def reserved(count):
    """Ports that nobody else is given, and that both servers can listen on, one after the other."""
    with ExitStack() as held:
        ports = []
        for _ in range(count):
            sock = held.enter_context(socket.socket())
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("127.0.0.1", 0))
            ports.append(sock.getsockname()[1])
        yield ports


def converse(host, port, steps, names):
    """What a server says to each step. Ports have names, so that those that the system chose can be compared."""

    def named(match):
        number = int(match[2])
        return match[1] + names.get(number, b"EPHEMERAL" if number > 1023 else match[2])

    answers = []
    connection = http.client.HTTPConnection(host, port, timeout=PATIENCE)
    for step in steps:
        connection.putrequest(step.method, step.path)
        for name, value in step.headers:
            connection.putheader(name, value)
        if step.body is not None and not any(name == "Transfer-Encoding" for name, _ in step.headers):
            connection.putheader("Content-Length", str(len(step.body)))
        connection.endheaders(step.body)
        said = connection.getresponse()
        body = re.sub(rb"((?:127\.0\.0\.1|\[::\]):)(\d+)", named, said.read())
        answers.append(Answer(said.status, said.getheader("Content-Type") or "", body))
    connection.close()
    return answers


@pytest.fixture(scope="module")
def conversation():
    """[(step, what Toxiproxy said, what ours said)]"""
    with reserved(6) as ports, socket.create_server(("127.0.0.1", 0)) as taken:
        busy = taken.getsockname()[1]
        names = {port: b"P%d" % index for index, port in enumerate(ports)} | {busy: b"BUSY"}
        steps = script(ports, busy)
        with real_toxiproxy() as (host, port, _):
            theirs = converse(host, port, steps, names)
        with EmbeddedToxiproxy() as server:
            ours = converse(server.host, server.port, steps, names)
    assert server.unhandled == ()
    return list(zip(steps, theirs, ours, strict=True))


def explained(step, theirs, ours):
    """What ours must be, given Toxiproxy's answer and the rows that the step names. Each of these must change it."""
    wanted = theirs
    for key in EVERYWHERE:
        wanted = DIFFERENCES[key].rewrite(wanted, ours)
    for key in step.differs.split():
        changed = DIFFERENCES[key].rewrite(wanted, ours)
        assert changed != wanted, f"{step.method} {step.path} {step.body}: there is no difference {key!r} any more"
        wanted = changed
    return wanted


@needs_toxiproxy
def test_every_answer_is_toxiproxy_s_but_for_the_written_differences(conversation):
    """Status, Content-Type and body, byte for byte."""
    wrong = [
        (step.method, step.path, step.body, "wanted", explained(step, theirs, ours), "got", ours)
        for step, theirs, ours in conversation
        if explained(step, theirs, ours) != ours
    ]

    assert wrong == []


@needs_toxiproxy
def test_script_is_long_and_shows_every_row_that_it_is_said_to_show(conversation):
    """Well over a hundred requests, most of them without any difference; no row without a step."""
    named = {key for step, _, _ in conversation for key in step.differs.split()}
    everywhere = {
        key
        for key in EVERYWHERE
        if any(DIFFERENCES[key].rewrite(theirs, ours) != theirs for _, theirs, ours in conversation)
    }

    assert len(conversation) >= 220
    assert sum(not step.differs for step, _, _ in conversation) >= 170
    assert named | everywhere == {key for key, row in DIFFERENCES.items() if row.shown_by == "the script"}


@contextmanager
def played_on(server, behaviour):
    """The edge of a scene, on the server at (host, port)."""
    host, port = server
    with Upstream(behaviour) as upstream, ToxiproxyClient(f"http://{host}:{port}", timeout=PATIENCE) as client:
        client.create("edge", "127.0.0.1:0", upstream.address)
        yield EdgeProxy(client, "edge")
        if "edge" in client.proxies():
            client.delete("edge")


def play(scene, behaviour=echo):
    """What the scene shows with Toxiproxy, and with ours."""
    with real_toxiproxy() as (host, port, _), played_on((host, port), behaviour) as edge:
        theirs = scene(edge)
    with EmbeddedToxiproxy() as server, played_on((server.host, server.port), behaviour) as edge:
        ours = scene(edge)
    assert server.unhandled == ()
    return theirs, ours


@needs_toxiproxy
@pytest.mark.parametrize("scene", toxiproxy_scenes.SAME, ids=lambda scene: scene.__name__)
def test_scene_shows_the_same(scene):
    """On the data path."""
    theirs, ours = play(scene)

    assert ours == theirs


@needs_toxiproxy
@pytest.mark.parametrize("scene", toxiproxy_scenes.DIFFERENT, ids=lambda scene: scene.__name__)
def test_scene_shows_the_written_difference(scene):
    """Exactly what the table says of either."""
    behaviour, theirs, ours = toxiproxy_scenes.DIFFERENT[scene]

    assert play(scene, behaviour) == (theirs, ours)


@needs_toxiproxy
@pytest.mark.parametrize("toxic", toxiproxy_scenes.KILLERS)
def test_toxic_that_ends_toxiproxy_does_not_end_ours(toxic):
    """Its process is gone; ours serves on."""
    with (
        real_toxiproxy() as (host, port, process),
        Upstream() as upstream,
        ToxiproxyClient(f"http://{host}:{port}", timeout=PATIENCE) as client,
    ):
        client.create("edge", "127.0.0.1:0", upstream.address)
        toxiproxy_scenes.toxics_that_end_the_server(EdgeProxy(client, "edge"), toxic)
        process.wait(PATIENCE)
    with EmbeddedToxiproxy() as server, played_on((server.host, server.port), echo) as edge:
        toxiproxy_scenes.toxics_that_end_the_server(edge, toxic)
        edge.client.reset()
        alive = toxiproxy_scenes.says(edge)

    assert (process.returncode, alive) == (2, b"ping")


def test_every_difference_is_shown_by_something():
    """The script, a scene, or a test of its own that there really is."""
    scenes = {scene.__name__ for scene in toxiproxy_scenes.DIFFERENT} | {"toxics_that_end_the_server", "the script"}
    tests = {
        name
        for path in TESTS.glob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }

    assert {row.shown_by for row in DIFFERENCES.values()} - scenes - tests == set()
    assert all((row.rewrite is not None) == (row.shown_by == "the script") for row in DIFFERENCES.values())


def test_the_page_shows_the_table():
    """Word for word, nothing more and nothing less."""
    page = (TESTS.parent / "TOXICS.md").read_text(encoding="utf-8")
    section = page.partition("## Where it differs from Toxiproxy")[2].partition("\n## ")[0]
    shown = [line for line in section.splitlines() if line.startswith("| ")]

    assert shown[1:] == rows()
