"""The commands `windtunnel report` and `windtunnel diff`."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from windtunnel.report.gate import Gated
    from windtunnel.report.site import Published

OK, BROKEN, UNKNOWN = 0, 1, 3
OUT, TO = Path("reports/out"), Path("reports/published")


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add both to the command line."""
    report = commands.add_parser(
        "report",
        help="publish a run as a folder of static pages: the matrix, a page an experiment, an index of runs",
        description="Publish a run from what it stored. The exit code is 0 unless a gate is shut (1) or unknown (3).",
    )
    report.add_argument("out", nargs="?", type=Path, default=OUT, metavar="OUT", help=f"what --wt-out was ({OUT})")
    report.add_argument("--to", type=Path, default=TO, metavar="DIR", help=f"where the pages go ({TO})")
    report.add_argument("--keep", type=_positive, default=30, metavar="N", help="how many runs stay published (30)")
    report.add_argument(
        "--gate", action="append", nargs="?", const="", metavar="CONDITION",
        help="exit with 1 unless this holds: 'score >= 10%%', 'recovery <= 10s', 'worse <= 0'; without a condition: "
        "nothing failed and nothing is unknown. Can be given several times",
    )  # fmt: skip
    report.add_argument("--markdown", type=Path, metavar="FILE", help="also write the comment for a pull request")
    report.add_argument(
        "--url", default="", metavar="URL", help="where the published folder can be read, for the comment"
    )
    report.add_argument(
        "--allure", action="store_true", help="also build the Allure 3 report (needs Node.js and Allure from npm)"
    )
    report.set_defaults(command=_report)

    diff = commands.add_parser(
        "diff",
        help="what changed between two runs: verdicts, and figures beyond noise",
        description="RUN is what --wt-out was, a published run's folder, or a summary.json. Exit code 1: something is "
        "worse, or is no longer run; 3: the runs have nothing in common.",
    )
    diff.add_argument("before", type=Path, metavar="RUN")
    diff.add_argument("after", type=Path, metavar="RUN")
    diff.set_defaults(command=_diff)


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of runs; write 1 or more")
    return int(text)


def _report(options: argparse.Namespace) -> int:
    from windtunnel.report.allure_site import find_allure
    from windtunnel.report.comment import comment
    from windtunnel.report.gate import NOTHING_BROKEN, check_gates, parse_gate
    from windtunnel.report.site import publish
    from windtunnel.report.stored import read_run

    began = time.perf_counter()
    texts = [text for given in options.gate or () for text in ([given] if given else NOTHING_BROKEN)]
    gates = [parse_gate(text) for text in texts]
    run = read_run(options.out)
    allure = find_allure(Path.cwd()) if options.allure else None
    published = publish(run, options.to, keep=options.keep, allure=allure)
    gated = check_gates(gates, run.document, published.changes)
    if options.markdown:
        url = f"{options.url.rstrip('/')}/runs/{published.folder.name}/" if options.url else ""
        options.markdown.parent.mkdir(parents=True, exist_ok=True)
        options.markdown.write_text(
            comment(run.document, published.tracks, published.changes, gated, url), encoding="utf-8"
        )
    _say(published, time.perf_counter() - began, gated)
    return _exit_code(gated)


def _say(published: Published, seconds: float, gated: list[Gated]) -> None:
    worse = sum(change.worse for change in published.changes or ())
    since = "" if published.changes is None else f"; since the last run: {worse} worse"
    pruned = f"; {len(published.removed)} old removed" if published.removed else ""
    print(f"report: {published.folder / 'index.html'} ({published.size / 1e6:.1f} MB, {seconds:.1f} s){since}{pruned}")
    print(f"all runs: {published.index}")
    for one in gated:
        print(one.line)


def _exit_code(gated: list[Gated]) -> int:
    results = {one.result for one in gated}
    return BROKEN if "shut" in results else UNKNOWN if "unknown" in results else OK


def _diff(options: argparse.Namespace) -> int:
    from windtunnel.report.changes import changes, compared
    from windtunnel.report.matrix import matrix_of
    from windtunnel.report.overall import verdicts
    from windtunnel.report.stored import read_run
    from windtunnel.report.words import moment, share

    before, after = read_run(options.before).document, read_run(options.after).document
    both = compared(before, after)
    if not both:
        print("nothing to compare: no kind of test (experiment, load profile, fuzzed cell) is in both runs")
        return UNKNOWN
    found = changes(before, after)
    profiles = (before["run"]["profile"], after["run"]["profile"])
    if profiles[0] != profiles[1]:
        print(f"profile {profiles[0] or 'unknown'} -> {profiles[1] or 'unknown'}: figures differ for that reason too")
    print(f"{moment(before['run']['began_unix'])} -> {moment(after['run']['began_unix'])}")
    old, new = matrix_of(before), matrix_of(after)
    print(f"score {share(old.score)} -> {share(new.score)}, coverage {share(old.coverage)} -> {share(new.coverage)}")
    for kind in sorted((set(verdicts(before)) | set(verdicts(after))) - both):
        print(f"{kind}s: in one of the runs only, not compared")
    for change in found:
        print(f"{change.kind:7} {change.name}: {change.what}")
    if not found:
        print("nothing changed beyond noise")
    return BROKEN if any(change.worse for change in found) else OK
