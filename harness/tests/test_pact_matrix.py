"""The matrix and can-i-deploy: what is known, what is not, and that the second is a no."""

import json
import threading

import pact_wires
import pytest

from windtunnel.cli import main
from windtunnel.contracts.pact_deploy import can_i_deploy
from windtunnel.contracts.pact_files import read_pact
from windtunnel.contracts.pact_matrix import Matrix, changed, read_matrix
from windtunnel.contracts.pact_verifier import Report, Result
from windtunnel.contracts.pact_version import current_version
from windtunnel.errors import PactError

AT = "2026-01-01T00:00:00Z"


@pytest.fixture
def pact(tmp_path):
    return read_pact(pact_wires.write(tmp_path / "pacts", pact_wires.interaction()))


@pytest.fixture
def matrix(pact):
    """shop 1 and store 1 are known to work together, and both are in production."""
    matrix = Matrix()
    matrix.add_contracts([pact], "1", AT)
    matrix.add_report(report(pact), "1", AT)
    for service in ("shop", "store"):
        matrix.add_deployment(service, "1", "production", AT)
    return matrix


def report(pact, *reasons):
    result = Result(pact=pact, interaction=pact.interactions[0], reasons=reasons)
    return Report(provider=pact.provider, results=(result,), output="")


def test_verified_pair_can_be_deployed(matrix):
    """Both ways: as a consumer, and as a provider."""
    answers = [can_i_deploy(matrix, service, "1", "production") for service in ("shop", "store")]

    assert [(answer.yes, len(answer.lines)) for answer in answers] == [(True, 1), (True, 1)]


def test_new_consumer_with_the_same_needs_is_verified_already(matrix, pact):
    """The hash of the contract counts, not the version that wrote it."""
    matrix.add_contracts([pact], "2", AT)

    assert can_i_deploy(matrix, "shop", "2", "production").yes


def test_new_needs_that_nobody_verified_are_a_no(matrix, tmp_path):
    """Not known is not good."""
    changed_pact = read_pact(pact_wires.write(tmp_path / "new", pact_wires.interaction(status=201)))
    matrix.add_contracts([changed_pact], "2", AT)
    answer = can_i_deploy(matrix, "shop", "2", "production")

    assert (answer.yes, [(line.verdict, line.reason) for line in answer.lines]) == (
        False,
        [("unknown", "never verified")],
    )


def test_provider_that_breaks_a_deployed_consumer_is_a_no(matrix, pact):
    """And says which interaction."""
    matrix.add_report(report(pact, "status: expected 200 but was 500"), "2", AT)
    answer = can_i_deploy(matrix, "store", "2", "production")

    assert (answer.yes, [(line.verdict, line.reason) for line in answer.lines]) == (False, [("broken", "a request")])


def test_deployment_changes_the_answer(matrix, pact):
    """Store 2 breaks shop 1 alone: with nobody there who needs it, it can go."""
    matrix.add_report(report(pact, "broken"), "2", AT)
    matrix.add_deployment("store", "1", "staging", AT)

    assert not can_i_deploy(matrix, "store", "2", "production").yes
    assert can_i_deploy(matrix, "store", "2", "staging").yes


def test_consumer_whose_provider_is_not_there_is_a_no_unless_it_comes_along(matrix):
    """The first deployment of two that need each other is one deployment."""
    matrix.add_deployment("elsewhere", "1", "staging", AT)
    alone = can_i_deploy(matrix, "shop", "1", "staging")
    together = can_i_deploy(matrix, "shop", "1", "staging", {"store": "1"})

    assert (alone.yes, alone.lines[0].reason) == (False, "store is not there")
    assert together.yes


def test_deployed_consumer_whose_contracts_nobody_knows_is_a_no(matrix):
    """It may need anything."""
    matrix.add_deployment("shop", "0", "production", AT)
    answer = can_i_deploy(matrix, "store", "1", "production")

    assert (answer.yes, answer.lines[0].reason) == (False, "the contracts of shop 0 are not known")


def test_version_that_was_never_seen_is_a_no(matrix):
    """A slip in a version must not pass for one that needs nothing."""
    answer = can_i_deploy(matrix, "shop", "7", "production")

    assert not answer.yes
    assert answer.unknown == "nothing is known of shop 7: its pacts were not verified (newest known: 1)"


def test_latest_verification_counts(matrix, pact):
    """The same version, verified again."""
    matrix.add_report(report(pact, "broken"), "1", AT)
    worse = can_i_deploy(matrix, "shop", "1", "production").yes
    matrix.add_report(report(pact), "1", AT)

    assert (worse, can_i_deploy(matrix, "shop", "1", "production").yes) == (False, True)


def test_unknown_names_are_errors_that_list_the_known(matrix):
    """A slip in a service or an environment is wrong input, not an answer."""
    with pytest.raises(PactError, match="no contract names a service 'shp'; known: shop, store"):
        can_i_deploy(matrix, "shp", "1", "production")
    with pytest.raises(PactError, match="nothing was ever deployed to 'prod'; known: production"):
        can_i_deploy(matrix, "shop", "1", "prod")


def test_matrix_is_read_as_it_was_written(matrix, tmp_path):
    """Every row."""
    path = tmp_path / "matrix.json"
    with changed(path) as stored:
        stored.contracts, stored.verifications, stored.deployments = (
            matrix.contracts,
            matrix.verifications,
            matrix.deployments,
        )

    assert read_matrix(path) == matrix


def test_writers_at_the_same_time_lose_nothing(tmp_path):
    """As when workers verify one provider each."""
    path = tmp_path / "matrix.json"

    def record(number):
        with changed(path) as matrix:
            matrix.add_deployment(f"s{number}", "1", "production", AT)

    threads = [threading.Thread(target=record, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(read_matrix(path).deployments) == 16


def test_change_that_fails_leaves_the_matrix_as_it_was(matrix, tmp_path):
    """Half a change is none."""
    path = tmp_path / "matrix.json"

    def fail():
        with changed(path) as stored:
            stored.add_deployment("shop", "1", "production", AT)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not path.exists()


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (None, "no matrix there"),
        ("{", r"matrix.json:1: not JSON"),
        ("[]", "'matrix' must be 'windtunnel/v1'"),
        ('{"matrix": "windtunnel/v1"}', "contracts must be a list"),
        (
            '{"matrix": "windtunnel/v1", "contracts": [{"a": 1}]}',
            r"contracts\[0\] must have exactly these keys: consumer",
        ),
    ],
    ids=["no file", "no JSON", "another format", "no list", "other keys"],
)
def test_matrix_that_cannot_be_used_is_one_clear_line(tmp_path, text, mistake):
    """Which file, where, what would be right."""
    path = tmp_path / "matrix.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")

    with pytest.raises(PactError, match=mistake):
        read_matrix(path)


def test_commands_answer_with_their_exit_codes(pact, tmp_path, capsys, monkeypatch):
    """publish-pacts, record-deployment and can-i-deploy, as a pipeline calls them: 0 yes, 1 no, 2 wrong input."""
    for name in ("BASE_URL", "TOKEN", "USERNAME", "PASSWORD"):
        monkeypatch.delenv(f"PACT_BROKER_{name}", raising=False)
    path = tmp_path / "matrix.json"
    at = ["--matrix", str(path)]
    published = main(["publish-pacts", str(pact.path.parent), "--version", "1", *at])
    before = main(["can-i-deploy", "--service", "shop", "--version", "1", *at])
    with changed(path) as matrix:
        matrix.add_report(report(pact), "1", AT)
    recorded = main(["record-deployment", "--service", "store", "--version", "1", "--environment", "production", *at])
    capsys.readouterr()
    after = main(["can-i-deploy", "--service", "shop", "--version", "1", "--to", "production", *at])
    table = capsys.readouterr().out
    wrong = main(["can-i-deploy", "--service", "shp", "--version", "1", *at])
    slip = main(["record-deployment", "--service", "shp", "--version", "1", "--environment", "production", *at])

    assert (published, before, recorded, after, wrong, slip) == (0, 1, 0, 0, 2, 2)
    assert table.splitlines()[0] == "yes: shop 1 to production"
    assert table.splitlines()[2].split()[:6] == ["shop", "1", "store", "1", "kept", "verified"]


def test_version_is_told_or_the_commit(tmp_path):
    """Where there is neither, a person is asked."""
    assert current_version(tmp_path, {"WINDTUNNEL_VERSION": "1.2"}) == "1.2"
    with pytest.raises(PactError, match="is no version"):
        current_version(tmp_path, {"WINDTUNNEL_VERSION": "1 2"})
    with pytest.raises(PactError, match="set WINDTUNNEL_VERSION"):
        current_version(tmp_path, {})


def test_contract_s_hash_does_not_depend_on_who_wrote_it(tmp_path):
    """Neither on the order of interactions, nor on the versions that the library notes."""
    one, two = pact_wires.interaction("a"), pact_wires.interaction("b")
    first = read_pact(pact_wires.write(tmp_path / "1", one, two))
    other = pact_wires.document(two, one)
    other["metadata"]["pactRust"] = {"ffi": "9"}
    path = tmp_path / "other.json"
    path.write_text(json.dumps(other), encoding="utf-8")

    assert read_pact(path).sha256 == first.sha256


@pytest.mark.parametrize(
    ("change", "mistake"),
    [
        ({"metadata": {}}, "only V4"),
        ({"consumer": {}}, "consumer.name must be a text"),
        (
            {"interactions": [pact_wires.interaction(), pact_wires.interaction()]},
            "two interactions are called 'a request'",
        ),
        (
            {"interactions": [{"type": "Synchronous/Messages"}]},
            r"interactions\[0\].type is 'Synchronous/Messages'; known",
        ),
        ({"interactions": [{**pact_wires.interaction(), "pending": "no"}]}, r"pending must be true or false"),
    ],
    ids=["specification", "no name", "twins", "kind", "pending"],
)
def test_pact_file_that_cannot_be_used_is_one_clear_line(tmp_path, change, mistake):
    """Which file, where in it, what would be right."""
    path = tmp_path / "pact.json"
    path.write_text(json.dumps({**pact_wires.document(pact_wires.interaction()), **change}), encoding="utf-8")

    with pytest.raises(PactError, match=mistake):
        read_pact(path)
