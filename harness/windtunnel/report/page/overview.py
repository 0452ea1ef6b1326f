"""The page that people come for: what broke, since when, how badly; then the matrix, what changed, every experiment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from windtunnel.report.changes import Change
from windtunnel.report.html import Markup, el, join
from windtunnel.report.matrix import LOOKS, SCORE, WORST_FIRST, Matrix, State, matrix_of, state_of
from windtunnel.report.overall import STATES, headline, totals, verdicts
from windtunnel.report.page.frame import badge, badge_of, breakage, facts, figure, page, section, table
from windtunnel.report.page.fuzz import broken_cell, fuzz_section
from windtunnel.report.page.grid import grids
from windtunnel.report.page.load import broken_profile, load_section
from windtunnel.report.promises import broken_promises, other_reasons, where_and_limit
from windtunnel.report.schema import ExperimentSummary, FuzzCellSummary, LoadProfileSummary, SummaryDocument
from windtunnel.report.stored import page_name
from windtunnel.report.track import STRIP, Track
from windtunnel.report.words import VERDICTS_WORST_FIRST, duration, fault_errors, milliseconds, moment, share, span

Entry = TypeVar("Entry", ExperimentSummary, LoadProfileSummary, FuzzCellSummary)


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
            _matrix(matrix) if document["experiments"] else None,
            _changes(told),
            load_section(document["load_profiles"]) if "load_profiles" in document else None,
            fuzz_section(document["fuzz"]) if "fuzz" in document else None,
            section("experiments", "Every experiment", _experiments(told)) if document["experiments"] else None,
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
        el("h1", f"Resilience of {name}: {headline(told.document)}"),
        facts([
            ("Run", moment(run["began_unix"])), ("Took", span(run["seconds"])), ("Commit", run["commit"]),
            ("Profile", run["profile"]), ("Backend", run["backend"]), ("Proxy", run["proxy"]),
            ("Seed", "" if seed is None else str(seed)), ("Machine", run["machine"]),
        ]),
    )  # fmt: skip


def _figures(told: Overview, matrix: Matrix) -> Markup:
    experiments = _experiment_figures(told.document["experiments"], matrix) if told.document["experiments"] else []
    others = [_held(kind, found) for kind, found in verdicts(told.document).items() if kind != "experiment"]
    return el("div", *experiments[:1], *others, *experiments[1:], class_="figures")


def _experiment_figures(entries: Sequence[ExperimentSummary], matrix: Matrix) -> list[Markup]:
    held = sum(state_of(entry) in ("passed", "degraded") for entry in entries)
    worst: State = min(map(state_of, entries), key=WORST_FIRST.index)
    tone = worst if worst in ("failed", "error") else "passed" if held == len(entries) else ""
    known = [e for e in entries if e["recovery"] and e["recovery"]["seconds"] is not None]
    slowest = max(known, key=_recovery_seconds, default=None)
    cells = len(matrix.cells)
    return [
        figure(f"{held} of {len(entries)}", "experiments held", class_=tone),
        figure(share(matrix.score), "score", more=f"{matrix.held} of {cells} combinations held"),
        figure(share(matrix.coverage), "coverage", more=f"{matrix.decided} of {cells} combinations decided"),
        figure(duration(slowest["recovery"]) if slowest else duration(None), "slowest recovery",
               more=slowest["id"] if slowest else "none was promised"),
    ]  # fmt: skip


def _held(kind: str, found: Counter[str]) -> Markup:
    tone = "failed" if found["FAIL"] else "error" if found["ERROR"] else "passed" if found["PASS"] else ""
    return figure(f"{found['PASS']} of {found.total()}", f"{kind}s held", class_=tone)


def _recovery_seconds(entry: ExperimentSummary) -> float:
    return (entry["recovery"]["seconds"] if entry["recovery"] else None) or 0.0


def _broken(told: Overview) -> Markup:
    """Failures before what is unknown; of each, experiments before load profiles before fuzzed cells."""
    document, broken = told.document, list[tuple[str, Markup]]()
    broken += [(e["verdict"], _break(e, told.tracks[e["item"]])) for e in _bad(document["experiments"])]
    broken += [(e["verdict"], broken_profile(e)) for e in _bad(document.get("load_profiles", []))]
    broken += [(e["verdict"], broken_cell(e)) for e in _bad(document["fuzz"]["results"] if "fuzz" in document else [])]
    if not broken:
        held = "every promise that was put to the test held" if totals(document) else "but nothing was put to the test"
        return section("broken", "What broke", el("p", f"Nothing: {held}."))
    broken.sort(key=lambda each: VERDICTS_WORST_FIRST.index(each[0]))
    return section("broken", "What broke", *(shown for _, shown in broken))


def _bad(entries: Sequence[Entry]) -> list[Entry]:
    return sorted((e for e in entries if e["verdict"] in ("FAIL", "ERROR")), key=lambda entry: entry["item"])


def _break(entry: ExperimentSummary, track: Track) -> Markup:
    errors, recovery = share(fault_errors(entry)), duration(entry["recovery"])
    return breakage(
        state_of(entry),
        el("a", entry["title"], href=page_name(entry)),
        f"{entry['id']} · {track.words} · {errors} errors under fault · recovery {recovery}",
        promises=[[*where_and_limit(p["promise"]), p["got"]] for p in broken_promises(entry)],
        reasons=other_reasons(entry),
        again=entry["reproduce"],
    )


def _matrix(matrix: Matrix) -> Markup:
    return section("matrix", "The matrix", _legend(matrix), grids(matrix), el("p", SCORE, class_="soft"))


def _legend(matrix: Matrix) -> Markup:
    items = []
    for state, look in LOOKS.items():
        if count := matrix.count(state):
            items.append(el("li", badge(state), f" {count}: {look.meaning}"))
    return el("ul", *items, class_="legend", aria_label="What the marks mean")


def _changes(told: Overview) -> Markup:
    title = "What changed since the last run"
    if told.changes is None or told.before is None:
        return section("changes", title, el("p", "No earlier run of its kind is kept here."))
    when = el("p", f"Compared with the run of {moment(told.before['run']['began_unix'])}.", class_="soft")
    if not told.changes:
        return section("changes", title, when, el("p", "Nothing beyond noise: no verdict, and no figure that matters."))
    pages = {entry["item"]: page_name(entry) for entry in told.document["experiments"]}
    rows = [
        [el("a", c.name, href=pages[c.item]) if c.item in pages else c.name, _sign(c), c.what] for c in told.changes
    ]
    return section("changes", title, when, table(("What was tested", "", "What"), rows, class_="stack"))


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
    last: list[State] = [STATES[verdict] if verdict else "untested" for verdict in track.verdicts[-STRIP:]]
    marks = [el("span", LOOKS[state].symbol, class_=state, aria_hidden="true") for state in last]
    words = ", ".join(LOOKS[state].word for state in last)
    return el("span", *marks, el("span", words, class_="unseen"), class_="strip", title=words)


def _footer(told: Overview) -> Markup:
    versions = ", ".join(f"{name} {version}" for name, version in told.document["run"]["versions"].items())
    raw = join("The same figures for programs: ", el("a", "summary.json", href="summary.json"), ".")
    return el("footer", el("p", raw), el("p", f"Versions: {versions}.") if versions else None)
