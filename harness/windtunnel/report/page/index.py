"""The index of all runs that are kept: newest first, each with its verdict, its score and a link."""

from __future__ import annotations

from collections.abc import Sequence

from windtunnel.report.html import el, join
from windtunnel.report.matrix import matrix_of
from windtunnel.report.overall import counted, totals
from windtunnel.report.page.frame import badge, page, table
from windtunnel.report.schema import SummaryDocument
from windtunnel.report.words import moment, number, share, span


def index_page(runs: Sequence[tuple[str, SummaryDocument]]) -> str:
    """`runs`: folder and summary of each run, newest first."""
    system = next((run["system"]["name"] for _, run in runs if run["system"]["name"]), "")
    rows = [_row(folder, run) for folder, run in runs]
    head = ("Run", "Verdict", "Tested", "Score", "Coverage", "Slowest recovery", "Took", "Commit", "Profile")
    return page(
        f"Resilience runs{f' of {system}' if system else ''}",
        el("header", el("div", "Windtunnel", class_="crumbs"),
           el("h1", f"Resilience runs{f' of {system}' if system else ''}")),
        el("main", table(head, rows, caption=f"{number(len(rows), 'run')} kept, newest first"), id="content"),
    )  # fmt: skip


def _row(folder: str, run: SummaryDocument) -> list[str]:
    matrix, of = matrix_of(run), totals(run)
    marks = [badge("failed", f" {of['FAIL']}")] if of["FAIL"] else []
    marks += [badge("error", f" {of['ERROR']}")] if of["ERROR"] else []
    seen = [
        e["recovery"]["seconds"] for e in run["experiments"] if e["recovery"] and e["recovery"]["seconds"] is not None
    ]
    return [
        el("a", moment(run["run"]["began_unix"]), href=f"runs/{folder}/index.html"),
        join(*(marks or [badge("passed" if of["PASS"] or of["XFAIL"] else "skipped" if of else "untested")])),
        counted(run),
        share(matrix.score),
        share(matrix.coverage),
        f"{max(seen):.1f} s" if seen else "\u2013",
        span(run["run"]["seconds"]),
        run["run"]["commit"],
        run["run"]["profile"],
    ]
