"""The coordinator of a distributed run: whatever is missing, late or lost is an incident, and never a figure."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from load_server import plan

from windtunnel.errors import BadInputError
from windtunnel.load.distributed.clock import WINDOW, RemoteClock
from windtunnel.load.distributed.coordinator import LEAD, SILENT_AT_MOST, Coordinator
from windtunnel.load.distributed.messages import GO, PREPARE, STOP
from windtunnel.load.distributed.options import parse_mix, targets
from windtunnel.load.distributed.result import LoadResult, WorkerRecord, verdict_on
from windtunnel.load.histogram import Histogram
from windtunnel.load.shapes import Constant, Ramp, Replay
from windtunnel.load.stages import parse_stages
from windtunnel.load.tally import Tally
from windtunnel.spec.model import MixEntry


class Net:
    """Workers that answer as told, over a wire that takes `way` seconds each way; time passes only here."""

    def __init__(self, names=("a", "b"), *, ahead=None, way=0.002, offered=10):
        self.now, self.names, self.way, self.offered = 1000.0, names, way, offered
        self.ahead = ahead or dict.fromkeys(names, 0.0)
        self.silent, self.errors, self.sent, self.rows = set(), {}, [], []
        self.numbers = dict.fromkeys(names, 0)
        self.coordinator = None

    def run(self, file, **changes):
        stages = (Constant(rate=10, duration=2, arrival="constant"),)
        self.coordinator = Coordinator(
            plan(file, "http://x", rate=0.0, stages=stages, **changes),
            self.names,
            self.send,
            on_rows=self.rows.extend,
            clock=lambda: self.now,
            sleep=self.sleep,
        )
        return self.coordinator

    def sleep(self, seconds):
        self.now += seconds

    def send(self, what, content, name):
        self.sent.append((what, name, content))
        if name in self.silent:
            return
        run = {"run": content["run"]}
        match what:
            case "windtunnel_prepare":
                self.coordinator.hear_ready(name, {**run, "error": self.errors.get(name)})
            case "windtunnel_ping":
                self.now += 2 * self.way
                told = self.now - self.way + self.ahead[name]
                self.coordinator.hear_pong(name, {**run, "asked": content["asked"], "told": told})
            case "windtunnel_stop":
                self.report(name, final=True)

    def report(self, name, *, final=False, exhausted=True, skip=0, late=0.001):
        self.numbers[name] += 1 + skip
        tally, lateness = Tally(), Histogram()
        at = self.now + self.ahead[name]
        row = ["ok", "GET /ok", at, at + late, at + late + 0.1, 200, "ok", None, f"{name}-1"]
        tally.add(row)
        lateness.add(late)
        self.coordinator.hear_report(
            name,
            {
                "run": self.coordinator.run,
                "number": self.numbers[name],
                "offered": self.offered,
                "sent": self.offered,
                "exhausted": exhausted,
                "final": final,
                "late": lateness.to_plain(),
                "tally": tally.to_plain(),
                "rows": [row],
            },
        )

    def told(self, what):
        return {name: content for w, name, content in self.sent if w == what}


@pytest.fixture
def file(tmp_path):
    made = tmp_path / "scenarios.py"
    made.write_text("def ok(client): ...\n")
    return made


def test_each_worker_gets_its_share_and_one_start(file):
    """The same moment, on each worker's own clock, to within what was measured."""
    net = Net(("a", "b", "c"), ahead={"a": 0.0, "b": 5000.0, "c": -70.5})
    coordinator = net.run(file)
    coordinator.begin()
    starts = {name: content["start"] - net.ahead[name] for name, content in net.told(GO).items()}

    assert [content["share"] for content in net.told(PREPARE).values()] == [[0, 3], [1, 3], [2, 3]]
    assert max(starts.values()) - min(starts.values()) <= 2 * net.way
    assert starts["a"] == pytest.approx(net.now + LEAD, abs=3 * net.way)
    assert not coordinator.over


def test_a_whole_run_has_no_incident(file):
    """Reports are merged, rows are told on the master's clock, and the shares make the plan."""
    net = Net(ahead={"a": 0.0, "b": 300.0})
    coordinator = net.run(file)
    coordinator.begin()
    net.report("a")
    net.report("b")
    assert coordinator.over
    result = coordinator.end()

    assert (result.incidents, result.doubts, result.complete) == ((), [], True)
    assert (result.offered, result.tally.of().count) == (20, 4)
    assert all(row[2] == pytest.approx(net.now, abs=0.1) for row in net.rows)
    assert coordinator.end() is result


def test_a_silent_worker_is_lost(file):
    """It is named, the run is over, the others are stopped, and nobody waits for its last report."""
    net = Net()
    coordinator = net.run(file)
    coordinator.begin()
    net.silent = {"b"}
    for _ in range(20):
        net.now += SILENT_AT_MOST / 10
        coordinator.watch()
    result = coordinator.end()

    assert coordinator.over
    assert [doubt for doubt in result.doubts if "worker b (share 2 of 2) was lost" in doubt]
    assert not any("worker a" in doubt for doubt in result.doubts)
    assert set(net.told(STOP)) == {"a"}
    assert not result.complete


def test_a_worker_that_left_is_lost_at_once(file):
    """Locust says that it has gone."""
    net = Net()
    coordinator = net.run(file)
    coordinator.begin()
    coordinator.watch(present=["a"])

    assert coordinator.over
    assert "(it left)" in coordinator.end().doubts[0]


def test_a_master_that_stood_still_blames_nobody(file):
    """What the workers said meanwhile is heard only now."""
    net = Net()
    coordinator = net.run(file)
    coordinator.begin()
    net.now += 10 * SILENT_AT_MOST
    coordinator.watch()

    assert not coordinator.over


def test_a_worker_that_cannot_begin_says_why(file):
    """No load is sent by anybody."""
    net = Net()
    net.errors = {"b": "scenarios.py:3: SyntaxError"}
    coordinator = net.run(file)
    coordinator.begin()
    result = coordinator.end()

    assert result.incidents == ("worker b (share 2 of 2) refused: scenarios.py:3: SyntaxError",)
    assert not net.told(GO)
    assert verdict_on(result, None).exit_code == 3


def test_a_worker_that_never_answers_is_no_endless_wait(file):
    """The set-up has its time."""
    net = Net()
    net.silent = {"a"}
    coordinator = net.run(file)
    coordinator.begin()

    assert "worker a (share 1 of 2) did not get ready within 60 s" in coordinator.end().incidents


@pytest.mark.parametrize("fault", ["gap", "no last report", "miscounted"])
def test_what_is_missing_is_an_incident(file, fault):
    """A report that was lost, a last one that never came, arrivals that nobody sent."""
    net = Net(offered=9 if fault == "miscounted" else 10)
    coordinator = net.run(file)
    coordinator.begin()
    net.report("a", skip=1 if fault == "gap" else 0)
    net.report("b")
    net.silent = {"b"} if fault == "no last report" else set()
    said = {
        "gap": "a report was lost",
        "no last report": "sent no last report",
        "miscounted": "18 arrivals; the plan has 20",
    }

    assert any(said[fault] in incident for incident in coordinator.end().incidents)


def test_words_about_another_run_are_not_heard(file):
    """A worker that is behind cannot mix two runs."""
    net = Net()
    coordinator = net.run(file)
    coordinator.begin()
    coordinator.hear_ready("a", {"run": "another", "error": "old"})
    coordinator.hear_pong("stranger", {"run": coordinator.run, "asked": 0, "told": 0})

    assert not coordinator.over


@given(
    st.floats(-1e6, 1e6),
    st.lists(st.tuples(st.floats(0, 2), st.floats(0, 2)), min_size=WINDOW, max_size=3 * WINDOW),
)
def test_the_clock_is_never_further_off_than_said(ahead, ways):
    """Whatever the way there and the way back took."""
    clock, now = RemoteClock(), 100.0
    for there, back in ways:
        clock.add(asked=now, told=now + there + ahead, heard=now + there + back)
        now += there + back + 0.5

    assert clock.measured
    for offset in (clock.first, clock.last):
        assert abs(offset.seconds - ahead) <= offset.bound + 1e-6
    assert clock.to_there(clock.to_here(5.0)) == pytest.approx(5.0, abs=1e-6)


def result(*, took=0.1, late=0.0, sent=100, errors=()):
    tally, lateness = Tally(), Histogram()
    for number in range(100):
        error = errors[0] if errors and number == 0 else None
        tally.add(["s", "GET /", 0.0, late, took + late, 200, "failed" if error else "ok", error, "id"])
        lateness.add(late)
    worker = WorkerRecord(
        name="w", share=(0, 1), offered=100, sent=sent, late=lateness, clock=None, clock_at_end=None
    )  # fmt: skip
    return LoadResult(tally=tally, workers=(worker,), complete=True)


def slow(of):
    return [] if of.tally.of().latency.quantile(0.95) < 0.5 else ["p95 is 500ms or more"]


@pytest.mark.parametrize(
    ("made", "judge", "kind", "said"),
    [
        (result(), None, "passed", ""),
        (result(), slow, "passed", ""),
        (result(took=0.6), slow, "failed", "p95 is 500ms or more"),
        (result(took=0.2, late=0.4), slow, "unknown", "the generator was late"),
        (result(took=0.6, late=0.4), slow, "failed", "p95 is 500ms"),
        (result(late=0.3), slow, "passed", ""),
        (result(late=1.5), None, "unknown", "worker w ran late: p99 1"),
        (result(sent=90), None, "unknown", "worker w sent only 90%"),
        (result(errors=("generator: too many files",)), None, "unknown", "1 requests failed by the generator's own"),
        (result(), lambda of: 1 / 0, "unknown", "the judge raised ZeroDivisionError"),
    ],
)
def test_a_verdict_needs_figures_that_can_be_believed(made, judge, kind, said):
    """Late and broken is unknown, late and held is held, broken even from sending is broken."""
    verdict = verdict_on(made, judge)

    assert verdict.kind == kind
    assert said in " ".join(verdict.reasons)


def test_stages_can_be_written_on_one_line(tmp_path):
    """Rates, ramps, replays; Poisson unless said otherwise."""
    times = tmp_path / "times.txt"
    times.write_text("5\n6\n")

    assert parse_stages(f"50/s 30s, 600/min-200/s 1m constant, replay {times}, 5/s") == (
        Constant(rate=50, duration=30),
        Ramp(start=10, end=200, duration=60, arrival="constant"),
        Replay(times=(0, 1)),
        Constant(rate=5),
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "'': '' is not|is no stage of load; write for instance 50/s 30s"),
        ("50 30s", "'50 30s': '50' has no unit"),
        ("50/s 30s 7", "is no stage of load; write for instance"),
        ("1/s-2/s", "'1/s-2/s'"),
        ("5/s 0s", "must be longer than 0 s"),
    ],
)
def test_a_wrong_stage_is_one_clear_line(text, complaint):
    """What was written, and what would be right."""
    with pytest.raises(ValueError, match=complaint):
        parse_stages(text)


def test_a_replay_without_its_file_is_told():
    """As every file that cannot be read."""
    with pytest.raises(BadInputError, match="cannot be read"):
        parse_stages("replay /nowhere/times.txt")


def test_a_mix_can_be_written_on_one_line():
    """A weight of 1 may be left out."""
    assert parse_mix("a=3, b") == (MixEntry(scenario="a", weight=3), MixEntry(scenario="b", weight=1))
    for wrong in ("", "a=x", "a=-1", "a b=1", "a=inf"):
        with pytest.raises(ValueError, match="no part of a mix"):
            parse_mix(wrong)


def test_every_service_finds_its_address():
    """The option's own first, then the variable, then the common one."""
    services = ("orders", "user-data")
    by_variable = {"USER_DATA_URL": "http://u"}

    assert targets(services, "http://all", {}) == {"orders": "http://all", "user-data": "http://all"}
    assert targets(services, "orders=http://o", by_variable) == {"orders": "http://o", "user-data": "http://u"}
    assert targets(services, "http://all", by_variable) == {"orders": "http://all", "user-data": "http://u"}
    with pytest.raises(ValueError, match=r"no address for user-data; .* or USER_DATA_URL=URL"):
        targets(services, "orders=http://o", {})
    with pytest.raises(ValueError, match="no edge to bank; it has orders, user-data"):
        targets(services, "bank=http://o", {})


def test_the_shipped_locustfile_names_what_there_is():
    """Its mix is of the storefront's scenarios."""
    root = Path(__file__).resolve().parents[2]
    text = (root / "load" / "locustfile.py").read_text()
    named = {entry.scenario for entry in parse_mix(text.split('mix = "')[1].split('"')[0])}

    assert all(f"def {name}(client" in (root / "load" / "scenarios.py").read_text() for name in named)
