"""The `windtunnel` command: its exit codes, and one clear line for a mistake."""

from pathlib import Path

import pytest
import small_system

from windtunnel.cli import main

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path, monkeypatch):
    small_system.write_system(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_validate_names_the_experiments_of_a_good_file(project, capsys):
    """Exit code 0, one line a file."""
    path = small_system.write_spec(project)
    code = main(["validate", "--topology", "topology.yaml", str(path)])

    assert code == 0
    assert capsys.readouterr().out.strip().endswith("experiment.yaml: ok, 1 experiment: experiment")


def test_validate_reports_each_bad_file_and_goes_on(project, capsys):
    """Two files, one mistake: the mistake on stderr with its line, the good one named, exit code 2."""
    good = small_system.write_spec(project, name="good")
    bad = small_system.write_spec(project, name="bad", fault='fault: doun, edge: "front->back"')
    code = main(["validate", "--topology", "topology.yaml", str(bad), str(good)])
    printed = capsys.readouterr()

    assert code == 2
    assert "bad.yaml:" in printed.err
    assert "down" in printed.err
    assert "good.yaml: ok" in printed.out


def test_validate_reads_load_profiles_too(capsys, monkeypatch):
    """Told by its first key; the storefront's own are right, and one with a mistake is one line."""
    monkeypatch.chdir(ROOT)
    files = [str(path) for path in sorted(Path("load/profiles").glob("*.yaml"))]
    code = main(["validate", *files])

    assert code == 0
    assert "load/profiles/steady.yaml: ok, load profile steady" in capsys.readouterr().out


def test_validate_finds_the_mistake_in_a_load_profile(project, capsys):
    """With its line, as in an experiment."""
    Path("bad.yaml").write_text("profile: windtunnel/v1\ntitle: No rate\nrate: fast\nmix: [{scenario: ask}]\n")
    Path("slos.yaml").write_text("slos: windtunnel/v1\nobjectives: {kept: {errors: '<= 0'}}\n")
    code = main(["validate", "--topology", "topology.yaml", "--slos", "slos.yaml", "bad.yaml"])

    assert code == 2
    assert capsys.readouterr().err.startswith("bad.yaml:3: ")


def test_a_file_that_is_not_there_is_one_line(project, capsys):
    """No traceback for a wrong path."""
    code = main(["validate", "--topology", "nowhere.yaml", "x.yaml"])

    assert code == 2
    assert capsys.readouterr().err.startswith("windtunnel: nowhere.yaml")


def test_judge_gives_the_same_verdict_again(project, capsys):
    """From the stored file alone: the findings, the exit code, and the timeline."""
    measured = small_system.measure(project, small_system.write_spec(project, slo='error_rate: "< 5%"'))
    code = main(["judge", str(measured.path), "--timeline", "timeline.png"])

    assert measured.verdict.outcome == "FAIL"
    assert code == 1
    assert measured.verdict.reasons[0] in capsys.readouterr().out
    assert (project / "timeline.png").read_bytes().startswith(b"\x89PNG")


def test_judge_says_where_a_file_is_no_history(project, capsys):
    """A text that is no history is an input error with its place."""
    (project / "not.jsonl").write_text("hello\n")
    code = main(["judge", "not.jsonl"])

    assert code != 0
    assert "not.jsonl:1" in capsys.readouterr().err


def test_help_names_every_command(capsys):
    """`--help` teaches what there is."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    printed = capsys.readouterr().out

    assert ended.value.code == 0
    for command in ("run", "validate", "judge", "proxy", "heal"):
        assert command in printed
