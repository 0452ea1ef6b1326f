"""Load profiles on the page of a run: a row for each, worst first, and what broke of them."""

from __future__ import annotations

from windtunnel.report.html import Markup, el
from windtunnel.report.load_terminal import rates, worst_stage
from windtunnel.report.overall import STATES
from windtunnel.report.page.frame import badge, breakage, section, table
from windtunnel.report.promises import broken_promises, other_reasons, where_and_limit
from windtunnel.report.schema import LoadProfileSummary
from windtunnel.report.words import VERDICTS_WORST_FIRST, duration, milliseconds, share

HEAD = ("Load profile", "Verdict", "Worst stage", "Offered", "Answered", "Errors", "p50", "p95", "p99", "Found")


def load_section(profiles: list[LoadProfileSummary]) -> Markup:
    """Every profile with the figures of the stage whose answers took longest."""
    ordered = sorted(profiles, key=lambda entry: (VERDICTS_WORST_FIRST.index(entry["verdict"]), entry["item"]))
    caption = "Offered: arrivals per second. Answered: requests per second. Of the judged stage with the highest p95."
    return section("load", "Load profiles", table(HEAD, [_row(entry) for entry in ordered], caption=caption))


def broken_profile(entry: LoadProfileSummary) -> Markup:
    """One that broke a promise, or whose outcome is unknown."""
    stages = [stage["stage"] for stage in entry["stages"]]
    rows = [[*where_and_limit(p["promise"], stages), p["got"]] for p in broken_promises(entry)]
    return breakage(
        STATES[entry["verdict"]], entry["title"], f"load profile {entry['id']} · {entry['rate']:g} arrivals/s",
        promises=rows, where="Stage", reasons=other_reasons(entry), again=entry["reproduce"],
    )  # fmt: skip


def _row(entry: LoadProfileSummary) -> list[str]:
    worst = worst_stage(entry)
    figures = entry["windows"].get(worst["stage"]) if worst else None
    return [
        entry["title"],
        badge(STATES[entry["verdict"]]),
        worst["stage"] if worst else "",
        f"{rates(worst)}/s" if worst else "",
        f"{worst['requests_rate']:.0f}/s" if worst else "",
        share(figures["error_rate"] if figures else None),
        milliseconds(figures["p50_ms"] if figures else None),
        milliseconds(figures["p95_ms"] if figures else None),
        milliseconds(figures["p99_ms"] if figures else None),
        el("span", *_found(entry)),
    ]


def _found(entry: LoadProfileSummary) -> list[str]:
    """What only some profiles look for."""
    words, capacity = [], entry["capacity"]
    if capacity is not None and capacity["held_rate"] is not None:
        bound = f", bound by {capacity['bound']}" if capacity["bound"] else ""
        words.append(f"capacity {capacity['held_rate']:.0f}/s{bound}")
    if entry["recovery"] is not None:
        words.append(f"recovery {duration(entry['recovery'])}")
    return [" · ".join(words)] if words else []
