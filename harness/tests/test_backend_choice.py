"""Which backend and which Toxiproxy a run uses, and what is said where what was asked for is not there."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
import small_system

from windtunnel.errors import BackendError
from windtunnel.settings import Settings
from windtunnel.stack.backends import Choice, Machine, choose
from windtunnel.stack.images import wanted_images
from windtunnel.topology.model import Container, Service, Topology
from windtunnel.undo.engine import EngineError


@dataclass
class FakeEngine:
    """An engine that has some images; None: it does not answer."""

    images: frozenset[str] | None = field(default_factory=frozenset)

    def version(self):
        if self.images is None:
            raise EngineError("no engine answers at unix:///nowhere: refused")
        return "24.0, API 1.43"

    def has_image(self, name):
        return name in self.images


def system(*, process=True, container=True):
    """One service that runs as either, or both."""
    image = Container(image="shop:1") if container else None
    shop = Service(name="shop", command=("shop",) if process else (), container=image)
    return Topology(name="s", path=Path("topology.yaml"), services={"shop": shop}, edges=(), scenarios=Path("s.py"))


ALL = frozenset(image.name for image in wanted_images(system(), {}))


def machine(images=ALL, binary=None):
    return Machine(engine=lambda: FakeEngine(images), binary=lambda: binary, environ={})


def test_auto_takes_docker_where_the_engine_has_every_image():
    """And Shopify's Toxiproxy with it; the reason is said."""
    choice = choose("auto", "auto", system(), machine())

    assert (choice.backend, choice.proxy) == ("docker", "toxiproxy")
    assert choice.backend_reason == "auto: engine 24.0, API 1.43 answers, and the images are there"


@pytest.mark.parametrize(
    ("topology", "images", "reason"),
    [
        (system(), None, "auto: no container engine answers"),
        (system(), ALL - {"shop:1"}, "auto: the engine lacks shop:1; `windtunnel images` gets what it can"),
        (system(container=False), ALL, "auto: it needs nothing installed"),
        (None, ALL, "auto: it needs nothing installed"),
    ],
    ids=["no engine", "image missing", "no containers declared", "topology unreadable"],
)
def test_auto_takes_processes_otherwise_and_says_why(topology, images, reason):
    """Nothing is built or fetched because somebody typed nothing."""
    choice = choose("auto", "auto", topology, machine(images))

    assert choice == Choice(backend="process", backend_reason=reason, proxy="embedded")


def test_what_is_asked_for_by_name_needs_no_reason():
    """The header shows the bare word."""
    assert choose("process", "auto", system(), machine()) == Choice(backend="process", proxy="embedded")
    assert choose("docker", "embedded", system(), machine()) == Choice(backend="docker", proxy="embedded")


def test_docker_without_an_engine_fails_with_what_to_do():
    """At once, not after collection."""
    with pytest.raises(BackendError, match=r"no engine answers.*systemctl start docker.*--wt-backend=process"):
        choose("docker", "auto", system(), machine(None))


def test_docker_for_a_system_without_containers_fails_with_what_to_write():
    """No service says how it runs there."""
    with pytest.raises(BackendError, match=r"topology.yaml says of no service.*add docker: \{image: NAME\}"):
        choose("docker", "auto", system(container=False), machine())


def test_toxiproxy_on_processes_needs_its_program():
    """Found: it is taken. Else the message says where it is looked for."""
    choice = choose("process", "toxiproxy", system(), machine(binary=Path("/opt/toxiproxy-server")))

    assert choice.proxy == "toxiproxy"
    with pytest.raises(BackendError, match="toxiproxy-server on PATH, or name it in WINDTUNNEL_TOXIPROXY_BINARY"):
        choose("process", "toxiproxy", system(), machine())


def test_the_header_says_which_and_why():
    """One line."""
    settings = Settings(
        topology=Path("t"), out=Path("out"), backend="docker", backend_reason="auto: because", proxy="toxiproxy"
    )

    assert settings.headline.startswith("windtunnel: backend docker (auto: because), proxy toxiproxy, profile ci")


def test_a_run_that_asks_for_an_engine_in_vain_ends_before_it_begins(pytester, monkeypatch):
    """With the usage error's exit code, and one line that says what to do."""
    small_system.write_system(pytester.path)
    small_system.write_spec(pytester.path)
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    pytester.makeini(small_system.INI)
    result = pytester.runpytest_subprocess("--wt-backend=docker", "--collect-only")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--wt-backend=docker: no engine answers at unix:///nowhere/docker.sock*"])


def test_workers_use_what_their_controller_has_chosen(pytester, monkeypatch):
    """Nobody asks the engine twice, and nobody decides otherwise."""
    small_system.write_system(pytester.path)
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    pytester.makeini(small_system.INI)
    pytester.makepyfile(
        """
        from windtunnel.items import SETTINGS

        def test_told(request):
            settings = request.config.stash[SETTINGS]
            assert request.config.workerinput["windtunnel_choice"]["backend"] == settings.backend == "process"
            assert settings.backend_reason == "auto: it needs nothing installed"
        """
    )

    pytester.runpytest_subprocess("-n", "1").assert_outcomes(passed=1)
