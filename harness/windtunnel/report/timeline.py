"""Draws an experiment: every request's latency over time, what was broken when, and what was promised.

    latency of each request (log scale), its mark by outcome; limits dashed, a broken one solid
    |  baseline  |#### fault ####| recovery |  recovered  |
    share of requests that failed or were degraded, in small steps of time

Second 0 is the first injection. Colours are Okabe and Ito's, which people with any kind of colour blindness can tell
apart, and every outcome has a shape of its own as well.
"""

from __future__ import annotations

import io
import textwrap
import warnings
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from windtunnel.checks.verdict import Verdict
from windtunnel.checks.windows import first_offset, spans
from windtunnel.history import FaultEvent, History, PhaseEvent, Sample
from windtunnel.report.scene import DEGRADED, FAILED, LOST, OK, Mark, Scene
from windtunnel.spec.model import Expectation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INCHES: Final = (12.0, 7.0)
DPI: Final = 100
COLOURS: Final = 96
STEPS: Final = 80
"""Into how many steps of time the lower strip divides the run, at most."""
SHORTEST_STEP: Final = 0.25
OUTCOMES: Final = {"PASS": "#00795C", "XFAIL": "#8A6100", "SKIP": "#555555"}
BROKEN: Final = "#C1272D"
INK: Final = "#222222"
GREY: Final = "#777777"


def render_timeline(history: History, verdict: Verdict) -> bytes:
    """The picture as a PNG, 1200 by 700 pixels. Of a run without any request it says so."""
    # The object interface: pyplot would keep every figure of a long run, and ask for a display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=INCHES, dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(
        2, 1, height_ratios=(4.2, 1), left=0.075, right=0.985, top=0.765, bottom=0.075, hspace=0.07
    )
    above = figure.add_subplot(grid[0])
    below = figure.add_subplot(grid[1], sharex=above)
    scene = Scene.of(history, verdict)
    _draw_latencies(above, scene)
    _draw_shares(below, scene)
    for axes in (above, below):
        _draw_windows(axes, scene)
    _draw_limits(above, scene)
    _name_windows(above, scene)
    title = textwrap.fill(history.header.title, 100, max_lines=2, placeholder=" ...")
    figure.text(0.012, 0.978, title, fontsize=14, fontweight="bold", color=INK, va="top", parse_math=False)
    line = 0.978 - 0.04 * (1 + title.count("\n"))
    figure.text(
        0.012,
        line,
        verdict.outcome,
        fontsize=11,
        fontweight="bold",
        color=_outcome_colour(verdict),
        va="top",
        parse_math=False,
    )
    figure.text(0.065, line, _subtitle(history, verdict), fontsize=10.5, color=GREY, va="top", parse_math=False)
    png = io.BytesIO()
    with warnings.catch_warnings():
        # A title may hold a character that the font lacks; a box in its place is no reason to lose the picture.
        warnings.simplefilter("ignore", UserWarning)
        figure.savefig(png, format="png")
    return small(png)


def small(png: io.BytesIO) -> bytes:
    """The same picture with a palette: a third of the size, and a report may hold hundreds."""
    from PIL import Image

    palette = io.BytesIO()
    with Image.open(png) as picture:
        picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(palette, format="png", optimize=True)
    return palette.getvalue()


def _draw_latencies(axes: Axes, scene: Scene) -> None:
    for mark, samples in scene.kinds.items():
        if samples:
            axes.scatter(
                [sample.due - scene.zero for sample in samples],
                # A clock's resolution can make it 0, which a log scale cannot show.
                [max(sample.latency, 1e-4) for sample in samples],
                s=mark.size,
                c=mark.colour,
                marker=mark.shape,
                linewidths=1.3 if mark is FAILED else 0,
                alpha=0.55 if mark is OK else 0.9,
                zorder=mark.layer,
                label=f"{mark.label} ({len(samples)})",
            )
    if not scene.history.samples:
        axes.text(0.5, 0.5, "no request was recorded", transform=axes.transAxes, ha="center", color=GREY, fontsize=13)
    slowest = max((sample.latency for sample in scene.history.samples), default=1.0)
    fastest = min((sample.latency for sample in scene.history.samples), default=0.001)
    axes.set_yscale("log")
    axes.set_ylim(max(fastest, 1e-4) / 1.6, max(slowest * 1.8, 1.0))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g} s" if value >= 1 else f"{1000 * value:g} ms")
    axes.set_ylabel("latency (from due time)", color=INK)
    axes.grid(axis="y", which="major", color="#E3E3E3", linewidth=0.8)
    axes.tick_params(axis="x", labelbottom=False, length=0)
    tidy_axes(axes)
    if scene.history.samples:
        axes.legend(
            loc="lower right", bbox_to_anchor=(1.0, 1.07), ncols=4, frameon=False, fontsize=10, handletextpad=0.2,
            columnspacing=1.4, borderaxespad=0, markerscale=1.5,
        )  # fmt: skip


def _draw_shares(axes: Axes, scene: Scene) -> None:
    """Failed (and lost) below, degraded on top: together all that was not plainly ok."""
    step = max(SHORTEST_STEP, round((scene.last - scene.first) / STEPS * 4) / 4)
    count = int((scene.last - scene.first) / step) + 1
    starts = [scene.first + step * i for i in range(count)]

    def shares(marks: Iterable[Mark]) -> list[float]:
        hits = _histogram((s for m in marks for s in scene.kinds[m]), scene, step, count)
        return [100 * hit / all_ if all_ else 0.0 for hit, all_ in zip(hits, totals, strict=True)]

    totals = _histogram(scene.history.samples, scene, step, count)
    failed, degraded = shares((FAILED, LOST)), shares((DEGRADED,))
    wide: Callable[..., object] = axes.bar
    wide(starts, failed, width=step, align="edge", color=FAILED.colour, label="failed", zorder=3)
    wide(starts, degraded, width=step, align="edge", bottom=failed, color=DEGRADED.colour, label="degraded", zorder=3)
    axes.set_ylim(0, 100)
    axes.set_yticks([0, 50, 100], ["0 %", "50 %", "100 %"])
    axes.set_ylabel("not ok", color=INK)
    axes.set_xlabel("seconds since the first injection" if scene.fault else "seconds", color=INK)
    axes.grid(axis="y", color="#E3E3E3", linewidth=0.8)
    margin = 0.005 * (scene.last - scene.first)
    axes.set_xlim(scene.first - margin, scene.last + margin)
    tidy_axes(axes)


def _histogram(samples: Iterable[Sample], scene: Scene, step: float, count: int) -> list[int]:
    hits = [0] * count
    for sample in samples:
        index = int((sample.due - scene.zero - scene.first) / step)
        hits[min(max(index, 0), count - 1)] += 1
    return hits


def _draw_windows(axes: Axes, scene: Scene) -> None:
    """The fault shaded, recovery as a line, the phases' borders as thin ones."""
    if scene.fault:
        axes.axvspan(*scene.fault, color="#F3D9D9", alpha=0.75, linewidth=0, zorder=0)
    for name in ("baseline", "recovered"):
        if (start := scene.phase(name)) is not None:
            axes.axvline(start, color="#BBBBBB", linewidth=0.9, linestyle=(0, (2, 3)), zorder=1)
    if scene.recovered is not None:
        axes.axvline(scene.recovered, color=OUTCOMES["PASS"], linewidth=1.8, zorder=7)


def _name_windows(axes: Axes, scene: Scene) -> None:
    """Above the picture, each window at its place; the recovery at its line."""
    top = axes.get_xaxis_transform()
    for name, start, end in _named_spans(scene):
        # A name that is wider than its window would run into the next one.
        if (end - start) / (scene.last - scene.first) > 0.0072 * len(name):
            axes.text(
                (start + end) / 2,
                1.015,
                name,
                transform=top,
                ha="center",
                va="bottom",
                fontsize=10,
                color=INK,
                parse_math=False,
            )
    figure, removed = scene.verdict.recovery, scene.fault[1] if scene.fault else None
    if figure is None or figure.seconds is None or removed is None:
        return
    text, where = f" not recovered within {figure.seconds:.1f} s", removed
    colour = BROKEN
    if scene.recovered is not None:
        text, where, colour = f" recovered after {figure.seconds:.1f} s", scene.recovered, OUTCOMES["PASS"]
    axes.text(where, 0.975, text, transform=top, ha="left", va="top", fontsize=10.5, fontweight="bold", color=colour,
              zorder=9, bbox={"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 1.5})  # fmt: skip


def _named_spans(scene: Scene) -> list[tuple[str, float, float]]:
    events = [e for e in scene.history.events if isinstance(e, PhaseEvent)]
    bounds = [(e.name, e.t - scene.zero) for e in events if e.name not in ("done", "fault", "recovery")]
    if scene.fault:
        broken = dict.fromkeys(
            f"{e.fault} {e.target}" for e in scene.history.events if isinstance(e, FaultEvent) and e.what == "applied"
        )
        bounds += [(f"fault: {'; '.join(broken)}", scene.fault[0]), ("recovery", scene.fault[1])]
    bounds.sort(key=lambda bound: bound[1])
    return [(name, max(start, scene.first), end) for (name, start), (_, end) in pairwise([*bounds, ("", scene.last)])]


def _draw_limits(axes: Axes, scene: Scene) -> None:
    """Each latency promise as a line over its window, solid and red where it broke."""
    if scene.spec is None:
        return
    since = None if scene.recovered is None else scene.recovered + scene.zero
    of = spans(scene.history, first_at=first_offset(scene.spec), recovered_since=since)
    broken = {finding.expectation for finding in scene.verdict.findings if finding.judgement == "failed"}
    for promises in _same_line(scene.spec.slo):
        first = promises[0]
        if first.window not in of.windows or first.limit.value is None:
            continue
        start, end = (min(max(t - scene.zero, scene.first), scene.last) for t in of.windows[first.window])
        red = any(promise.name in broken for promise in promises)
        axes.plot(
            [start, end], [first.limit.value] * 2, color=BROKEN if red else "#444444", linewidth=1.6 if red else 1.1,
            linestyle="-" if red else (0, (5, 3)), zorder=8,
        )  # fmt: skip
        text = " | ".join(f"{promise.scope or ''} {promise.metric} {promise.text}".strip() for promise in promises)
        axes.annotate(
            text, (end, first.limit.value), xytext=(-4, 3), textcoords="offset points", ha="right", fontsize=9,
            parse_math=False, zorder=9,
            color=BROKEN if red else "#333333", fontweight="bold" if red else "normal",
            bbox={"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 0.8},
        )  # fmt: skip


def _same_line(promises: Sequence[Expectation]) -> list[list[Expectation]]:
    """Latency promises, those that would be drawn on top of each other together."""
    lines: dict[tuple[str, float | None], list[Expectation]] = {}
    for promise in promises:
        if promise.metric.startswith("p") or promise.metric == "max":
            lines.setdefault((promise.window, promise.limit.value), []).append(promise)
    return list(lines.values())


def _subtitle(history: History, verdict: Verdict) -> str:
    header = history.header
    parts = [header.experiment, f"{len(history.samples)} requests", f"{header.backend} backend", f"seed {header.seed}"]
    reasons = verdict.reasons
    text = "   ".join(parts)
    if not reasons:
        return text
    more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
    return f"{text}\n{textwrap.shorten(reasons[0], 120, placeholder=' ...')}{more}"


def _outcome_colour(verdict: Verdict) -> str:
    return OUTCOMES.get(verdict.outcome, BROKEN)


def tidy_axes(axes: Axes) -> None:
    """Only the lines that carry something."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#999999")
    axes.tick_params(colors="#444444", labelsize=10)
