"""`windtunnel up`, `fault` and `lift` as a person uses them: processes over a small system, seen from outside."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest
import small_system
from external_system import Elsewhere

PATIENCE = 60.0


def environment(project):
    """A temp folder of its own, so that all that is left can be found."""
    return {**os.environ, "TMPDIR": str(project / "tmp")}


@pytest.fixture
def project(tmp_path):
    small_system.write_system(tmp_path)
    (tmp_path / "tmp").mkdir()
    return tmp_path


class Up:
    """One `windtunnel up`, in a session of its own as a shell would start it."""

    def __init__(self, project, *arguments, name="output.txt"):
        self.project, self._output = project, project / name
        with self._output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "windtunnel", "up", "--topology", "topology.yaml", *arguments],
                cwd=project,
                env=environment(project),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self):
        return self._output.read_text()

    def hears(self, pattern):
        """Wait until it has printed that; what the pattern found."""
        deadline = time.monotonic() + PATIENCE
        while not (found := re.search(pattern, self.output)):
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.02)
        return found

    def stands(self):
        """Wait until it says that a second terminal may come; its run's id."""
        self.hears("second terminal")
        return self.hears(r"run (\w+)").group(1)

    def end(self, number=signal.SIGINT):
        """Send it a signal; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=PATIENCE)


@pytest.fixture
def up(project):
    """Starts one; whatever is left of it at the end is killed."""
    started = []

    def start(*arguments, name="output.txt"):
        started.append(Up(project, *arguments, name=name))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()
    await_nothing_left(project)


def second(project, *words, **more):
    """A command in a second terminal: its exit code, what it printed, its error."""
    done = subprocess.run(
        [sys.executable, "-m", "windtunnel", *words],
        cwd=project,
        env=environment(project),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        **more,
    )
    return done.returncode, done.stdout, done.stderr


def left(project):
    """Processes that were started for the project, services too, and still live; and folders of runs."""
    found = []
    for process in psutil.process_iter(["pid", "cmdline", "status"]):
        try:
            env = process.environ()
            service = "WINDTUNNEL_RUN" in env and Path(process.cwd()).is_relative_to(project)
            ours = service or env.get("TMPDIR") == str(project / "tmp")
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
        if ours and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process.info)
    return found + sorted(path.name for path in (project / "tmp").glob("*windtunnel-*"))


def await_nothing_left(project):
    """What is left when nothing is, or patience ends."""
    deadline = time.monotonic() + PATIENCE
    while (found := left(project)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def address(up, service):
    """Where the banner says that it is reached."""
    return up.hears(rf"  {service} +(http://[\d.:]+)").group(1)


def test_a_fault_is_set_shown_and_lifted_from_a_second_terminal(project, up):
    """Proven when it comes and when it goes; the system is whole again, and Ctrl-C leaves nothing."""
    one = up()
    one.stands()
    front = address(one, "front")
    before = httpx.get(front).status_code
    put = second(project, "fault", "front->back", "down")
    during = httpx.get(front).status_code
    listed = second(project, "fault")
    lifted = second(project, "lift", "1")
    after = httpx.get(front).status_code

    assert (before, during, after) == (200, 503, 200)
    assert put[0] == 0
    assert "1 front->back down: proven: " in put[1]
    assert listed[:2] == (0, "1 front->back down: proven\n")
    assert lifted[0] == 0
    assert "1 front->back down: gone: " in lifted[1]
    assert "1 front->back down: lifted" in one.output
    assert one.end() == 0
    assert await_nothing_left(project) == []


def test_the_banner_names_services_edges_and_their_proxies(project, up):
    """Through the client's edge where there is one; past every proxy elsewhere; the API answers."""
    one = up()
    run = one.stands()
    api = one.hears(r"API: (http://\S+)").group(1)

    assert re.search(r"windtunnel: backend process \(auto: .*\), proxy embedded \S+, run \w+", one.output)
    assert re.search(r"  front +http://127.0.0.1:\d+  through client->front\n", one.output)
    assert re.search(r"  back +http://127.0.0.1:\d+\n", one.output)
    assert "windtunnel fault 'front->back' latency=800ms for 30s" in one.output
    assert sorted(httpx.get(f"{api}/proxies").json()) == ["client->front", "front->back"]
    assert (project / "tmp" / f"windtunnel-{run}" / "control.sock").is_socket()
    assert one.end(signal.SIGTERM) == 0
    assert await_nothing_left(project) == []


def test_a_fault_for_a_while_is_lifted_by_itself(project, up):
    """Under a load that goes on; figures of edges and load are printed now and then."""
    one = up("--load", "ask=1", "--rate", "50/s")
    one.stands()
    put = second(project, "fault", "front->back", "latency=100ms", "for", "1s")
    one.hears(r"1 front->back latency=100ms: gone: edge front->back")
    one.hears(r"load: \d+/s, .*p95 \d+ms \| client->front [\d.]+/s, .* failed, p95 .*front->back [\d.]+/s")

    assert put[0] == 0
    assert "1 front->back latency=100ms: lifted; it had touched " in one.output
    assert second(project, "fault")[1] == "nothing is in place\n"
    assert one.end() == 0
    assert await_nothing_left(project) == []


def test_a_service_is_killed_and_started_again(project, up):
    """As an experiment would."""
    one = up()
    one.stands()
    put = second(project, "fault", "back", "kill")
    lifted = second(project, "lift", "--all")

    assert put[0] == 0
    assert "is gone, a canary to" in put[1]
    assert lifted[0] == 0
    assert "service back: running" in lifted[1]
    assert httpx.get(address(one, "front")).status_code == 200
    assert one.end() == 0
    assert await_nothing_left(project) == []


def test_an_end_in_the_middle_of_faults_lifts_them(project, up):
    """The latest first."""
    one = up()
    one.stands()
    second(project, "fault", "client->front", "latency=300ms")
    second(project, "fault", "back", "pause")

    assert one.end() == 0
    assert re.search(r"2 back pause: lifted\n.*1 client->front latency=300ms: lifted\n", one.output)
    assert await_nothing_left(project) == []


def test_an_interrupt_while_it_is_being_stood_up_leaves_nothing(project, up):
    """It never stood: exit code 130."""
    (project / "back.py").write_text("import time\n\ntime.sleep(600)\n")
    one = up()
    one.hears("standing small up")
    while not any("back.py" in process["cmdline"] for process in left(project) if isinstance(process, dict)):
        assert one.process.poll() is None, one.output

    assert one.end() == 130
    assert one.output.endswith("windtunnel: interrupted before it stood\n")
    assert await_nothing_left(project) == []


def test_a_second_interrupt_does_not_wait(project, up):
    """The first is still taking back a fault, which takes its time; the reaper does the rest."""
    one = up()
    one.stands()
    (project / "back.py").write_text("import time\n\ntime.sleep(600)\n")
    put = second(project, "fault", "back", "kill")
    one.process.send_signal(signal.SIGINT)
    one.hears("taking it down")

    assert put[0] == 0
    assert one.end() == -signal.SIGINT
    assert await_nothing_left(project) == []


def test_a_reader_that_leaves_ends_it(project):
    """`windtunnel up | head`: everything is taken down, and no traceback is left."""
    one = subprocess.Popen(
        [sys.executable, "-m", "windtunnel", "up", "--topology", "topology.yaml"],
        cwd=project,
        env=environment(project),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while "second terminal" not in one.stdout.readline():
        assert one.poll() is None
    one.stdout.close()
    error = one.stderr.read()
    code = one.wait(PATIENCE)
    one.stderr.close()

    assert (code, error) == (0, "")
    assert await_nothing_left(project) == []


def test_a_restart_is_over_once_it_is_done(project, up):
    """Nothing is left to lift."""
    one = up()
    one.stands()
    put = second(project, "fault", "back", "restart")

    assert put[0] == 0
    assert "1 back restart: gone: service back: running" in put[1]
    assert second(project, "fault")[1] == "nothing is in place\n"
    assert one.end() == 0


def test_a_killed_one_leaves_nothing(project, up):
    """SIGKILL with a service frozen: the reaper takes everything down, and nobody stands afterwards."""
    one = up("--load", "ask")
    one.stands()
    second(project, "fault", "back", "pause")
    one.end(signal.SIGKILL)

    assert await_nothing_left(project) == []
    assert second(project, "fault")[2] == (
        "windtunnel: no system stands on this machine; start one with: windtunnel up\n"
    )


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL], ids=lambda each: each.name)
def test_a_system_that_runs_elsewhere_is_left_as_it_was(project, up, sent):
    """Our toxic goes, however we end; somebody else's stays; and a service there is not ours to kill."""
    with Elsewhere(project) as elsewhere:
        elsewhere.client.add_toxic("between", "latency", name="theirs", attributes={"latency": 1})
        one = up("--wt-backend", "external")
        one.stands()
        put = second(project, "fault", "front->back", "reset")
        during = elsewhere.toxics()
        kill = second(project, "fault", "back", "kill")
        code = one.end(sent)
        left = await_nothing_left(project)
        after = elsewhere.toxics()

    assert put[0] == 0
    assert len(during) == 2
    assert (kill[0], kill[1]) == (
        3,
        "not done: kill needs signals, which the external backend cannot send; in place already: 1 front->back reset\n",
    )
    assert code == (0 if sent == signal.SIGINT else -signal.SIGKILL)
    assert ("1 front->back reset: gone: " in one.output) == (sent == signal.SIGINT)
    assert (left, after) == ([], ["theirs"])


def test_of_two_one_is_chosen(project, up):
    """Without a choice both are named; a fault in one is none in the other."""
    first, other = up(name="first.txt"), up(name="other.txt")
    runs = [first.stands(), other.stands()]
    unclear = second(project, "fault", "front->back", "down")
    chosen = second(project, "fault", "--run", runs[0], "front->back", "down")

    assert unclear[0] == 2
    assert all(f"{run} (small, since" in unclear[2] for run in runs)
    assert chosen[0] == 0
    assert httpx.get(address(first, "front")).status_code == 503
    assert httpx.get(address(other, "front")).status_code == 200
    assert [first.end(), other.end()] == [0, 0]
    assert await_nothing_left(project) == []


def test_an_unquoted_edge_is_explained(project):
    """As a shell hands it on, with the file that it has made."""
    with (project / "back").open("w") as taken:
        done = subprocess.run(
            [sys.executable, "-m", "windtunnel", "fault", "front-", "down"],
            stdout=taken,
            stderr=subprocess.PIPE,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    assert done.returncode == 2
    assert "quote the edge: 'front->back'" in done.stderr
    assert "has written to a file called back" in done.stderr


MISTAKES = {
    "rate without a load": (("--rate", "5/s"), "--rate is that of a load"),
    "unknown scenario": (("--load", "aks=1"), "--load: unknown scenario 'aks'; known: ask"),
    "scenario twice": (("--load", "ask,ask"), "the scenario ask is given twice"),
    "weight": (("--load", "ask=much"), "the weight of ask is a number above 0, found 'much'"),
    "no unit": (("--load", "ask", "--rate", "5"), "--rate: '5' has no unit"),
    "no load at all": (("--load", "ask", "--rate", "0/s"), "--rate 0/s is no load"),
    "no backend": (("--wt-backend", "external"), "says of no service where it runs"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_before_anything_starts(project, monkeypatch, capsys, mistake):
    """Exit code 2."""
    from windtunnel.cli import main

    arguments, message = MISTAKES[mistake]
    monkeypatch.chdir(project)
    code = main(["up", "--topology", "topology.yaml", *arguments])
    printed = capsys.readouterr()

    assert code == 2
    assert message in printed.err
    assert len(printed.err.splitlines()) == 1
    assert list((project / "tmp").iterdir()) == []


def test_lift_wants_to_know_which(capsys):
    """A number, or all of them; not both."""
    from windtunnel.cli import main

    assert main(["lift"]) == 2
    assert main(["lift", "1", "--all"]) == 2
    assert "windtunnel lift NUMBER, or windtunnel lift --all" in capsys.readouterr().err


def test_every_fault_is_listed_with_its_attributes(capsys):
    """Nothing needs to stand for that."""
    from windtunnel.cli import main
    from windtunnel.faults import SHAPES

    code = main(["fault", "--list"])
    printed = capsys.readouterr().out

    assert code == 0
    assert set(re.findall(r"^  (\w+)", printed, re.MULTILINE)) == set(SHAPES)
    assert re.search(r"latency +latency=300ms \[jitter=300ms\]", printed)
    assert re.search(r"starve +cpu=10%", printed)
