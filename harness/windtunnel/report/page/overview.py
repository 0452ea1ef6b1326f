"""The page that people come for: what broke, since when, how badly; then the matrix, what changed, every experiment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from windtunnel.report.changes import Change
from windtunnel.report.html import Markup, el, join
from windtunnel.report.matrix import LOOKS, SCORE, WORST_FIRST, Matrix, State, matrix_of, state_of
from windtunnel.report.page.frame import badge, badge_of, command, facts, figure, page, section, table
from windtunnel.report.page.grid import grids
from windtunnel.report.promises import broken_promises, other_reasons, where_and_limit
from windtunnel.report.schema import ExperimentSummary, SummaryDocument
from windtunnel.report.stored import page_name
from windtunnel.report.track import STRIP, Track
from windtunnel.report.words import duration, fault_errors, milliseconds, moment, number, share, span


@dataclass(frozen=True, kw_only=True)
class Overview:
    """All that the page tells."""

    document: SummaryDocument
    tracks: Mapping[str, Track]
    changes: Sequence[Change] | None
    """Against the run before; None when there is none."""
    before: SummaryDocument | None = None
    links: Sequence[tuple[str, str]] = ()
    """Other pages of this run: words and address."""


def overview_page(told: Overview) -> str:
    """The whole page."""
    document, matrix = told.document, matrix_of(told.document)
    name = document["system"]["name"] or "the system"
    return page(
        f"Resilience of {name}",
        _header(told, name),
        el(
            "main",
            _figures(told, matrix),
            _broken(told),
            section("matrix", "The matrix", _legend(matrix), grids(matrix), el("p", SCORE, class_="soft")),
            _changes(told),
            section("experiments", "Every experiment", _experiments(told)),
            id="content",
        ),
        _footer(told),
        scripts=("common.js",),
    )


def _header(told: Overview, name: str) -> Markup:
    run, seed = told.document["run"], told.document["run"]["seed"]
    links = [join(" · ", el("a", words, href=address)) for words, address in told.links]
    return el(
        "header",
        el("div", "Windtunnel", *links, class_="crumbs"),
        el("h1", f"Resilience of {name}: {_verdict(told.document)}"),
        facts([
            ("Run", moment(run["began_unix"])), ("Took", span(run["seconds"])), ("Commit", run["commit"]),
            ("Profile", run["profile"]), ("Backend", run["backend"]), ("Proxy", run["proxy"]),
            ("Seed", "" if seed is None else str(seed)), ("Machine", run["machine"]),
        ]),
    )  # fmt: skip


def _verdict(document: SummaryDocument) -> str:
    totals, all_ = document["totals"], len(document["experiments"])
    parts = [f"{totals[word]} {name}" for word, name in (("FAIL", "failed"), ("ERROR", "unknown")) if totals.get(word)]
    if parts:
        return f"{', '.join(parts)} of {number(all_, 'experiment')}"
    held = totals.get("PASS", 0)
    return f"all {held} experiments held" if held == all_ else f"{held} of {number(all_, 'experiment')} held"


def _figures(told: Overview, matrix: Matrix) -> Markup:
    entries = told.document["experiments"]
    held = sum(state_of(entry) in ("passed", "degraded") for entry in entries)
    worst: State = min(map(state_of, entries), key=WORST_FIRST.index, default="untested")
    tone = worst if worst in ("failed", "error") else "passed" if entries and held == len(entries) else ""
    known = [e for e in entries if e["recovery"] and e["recovery"]["seconds"] is not None]
    slowest = max(known, key=_recovery_seconds, default=None)
    cells = len(matrix.cells)
    return el(
        "div",
        figure(f"{held} of {len(entries)}", "experiments held", class_=tone),
        figure(share(matrix.score), "score", more=f"{matrix.held} of {cells} combinations held"),
        figure(share(matrix.coverage), "coverage", more=f"{matrix.decided} of {cells} combinations decided"),
        figure(duration(slowest["recovery"]) if slowest else duration(None), "slowest recovery",
               more=slowest["id"] if slowest else "none was promised"),
        class_="figures",
    )  # fmt: skip


def _recovery_seconds(entry: ExperimentSummary) -> float:
    return (entry["recovery"]["seconds"] if entry["recovery"] else None) or 0.0


def _broken(told: Overview) -> Markup:
    bad = [entry for entry in told.document["experiments"] if state_of(entry) in ("failed", "error")]
    bad.sort(key=lambda entry: (WORST_FIRST.index(state_of(entry)), entry["item"]))
    if not bad:
        return section("broken", "What broke", el("p", "Nothing: every promise that was put to the test held."))
    return section("broken", "What broke", *(_break(entry, told.tracks[entry["item"]]) for entry in bad))


def _break(entry: ExperimentSummary, track: Track) -> Markup:
    state = state_of(entry)
    rows = [[*where_and_limit(p["promise"]), p["got"]] for p in broken_promises(entry)]
    others = other_reasons(entry)
    return el(
        "article",
        badge(state),
        el("h3", el("a", entry["title"], href=page_name(entry))),
        el("p", f"{entry['id']} · {track.words} · {share(fault_errors(entry))} errors under fault · "
                f"recovery {duration(entry['recovery'])}", class_="soft"),
        table(("Window", "Promise", "What was seen"), rows, class_="stack") if rows else None,
        el("ul", *(el("li", reason) for reason in others)) if others else None,
        command(entry["reproduce"]),
        class_=f"break {state}",
    )  # fmt: skip


def _legend(matrix: Matrix) -> Markup:
    items = []
    for state, look in LOOKS.items():
        if count := matrix.count(state):
            items.append(el("li", badge(state), f" {count}: {look.meaning}"))
    return el("ul", *items, class_="legend", aria_label="What the marks mean")


def _changes(told: Overview) -> Markup:
    title = "What changed since the last run"
    if told.changes is None or told.before is None:
        return section("changes", title, el("p", "This is the first run that is kept here."))
    when = el("p", f"Compared with the run of {moment(told.before['run']['began_unix'])}.", class_="soft")
    if not told.changes:
        return section("changes", title, when, el("p", "Nothing beyond noise: no verdict, and no figure that matters."))
    names = {entry["item"]: page_name(entry) for entry in told.document["experiments"]}
    rows = [
        [el("a", c.name, href=names[c.item]) if c.item in names else c.name, _sign(c), c.what] for c in told.changes
    ]
    return section("changes", title, when, table(("Experiment", "", "What"), rows, class_="stack"))


def _sign(change: Change) -> str:
    return {"worse": "▼ worse", "gone": "▼ gone", "better": "▲ better", "new": "+ new", "figure": "≠ moved",
            "spec": "✎ changed"}[change.kind]  # fmt: skip


def _experiments(told: Overview) -> Markup:
    ordered = sorted(told.document["experiments"], key=lambda e: (WORST_FIRST.index(state_of(e)), e["item"]))
    rows = [
        [
            el("a", entry["title"], href=page_name(entry)),
            badge_of(entry),
            share(fault_errors(entry)),
            *(_p95(entry, window) for window in ("baseline", "fault", "recovered")),
            duration(entry["recovery"]),
            strip(told.tracks[entry["item"]]),
        ]
        for entry in ordered
    ]
    head = (
        "Experiment",
        "Verdict",
        "Errors under fault",
        "p95 before",
        "under fault",
        "after",
        "Recovery",
        "Last runs",
    )
    return table(head, rows, caption=f"Errors: share of requests whose answer was not ok, declared degradations "
                                     f"included. Runs: oldest first, up to {STRIP}.")  # fmt: skip


def _p95(entry: ExperimentSummary, window: str) -> str:
    figures = entry["windows"].get(window)
    return milliseconds(figures["p95_ms"] if figures else None)


def strip(track: Track) -> Markup:
    """The last verdicts as marks, and in words for who cannot see them."""
    states: dict[str | None, State] = {
        "PASS": "passed", "FAIL": "failed", "ERROR": "error", "XFAIL": "weakness", "SKIP": "skipped", None: "untested",
    }  # fmt: skip
    last = track.verdicts[-STRIP:]
    marks = [el("span", LOOKS[states[v]].symbol, class_=states[v], aria_hidden="true") for v in last]
    words = ", ".join(LOOKS[states[v]].word for v in last)
    return el("span", *marks, el("span", words, class_="unseen"), class_="strip", title=words)


def _footer(told: Overview) -> Markup:
    versions = ", ".join(f"{name} {version}" for name, version in told.document["run"]["versions"].items())
    raw = join("The same figures for programs: ", el("a", "summary.json", href="summary.json"), ".")
    return el("footer", el("p", raw), el("p", f"Versions: {versions}.") if versions else None)
