"""The page of one experiment, from its history alone: timeline, promises, faults with proofs, logs, the spec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import yaml

from windtunnel.checks import judge
from windtunnel.checks.verdict import Verdict
from windtunnel.history import BreakerEvent, FaultEvent, History, InvariantEvent, NoteEvent, PhaseEvent, ProbeEvent
from windtunnel.report.html import Markup, el, join
from windtunnel.report.matrix import state_of
from windtunnel.report.page.calls import calls_section, way_table
from windtunnel.report.page.frame import badge_of, command, facts, figure, page, section, table
from windtunnel.report.page.map import system_map
from windtunnel.report.page.timeline import timeline
from windtunnel.report.promises import ORDER, where_and_limit
from windtunnel.report.scene import Scene
from windtunnel.report.schema import ExperimentSummary, SystemSummary
from windtunnel.report.trail import excerpt, shown, telling_requests, way_of
from windtunnel.report.words import duration, fault_errors, milliseconds, moment, number, share, span

WAY_LINES: Final = 24
DUMPER: Final = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
"""The one in C, where it was built, takes a fifth of the time."""


def experiment_page(
    entry: ExperimentSummary, system: SystemSummary, history: History | None, logs: Mapping[str, str], since: str
) -> str:
    """The whole page. Without a history (it never began) there is the verdict and its reasons."""
    body = [_top(entry, history, since), _promises(entry)]
    if history is not None:
        verdict = judge(history)
        body = [_top(entry, history, since), *_evidence(entry, system, history, verdict, logs)]
    return page(
        f"{entry['verdict']}: {entry['title']}", _header(entry, history), el("main", *body, id="content"),
        scripts=("common.js", "timeline.js"),
    )  # fmt: skip


def _evidence(
    entry: ExperimentSummary, system: SystemSummary, history: History, verdict: Verdict, logs: Mapping[str, str]
) -> list[Markup]:
    broken = {target for step in entry["faults"] for target in [*step["edges"], step["service"]] if target}
    header = history.header
    edges = dict(header.edges) or system["edges"]
    drawing = system_map(header.services or system["services"], edges, broken, header.replicas)
    return [
        section("timeline-of-requests", "What the load saw", timeline(Scene.of(history, verdict))),
        _promises(entry),
        _windows(entry),
        *calls_section(history),
        section("map", "Where it was broken", drawing),
        _faults(entry, history),
        section("events", "What happened when", _events(history)),
        *_ways(history, logs),
        *_logs(history, logs),
        section("spec", "The experiment as it was run", _spec(history)),
    ]


def _header(entry: ExperimentSummary, history: History | None) -> Markup:
    run = entry["run"]
    description = str(history.header.spec.get("description") or "") if history else ""
    return el(
        "header",
        el("div", el("a", "← The matrix", href="index.html"), f" · {entry['id']}", class_="crumbs"),
        el("h1", entry["title"]),
        el("p", badge_of(entry), f" severity {entry['severity']}", *(f" · {tag}" for tag in entry["tags"])),
        el("p", description) if description else None,
        facts([
            ("Began", moment(float(run["began_unix"])) if run else ""),
            ("Took", span(float(run["seconds"])) if run else ""), ("Backend", str(run.get("backend", ""))),
            ("Proxy", str(run.get("proxy", ""))), ("Seed", str(run.get("seed", ""))),
            ("Spec", f"{entry['spec']['path']} ({entry['spec']['sha256'][:12]})"),
        ]),
    )  # fmt: skip


def _top(entry: ExperimentSummary, history: History | None, since: str) -> Markup:
    state = state_of(entry)
    fault = entry["windows"].get("fault")
    tiles = el(
        "div",
        figure(entry["verdict"], since, class_=state if state in ("failed", "error", "passed") else ""),
        figure(share(fault_errors(entry)), "errors under fault",
               more=f"{share(fault['degraded_rate'])} as declared" if fault else None),
        figure(milliseconds(fault["p95_ms"] if fault else None), "p95 under fault"),
        figure(duration(entry["recovery"]), "to recover",
               more=f"limit {entry['recovery']['limit_seconds']:g} s" if entry["recovery"] else "nothing was promised"),
        class_="figures",
    )  # fmt: skip
    reasons = el("ul", *(el("li", reason) for reason in entry["reasons"]))
    broken = el("div", el("h3", "Why"), reasons, class_=f"break {state}") if entry["reasons"] else None
    return join(tiles, broken, el("h3", "Run it again"), command(entry["reproduce"]))


def _promises(entry: ExperimentSummary) -> Markup:
    """Every promise with its limit, broken ones first."""
    if not entry["promises"]:
        return section("promises", "What was promised", el("p", "Nothing was judged: the run did not come that far."))
    words = {"passed": "✓ held", "failed": "✕ broke", "unknown": "? not decided"}
    rows = [
        [join(words[p["judgement"]]), *where_and_limit(p["promise"]), p["got"]]
        for p in sorted(entry["promises"], key=lambda p: ORDER.index(p["judgement"]))
    ]
    return section(
        "promises", "What was promised", table(("", "Window", "Promise", "What was seen"), rows, class_="stack")
    )


def _windows(entry: ExperimentSummary) -> Markup:
    rows = [
        [name, str(f["samples"]), share(f["error_rate"]), share(f["degraded_rate"]), milliseconds(f["p50_ms"]),
         milliseconds(f["p95_ms"]), milliseconds(f["p99_ms"])]
        for name, f in entry["windows"].items()
    ]  # fmt: skip
    head = ("Window", "Requests", "Not ok", "Degraded as declared", "p50", "p95", "p99")
    load = entry["load"]
    said = None
    if load and load["offered_rate"] is not None:
        rates = f"The generator sent {load['achieved_rate']}/s of {load['offered_rate']}/s due; "
        said = el("p", rates, f"{share(load['late_share'])} of requests left over 10 ms late.", class_="soft")
    return section("windows", "Figures by window", table(head, rows), said)


def _faults(entry: ExperimentSummary, history: History) -> Markup:
    """What was done, and what showed it."""
    yes = {True: "✓ yes", False: "✕ not shown"}
    rows = [
        [step["step"], step["kind"], ", ".join(step["edges"]) or step["service"] or "", yes[step["proven"]],
         yes[step["restored"]]]
        for step in entry["faults"]
    ]  # fmt: skip
    proofs = [e for e in history.events if isinstance(e, FaultEvent) and e.proof]
    said = [el("li", el("b", f"{e.what}: "), e.proof) for e in proofs]
    head = ("Step", "Fault", "On", "Bit", "Gone again")
    return section("faults", "What was broken, and the proof", table(head, rows), el("ul", *said) if said else None)


def _events(history: History) -> Markup:
    span_ = history.fault_span()
    zero = span_[0] if span_ else history.events[0].t if history.events else 0.0
    rows = [[f"{event.t - zero:+.2f} s", words] for event in history.events if (words := _event(event))]
    return table(("When", "What"), rows, caption="Second 0 is the first injection.")


def _event(event: object) -> str:
    """In words; empty for what is told elsewhere."""
    match event:
        case PhaseEvent():
            words = f"phase {event.name}"
        case FaultEvent():
            words = f"{event.fault} on {event.target}: {event.what}"
        case NoteEvent():
            words = f"{event.what}: {event.text}"
        case ProbeEvent():
            words = f"probe {event.probe!r} {'met' if event.met else f'not met: {event.detail}'}"
        case BreakerEvent():
            words = f"breaker {event.breaker} ({event.service}): {event.state.replace('_', ' ')}"
        case InvariantEvent():
            broken = event.error or "; ".join(event.violations)
            words = f"invariant {event.invariant} {f'broke: {broken}' if broken else 'holds'}"
        case _:
            words = ""
    return words


def _ways(history: History, logs: Mapping[str, str]) -> list[Markup]:
    """How one slow and one failed request went through the services: the calls it caused, and their own logs."""
    told = []
    for words, sample in telling_requests(history):
        calls, way = way_table(history, sample), way_of(sample.request_id, logs)
        if calls or way:
            result = f"status {sample.status}" if sample.status else f"no status, {sample.error}"
            head = (
                f"{words.capitalize()}: {sample.route}, {1000 * sample.latency:.0f} ms, {result} ({sample.request_id})"
            )
            text = "\n".join(f"{service:14} {shown(line)}" for service, line in way[:WAY_LINES])
            written = el("pre", text, tabindex="0") if way else None
            told.append(el("details", el("summary", head), calls, written))
    return [section("ways", "The way of one request through the services", *told)] if told else []


def _logs(history: History, logs: Mapping[str, str]) -> list[Markup]:
    """Of each service, what it wrote while the fault was there; what speaks of trouble goes first where it is much."""
    told = []
    for service, text in logs.items():
        some, all_ = excerpt(history, text)
        if some:
            which = "" if len(some) == all_ else f": {len(some)} of them, trouble first"
            head = f"{service}: {number(all_, 'line')}{which}"
            told.append(el("details", el("summary", head), el("pre", "\n".join(some), tabindex="0")))
    return [section("logs", "What the services wrote during the fault", *told)] if told else []


def _spec(history: History) -> Markup:
    header = history.header
    text = yaml.dump(_plain(header.spec), Dumper=DUMPER, sort_keys=False, allow_unicode=True, width=110)
    versions = ", ".join(f"{name} {version}" for name, version in header.versions.items())
    seed = f"seed {header.seed}" if header.run_seed is None else f"seed {header.seed} (--wt-seed={header.run_seed})"
    return join(
        el("p", f"{seed}; {versions}", class_="soft"),
        el("details", el("summary", f"{header.spec_path} as plain data"), el("pre", text, tabindex="0")),
    )


def _plain(value: Any) -> Any:
    """Without what says nothing: line numbers, and keys that are not set."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items() if key != "line" and item not in (None, "", [], {})}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
