"""The record of one experiment: what was sent, what was broken, what came back, when.

    runner, load ─> HistoryWriter ─> file of JSON lines ─> read_history ─> History ─> checks, evidence

`model.py` says what a history holds, `codec.py` how it is spelt in JSON.
"""

from windtunnel.history.model import (
    FORMAT,
    LATE,
    BreakerEvent,
    BreakerState,
    Call,
    Event,
    FaultEvent,
    Header,
    History,
    InvariantEvent,
    LoadEvent,
    NoteEvent,
    Outcome,
    PhaseEvent,
    ProbeEvent,
    Sample,
    UsageEvent,
)
from windtunnel.history.reader import read_history
from windtunnel.history.writer import HistoryWriter

__all__ = [
    "FORMAT",
    "LATE",
    "BreakerEvent",
    "BreakerState",
    "Call",
    "Event",
    "FaultEvent",
    "Header",
    "History",
    "HistoryWriter",
    "InvariantEvent",
    "LoadEvent",
    "NoteEvent",
    "Outcome",
    "PhaseEvent",
    "ProbeEvent",
    "Sample",
    "UsageEvent",
    "read_history",
]
