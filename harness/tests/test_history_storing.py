"""A history survives being written, killed and read again, and refuses what it does not understand."""

from __future__ import annotations

import json
from threading import Thread

import pytest
from hand_written import fault_event, good_events, header, history, sample

import windtunnel.history
from windtunnel.errors import HistoryError
from windtunnel.history import HistoryWriter, NoteEvent, PhaseEvent, read_history


@pytest.fixture
def path(tmp_path):
    return tmp_path / "histories" / "one.jsonl"


@pytest.fixture
def stored(path):
    """A whole history on disk."""
    whole = history()
    with HistoryWriter(path, whole.header) as writer:
        for event in whole.events:
            writer.append(event)
        writer.add_samples(whole.samples)
    return path


def test_what_was_written_is_read_back_unchanged(stored):
    """Nothing is lost or changed on the way to disk and back."""
    assert history() == read_history(stored)


def test_snapshot_and_file_say_the_same(path):
    """What the runner judges while it runs is what the file says later."""
    with HistoryWriter(path, header()) as writer:
        writer.append(PhaseEvent(t=1.0, name="baseline"))
        writer.add_samples([sample(2.0), sample(1.0)])
        shot = writer.snapshot()

        assert read_history(path) == shot


def test_samples_are_in_order_of_their_due_time(path):
    """Answers come back in any order; windows are cut by due time."""
    with HistoryWriter(path, header()) as writer:
        writer.add_samples([sample(3.0), sample(1.0)])
        writer.add_samples([sample(2.0)])

        assert [s.due for s in writer.snapshot().samples] == [1.0, 2.0, 3.0]


def test_snapshot_is_the_same_object_while_nothing_is_added(path):
    """A runner may ask twenty times a second."""
    with HistoryWriter(path, header()) as writer:
        writer.add_samples([sample(1.0)])

        assert writer.snapshot() is writer.snapshot()


def test_an_earlier_snapshot_does_not_change(path):
    """A snapshot is a value, not a window onto something moving."""
    with HistoryWriter(path, header()) as writer:
        before = writer.snapshot()
        writer.add_samples([sample(1.0)])

        assert (before.samples, len(writer.snapshot().samples)) == ((), 1)


def test_many_threads_lose_nothing(path):
    """The load's thread and the runner's write at the same time, and no line is torn."""
    with HistoryWriter(path, header()) as writer:
        threads = [Thread(target=lambda: [writer.add_samples([sample(1.0)]) for _ in range(50)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(read_history(path).samples) == 200


def test_every_call_reaches_the_file_at_once(path):
    """A run that is killed leaves what it had."""
    with HistoryWriter(path, header()) as writer:
        writer.append(PhaseEvent(t=1.0, name="baseline"))

        assert len(read_history(path).events) == 1


def test_closed_history_takes_no_more(path):
    """A late sender learns that its samples are not kept."""
    writer = HistoryWriter(path, header())
    writer.close()
    writer.close()

    with pytest.raises(HistoryError, match="closed"):
        writer.append(PhaseEvent(t=1.0, name="done"))


def test_secrets_reach_neither_file_nor_snapshot(path):
    """Every text is redacted before it is kept anywhere."""
    with HistoryWriter(
        path, header(title="s3cret", spec={"a": ["s3cret"]}), redact=lambda t: t.replace("s3cret", "***")
    ) as writer:
        writer.append(fault_event("proven", 1.0, proof="saw s3cret"))
        writer.add_samples([sample(1.0, error="expectation: s3cret", outcome="failed")])
        shot = writer.snapshot()

    assert "s3cret" not in path.read_text() + repr(shot)


def test_a_line_cut_off_by_a_kill_is_reported_and_the_rest_kept(stored):
    """The reader keeps every whole line and says that the run was killed."""
    whole = stored.read_text()
    stored.write_text(whole[:-20])

    found = read_history(stored)

    lost_line = len(whole.splitlines())
    note = found.events[-1]
    assert (
        len(history().samples) - 1,
        NoteEvent,
        f"the history breaks off in line {lost_line}: the run was killed",
    ) == (
        len(found.samples),
        type(note),
        note.text,
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ":1: empty"),
        ("hello\n", ":1: not JSON"),
        ('{"a": 1}\n', ":1: not a history"),
        ('{"history": "windtunnel/v9"}\n', ":1: history format 'windtunnel/v9'; this version reads 'windtunnel/v1'"),
        ('{"history": "windtunnel/v1"}\n', ":1: missing key"),
    ],
    ids=["empty", "not-json", "something-else", "newer", "no-header"],
)
def test_what_is_no_history_is_refused_with_its_line(tmp_path, text, message):
    """One clear line: where, what, what would be right."""
    path = tmp_path / "h.jsonl"
    path.write_text(text)

    with pytest.raises(HistoryError) as refusal:
        read_history(path)
    assert str(refusal.value).startswith(f"{path}{message}")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"kind": "quake"}', "unknown kind 'quake'; known: sample, call, phase,"),
        ('{"kind": "phase", "t": 1, "name": "fault", "colour": 1}', "unknown key 'colour'; known: t, name"),
        ('{"kind": "phase", "t": 1}', "missing key 'name'"),
        ('{"kind": "phase", "t": "soon", "name": "fault"}', "t cannot be 'soon'; expected float"),
        ('{"kind": "note", "t": 1, "what": "joke", "text": ""}', "what cannot be 'joke'"),
        ("[]", "unknown kind None"),
        ("{", "not JSON"),
    ],
    ids=["kind", "key", "missing", "type", "word", "list", "torn"],
)
def test_what_an_event_may_not_be_is_refused_with_its_line(stored, line, message):
    """Strict in every line, also where only the middle of a file is spoilt."""
    lines = stored.read_text().splitlines()
    stored.write_text("\n".join([lines[0], line, *lines[1:]]) + "\n")

    with pytest.raises(HistoryError) as refusal:
        read_history(stored)
    assert str(refusal.value).startswith(f"{stored}:2: {message}")


def test_missing_file_is_one_clear_error(tmp_path):
    """No traceback of ours for a mistyped path."""
    with pytest.raises(HistoryError, match="cannot be read"):
        read_history(tmp_path / "none.jsonl")


def test_file_is_json_lines_with_a_versioned_header(stored):
    """Any tool can read it."""
    first, second = (json.loads(line) for line in stored.read_text().splitlines()[:2])

    assert (first["history"], second["kind"]) == ("windtunnel/v1", "probe")


def test_public_names_of_the_history_exist():
    """`__all__` is the package's promise."""
    assert all(hasattr(windtunnel.history, name) for name in windtunnel.history.__all__)


def test_every_event_of_a_good_run_can_be_stored(path):
    """No kind of event was forgotten by the codec."""
    with HistoryWriter(path, header()) as writer:
        for event in good_events():
            writer.append(event)

    assert tuple(good_events()) == read_history(path).events
