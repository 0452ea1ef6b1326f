"""The calls between services, as a page shows them: a table of the edges, and the way of one request."""

from __future__ import annotations

from windtunnel.history import Call, History, Sample
from windtunnel.report.edge_calls import CallFigures, calls_by_edge, caused_by, windows_of
from windtunnel.report.html import Markup, el
from windtunnel.report.page.frame import section, table
from windtunnel.report.words import NONE, milliseconds, share

WORDS = {"before": "Before", "fault": "During the fault", "after": "After"}
PATH = 60
"""Characters of a path that are shown."""


def calls_section(history: History) -> list[Markup]:
    """Nothing when no proxy recorded requests."""
    edges = calls_by_edge(history)
    if not edges:
        return []
    windows = list(windows_of(history))
    head = ["Edge", *(WORDS[window] for window in windows)]
    rows = [[edge, *(_cell(by[window]) for window in windows)] for edge, by in sorted(edges.items())]
    said = (
        "Calls a second, how many of them failed (no whole answer, or a server error), and their p95. Counted by the"
        " edges' proxies, a service's own retries too."
    )
    return [section("calls", "Who called whom", table(head, rows, caption=said))]


def way_table(history: History, sample: Sample) -> Markup | None:
    """The calls that one request of the load caused; None when there are none."""
    calls = caused_by(history, sample.request_id)
    if not calls:
        return None
    rows = [
        [f"{1000 * (call.start - sample.due):+.0f} ms", call.edge, f"{call.method} {_short(call.path)}", _answer(call),
         milliseconds(1000 * call.seconds)]
        for call in calls
    ]  # fmt: skip
    head = ("Since due", "Edge", "Call", "Answer", "Took")
    return el("div", table(head, rows, caption="Its calls, as the edges' proxies saw them"))


def _cell(figures: CallFigures) -> str:
    if figures.p95 is None:
        return "none"
    return f"{figures.rate:.1f}/s · {share(figures.failed / figures.calls)} · {milliseconds(1000 * figures.p95)}"


def _answer(call: Call) -> str:
    words = {"cut": "cut off", "reset": "reset", "no_answer": "no answer", "unread": "not read"}
    ended = words.get(call.ended, "")
    toxics = f" ({', '.join(call.touched_by)})" if call.touched_by else ""
    return (" ".join(filter(None, (str(call.status or ""), ended))) or NONE) + toxics


def _short(path: str) -> str:
    return path if len(path) <= PATH else f"{path[:PATH]}…"
