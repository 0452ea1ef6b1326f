"""What a fuzzer made of Schemathesis and Hypothesis gets wrong when nobody looks: one test for each trap."""

import json
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
import requests
from fuzz_system import write_fuzz_system
from hypothesis import Phase
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from windtunnel.errors import SpecError
from windtunnel.fuzz.generate import boundaries, draw, steady_settings
from windtunnel.fuzz.judging import Limits, problems
from windtunnel.fuzz.operations import operations_of
from windtunnel.fuzz.shots import Answer, Gun
from windtunnel.topology import read_topology

LIMITS = Limits(answer_within=1.0)


@pytest.fixture
def operation(tmp_path):
    """`POST /things` of the small system's document."""
    (found,) = operations_of(read_topology(write_fuzz_system(tmp_path)))
    return found


@pytest.fixture
def shot(operation):
    """A valid request of it."""
    with Gun("http://127.0.0.1:9", patience=1.0) as gun:
        return gun.load(draw(operation, "valid", 1, 0)[0], "valid")


def answer(status, body, seconds=0.1, **headers):
    """What a service might say."""
    raw = HTTPResponse(
        body=BytesIO(json.dumps(body).encode()),
        headers={"Content-Type": "application/json", **headers},
        status=status,
        preload_content=False,
    )
    response = HTTPAdapter().build_response(requests.Request("POST", "http://127.0.0.1:9/things").prepare(), raw)
    return Answer(seconds=seconds, response=response)


def test_a_documented_503_is_no_failure(operation, shot):
    """`not_a_server_error`, as it comes, calls every 5xx a failure: each test of a degradation would be red."""
    found = problems(operation, shot, answer(503, {"problem": "back is away"}, **{"Retry-After": "1"}), LIMITS)

    assert found == []


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ((500, {"problem": "no"}, {}), "answered 500"),
        ((502, {"problem": "no"}, {}), "answered 502"),
        ((503, {"problem": "no"}, {}), "Retry-After"),
        ((503, {"error": "no"}, {"Retry-After": "1"}), "problem"),
        ((418, {"problem": "no"}, {}), "418"),
        ((201, {"count": "3"}, {}), "count"),
    ],
)
def test_what_is_not_documented_is_a_failure(operation, shot, sent, told):
    """To let a 503 pass must not let anything else pass."""
    status, body, headers = sent
    found = problems(operation, shot, answer(status, body, **headers), LIMITS)

    assert any(told in line for line in found)


def test_a_500_is_a_failure_even_where_it_is_documented(operation, shot):
    """A document that promises a defect does not make it a promise."""
    promised = type(operation)(**{**vars(operation), "statuses": operation.statuses | {500}})
    found = problems(promised, shot, answer(500, {"problem": "no"}), LIMITS)

    assert len(found) == 1
    assert "answered 500" in found[0]


def test_an_answer_that_comes_too_late_or_never_is_a_failure(operation, shot):
    """Without a time limit a hang is no failure: it hangs the run."""
    late = problems(operation, shot, answer(201, {"count": 1}, seconds=1.2), LIMITS)
    never = problems(operation, shot, Answer(seconds=2.0, trouble="no answer came"), LIMITS)

    assert late == ["answered after 1.2 s; the limit is 1 s"]
    assert never == ["no answer came, within 2.0 s; every request must be answered"]


def test_a_silent_service_does_not_hang_the_run(shot, tmp_path):
    """The connection is accepted, and nothing ever comes: the patience ends it."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        shot.prepared.url = f"http://127.0.0.1:{silent.getsockname()[1]}/things"
        with Gun("http://127.0.0.1", patience=0.2) as gun:
            found = gun.fire(shot)

    assert (found.response, found.trouble) == (None, "no answer came")


SCRIPT = """
import sys
for name in sys.argv[2:]:
    __import__(name)
from pathlib import Path
from windtunnel.fuzz.generate import boundaries, draw
from windtunnel.fuzz.operations import operations_of
from windtunnel.fuzz.shots import Gun
from windtunnel.topology import read_topology
(operation,) = operations_of(read_topology(Path(sys.argv[1])))
cases = [*draw(operation, "valid", 20, 7), *draw(operation, "invalid", 20, 7), *boundaries(operation, 20, 7)]
with Gun("http://127.0.0.1:9", 1.0) as gun:
    for case in cases:
        sent = gun.load(case, "valid").prepared
        print(sent.method, sent.url, sorted(sent.headers.items()), sent.body)
"""


def test_the_same_seed_sends_the_same_bytes_in_every_process(tmp_path):
    """Neither pytest's `--hypothesis-seed` nor a seed beside an example database does; nor may it matter what else is
    imported, or how Python hashes."""
    topology = write_fuzz_system(tmp_path)
    sent = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT, str(topology), *modules],
            env={"PATH": "", "PYTHONHASHSEED": str(number)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=900,
            check=True,
        ).stdout
        for number, modules in enumerate(((), ("windtunnel.cli", "http.server", "colorsys")))
    ]

    assert sent[0] == sent[1]
    assert len(sent[0].splitlines()) > 40


def test_another_seed_sends_other_requests(operation):
    """Or a night's run would see what every run sees."""
    bodies = {json.dumps([case.body for case in draw(operation, "invalid", 10, seed)], default=str) for seed in (1, 2)}

    assert len(bodies) == 2


def test_nothing_is_remembered_from_one_run_to_the_next(operation, tmp_path, monkeypatch):
    """An example database would make what is sent depend on the runs before."""
    monkeypatch.chdir(tmp_path)
    draw(operation, "valid", 5, 1)
    before = set(Path(tmp_path).rglob("*.hypothesis*"))

    assert steady_settings().database is None
    assert before == set()


def test_nothing_is_shrunk_and_nothing_has_a_deadline():
    """Under a slow fault shrinking takes minutes, and Hypothesis' own deadline fails what is only slow."""
    found = steady_settings()

    assert (tuple(found.phases), found.deadline) == ((Phase.generate,), None)


def test_requests_have_names_that_come_again(operation):
    """Schemathesis gives each case an id by chance and sends it, so that no two runs were the same."""
    cases = [*draw(operation, "valid", 2, 1), *boundaries(operation, 2, 1)]

    assert [case.id for case in cases] == ["valid-1", "valid-2", "boundary-1", "boundary-2"]


def test_a_document_without_operations_is_an_error(tmp_path):
    """Nothing to test must never look like nothing found."""
    topology = read_topology(write_fuzz_system(tmp_path))
    (tmp_path / "front.yaml").write_text('openapi: 3.1.0\ninfo: {title: x, version: "1"}\npaths: {}\n')

    with pytest.raises(SpecError, match="has no operation"):
        operations_of(topology)


def test_a_system_without_documents_is_an_error(tmp_path):
    """For the same reason."""
    path = write_fuzz_system(tmp_path)
    path.write_text(path.read_text().replace("    openapi: front.yaml\n", ""))

    with pytest.raises(SpecError, match="no service has a document"):
        operations_of(read_topology(path))


@pytest.mark.parametrize("text", ["{", "openapi: 3.1.0", "a text", ""])
def test_a_document_that_is_none_is_one_line(tmp_path, text):
    """Not somebody else's traceback."""
    topology = read_topology(write_fuzz_system(tmp_path))
    (tmp_path / "front.yaml").write_text(text)

    with pytest.raises(SpecError) as caught:
        operations_of(topology)

    assert "front.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_operation_that_cannot_be_wrong_gets_no_invalid_requests(tmp_path):
    """Hypothesis raises there, and a run must not end over it."""
    topology = read_topology(write_fuzz_system(tmp_path))
    (tmp_path / "front.yaml").write_text(
        'openapi: 3.1.0\ninfo: {title: x, version: "1"}\n'
        'paths: {/a: {get: {responses: {"200": {description: fine}}}}}\n'
    )
    (only,) = operations_of(topology)

    assert draw(only, "invalid", 5, 1) == []
    assert len(draw(only, "valid", 5, 1)) == 1
