"""Taking down what a run has in an engine, against a small engine that speaks over a Unix socket."""

import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

import pytest

from windtunnel.undo import OPERATIONS, UndoError, containers
from windtunnel.undo.containers import remove_all
from windtunnel.undo.engine import Engine, EngineError, engine_url


class FakeEngine(socketserver.ThreadingUnixStreamServer):
    """Has containers (by state), networks and volumes of one run; a network goes once no container is left."""

    daemon_threads = True

    def __init__(self, path):
        self.containers, self.networks, self.volumes = {}, set(), set()
        self.labels, self.stubborn, self.late = set(), set(), {}
        super().__init__(str(path), Handler)


class Handler(BaseHTTPRequestHandler):
    def address_string(self):
        return "unix"

    def log_message(self, *args):
        pass

    def do_GET(self):
        engine, path = self.server, urlsplit(self.path)
        engine.labels |= set(json.loads(parse_qs(path.query).get("filters", ['{"label": []}'])[0])["label"])
        match path.path:
            case "/containers/json":
                found = [{"Id": name} for name in engine.containers]
                engine.containers |= engine.late  # what was asked for before the run died
                engine.late = {}
            case "/networks":
                found = [{"Id": name} for name in engine.networks]
            case "/volumes":
                found = {"Volumes": [{"Name": name} for name in engine.volumes] or None}
            case _:
                return self.answer(404, {"message": "no such image"})
        return self.answer(200, found)

    def do_POST(self):
        name = self.path.split("/")[2]
        paused = self.server.containers.get(name) == "paused"
        if paused:
            self.server.containers[name] = "running"
        self.answer(204 if paused else 409)

    def do_DELETE(self):
        engine, (_, kind, name) = self.server, urlsplit(self.path).path.split("/")
        if kind == "containers" and engine.containers.get(name) != "paused" and name not in engine.stubborn:
            engine.containers.pop(name, None)
        elif kind == "networks" and not engine.containers:
            engine.networks.discard(name)
        elif kind == "volumes" and not engine.containers:
            engine.volumes.discard(name)
        else:
            return self.answer(409, {"message": "in use"})
        return self.answer(204)

    def answer(self, status, body=None):
        content = json.dumps(body).encode() if body is not None else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def engine(tmp_path):
    """The fake, and where it answers."""
    with FakeEngine(tmp_path / "engine.sock") as fake:
        threading.Thread(target=fake.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield fake, f"unix://{tmp_path}/engine.sock"
        fake.shutdown()


def test_everything_of_the_run_goes_paused_containers_too(engine, tmp_path):
    """Containers first: what they are on cannot go before."""
    fake, url = engine
    fake.containers, fake.networks, fake.volumes = {"a": "running", "b": "paused"}, {"n"}, {"v"}
    remove_all(Engine(url), "run1", looks=1)

    assert (fake.containers, fake.networks, fake.volumes) == ({}, set(), set())
    assert fake.labels == {"windtunnel.run=run1"}


def test_what_the_engine_was_still_making_goes_too(engine):
    """An empty look proves nothing while a request may be on its way."""
    fake, url = engine
    fake.late = {"late": "running"}
    remove_all(Engine(url), "run1", looks=2)

    assert fake.containers == {}


def test_what_does_not_go_is_told(engine):
    """With the run that it belongs to."""
    fake, url = engine
    fake.containers, fake.stubborn = {"a": "running"}, {"a"}
    with pytest.raises(EngineError, match="run run1: not everything could be removed within 0 s"):
        remove_all(Engine(url), "run1", patience=0.0)


def test_the_journal_can_play_it(engine, tmp_path):
    """By the data in the record alone; and again, when nothing is left."""
    fake, url = engine
    fake.containers = {"a": "paused"}
    OPERATIONS["container_unpause"]({"engine": url, "container": "a"}, tmp_path)
    state = dict(fake.containers)
    OPERATIONS["containers_remove"]({"engine": url, "run": "run1"}, tmp_path)
    OPERATIONS["container_unpause"]({"engine": url, "container": "a"}, tmp_path)

    assert state == {"a": "running"}
    assert fake.containers == {}


def test_an_engine_that_is_gone_is_a_failure_of_the_journal(tmp_path, monkeypatch):
    """The folder stays, so that `windtunnel heal` can try again."""
    monkeypatch.setattr(containers, "PATIENCE", 0.0)
    with pytest.raises(UndoError, match=r"no engine answers at unix:///nowhere/x.sock"):
        OPERATIONS["containers_remove"]({"engine": "unix:///nowhere/x.sock", "run": "run1"}, tmp_path)


def test_an_engine_that_we_cannot_speak_to_says_so():
    """ssh would need a program; the reaper has none."""
    with pytest.raises(EngineError, match=r"ssh:// is not supported; use unix:// or tcp://"):
        Engine("ssh://host").version()


def test_the_engine_is_where_the_environment_says(tmp_path):
    """Else at a socket that is there, else where it usually is."""
    (tmp_path / "docker.sock").touch()

    assert engine_url({"DOCKER_HOST": "tcp://1.2.3.4:2375"}) == "tcp://1.2.3.4:2375"
    assert engine_url({}).startswith("unix:///")


def test_an_image_is_there_or_is_not(engine):
    """404 is an answer, not an error."""
    assert Engine(engine[1]).has_image("python:3") is False
