"""Did the experiment itself go as it should: healthy before, run to its end, at rest after?"""

from __future__ import annotations

from windtunnel.history import History, NoteEvent, ProbeEvent


def steady_state_doubts(history: History) -> list[str]:
    """A line for each probe whose last try was not met: the system was ill before anything was broken."""
    last = {event.probe: event for event in history.events if isinstance(event, ProbeEvent)}
    return [
        f"steady state: probe {event.probe!r} was not met before the fault: {event.detail or 'no reason given'}"
        for event in last.values()
        if not event.met
    ]


def doubts(history: History) -> list[str]:
    """What went wrong with the run, and whether it came to its end."""
    found = [event.text for event in history.events if isinstance(event, NoteEvent) and event.what == "error"]
    if not found and history.phase_start("done") is None:
        found.append("the run did not come to its end: its history has no phase 'done'")
    return found


def unrest(history: History) -> list[str]:
    """Why the system did not come to rest after the experiment."""
    notes = [event for event in history.events if isinstance(event, NoteEvent) and event.what == "quiet"]
    return [f"the system did not come to rest: {note.text}" for note in notes]
