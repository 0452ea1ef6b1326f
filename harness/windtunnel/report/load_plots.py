"""Draws a load profile: four pictures of one run.

latency      p50, p95, p99 over time, each request of the slowest hundredth as a dot
histogram    how many requests took how long, by scenario
rate         arrivals that were meant, arrivals that were sent, answers that came, per second
errors       what was not ok, per second, by kind
"""

from __future__ import annotations

import io
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from windtunnel.checks.figures import quantile
from windtunnel.history import History, Sample
from windtunnel.load.schedule import Schedule
from windtunnel.profiles.model import Profile
from windtunnel.profiles.run import shapes
from windtunnel.profiles.spans import stage_spans
from windtunnel.report.timeline import GREY, INK, small, tidy_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

INCHES: Final = (11.0, 4.6)
DPI: Final = 90
BINS: Final = 60
MOST_STEPS: Final = 240
"""Points of a curve over time, at most."""
COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A3E9D", "#666666")
"""Okabe and Ito's, but for the last two."""
DASHES: Final = ("-", "--", "-.", ":")
KINDS_SHOWN: Final = 7


@dataclass(frozen=True, kw_only=True)
class View:
    """A history in the pictures' own time: second 0 is when the load began."""

    history: History
    profile: Profile
    zero: float
    step: float
    by_step: Sequence[Sequence[Sample]]
    """The samples due in each step of time."""

    @classmethod
    def of(cls, history: History, profile: Profile) -> View:
        zero = min((start for start, _ in stage_spans(history, profile).stages.values()), default=0.0)
        last = max((sample.due for sample in history.samples), default=zero)
        step = max(1.0, (last - zero) / MOST_STEPS)
        count = int((last - zero) / step) + 1
        steps: list[list[Sample]] = [[] for _ in range(count)]
        for sample in history.samples:
            steps[min(max(int((sample.due - zero) / step), 0), count - 1)].append(sample)
        return cls(history=history, profile=profile, zero=zero, step=step, by_step=steps)

    @property
    def times(self) -> list[float]:
        """The middle of each step."""
        return [(index + 0.5) * self.step for index in range(len(self.by_step))]


def render_plots(history: History, profile: Profile) -> dict[str, bytes]:
    """A PNG for each name. Of a run without any request, none."""
    if not history.samples:
        return {}
    view = View.of(history, profile)
    return {name: _picture(draw, view) for name, draw in PLOTS.items()}


def _picture(draw: Callable[[Axes, View], None], view: View) -> bytes:
    # The object interface: pyplot would keep every figure of a long run, and ask for a display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=INCHES, dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.085, 0.12, 0.895, 0.74))
    draw(axes, view)
    tidy_axes(axes)
    axes.grid(axis="y", color="#E3E3E3", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.06), ncols=5, frameon=False, fontsize=9, borderaxespad=0)
    png = io.BytesIO()
    figure.savefig(png, format="png")
    return small(png)


def _latency(axes: Axes, view: View) -> None:
    for (name, over), colour, dash in zip(
        {"p50": 0.5, "p95": 0.05, "p99": 0.01}.items(), COLOURS, DASHES, strict=False
    ):
        curve = [quantile(sorted(s.latency for s in step), over) if step else None for step in view.by_step]
        axes.plot(view.times, curve, color=colour, linestyle=dash, linewidth=1.8, label=name)  # type: ignore[arg-type]
    slow = sorted(view.history.samples, key=lambda sample: -sample.latency)[: max(1, len(view.history.samples) // 100)]
    axes.scatter([s.due - view.zero for s in slow], [s.latency for s in slow], s=7, color=GREY, label="slowest 1 %")
    _as_times(axes.yaxis, axes.set_yscale)
    axes.set_ylabel("latency (from due time)", color=INK)
    _stages(axes, view)


def _histogram(axes: Axes, view: View) -> None:
    by_scenario: Mapping[str, list[float]] = defaultdict(list)
    for sample in view.history.samples:
        by_scenario[sample.scenario].append(max(sample.latency, 1e-5))
    low = min(min(own) for own in by_scenario.values())
    high = max(max(own) for own in by_scenario.values()) * 1.001
    ratio = max(math.log(high / low), 1e-6)
    edges = [low * math.exp(ratio * i / BINS) for i in range(BINS + 1)]
    draw: Callable[..., object] = axes.hist
    draw(list(by_scenario.values()), bins=edges, stacked=True, color=COLOURS[: len(by_scenario)] or None,
         label=[f"{name} ({len(own)})" for name, own in by_scenario.items()])  # fmt: skip
    _as_times(axes.xaxis, axes.set_xscale)
    axes.set_xlabel("latency (from due time)", color=INK)
    axes.set_ylabel("requests", color=INK)


def _rate(axes: Axes, view: View) -> None:
    schedule, edges = Schedule(shapes(view.profile)), [i * view.step for i in range(len(view.by_step) + 1)]
    planned = [(schedule.count_by(b) - schedule.count_by(a)) / view.step for a, b in pairwise(edges)]
    answered = Counter(_index(sample.end, view) for sample in view.history.samples)
    first: dict[str, float] = {}
    for sample in view.history.samples:
        visit = sample.request_id.rpartition("-")[0]  # all requests of one arrival have it in common
        first[visit] = min(sample.start, first.get(visit, sample.start))
    sent = Counter(_index(start, view) for start in first.values())
    axes.plot(view.times, planned, color="#666666", linestyle="--", linewidth=1.6, label="arrivals offered")
    for counted, colour, dash, label in (
        (sent, COLOURS[0], "-", "arrivals achieved"),
        (answered, COLOURS[2], ":", "requests answered"),
    ):
        rate = [counted[i] / view.step for i in range(len(view.by_step))]
        axes.plot(view.times, rate, color=colour, linestyle=dash, linewidth=1.8, label=label)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("per second", color=INK)
    _stages(axes, view)


def _errors(axes: Axes, view: View) -> None:
    kinds = Counter(_kind(s) for step in view.by_step for s in step if s.outcome != "ok")
    shown = [kind for kind, _ in kinds.most_common(KINDS_SHOWN)]
    bottom = [0.0] * len(view.by_step)
    wide: Callable[..., Any] = axes.bar
    for kind, colour in zip(shown, COLOURS, strict=False):
        own = [sum(s.outcome != "ok" and _kind(s) == kind for s in step) / view.step for step in view.by_step]
        wide(view.times, own, width=view.step, bottom=bottom, color=colour, label=f"{kind} ({kinds[kind]})")
        bottom = [a + b for a, b in zip(bottom, own, strict=True)]
    if not shown:
        axes.plot([], [], color=GREY, label="every request was ok")
        axes.set_ylim(0, 1)
    axes.set_ylabel("requests not ok per second", color=INK)
    _stages(axes, view)


def _as_times(axis: Axis, scale: Callable[[str], None]) -> None:
    """A logarithmic axis of latencies, with a word at 1, 2 and 5 of each power of ten."""
    from matplotlib.ticker import LogLocator, NullFormatter

    scale("log")
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(lambda value, _: f"{value:g} s" if value >= 1 else f"{1000 * value:g} ms")
    axis.set_minor_formatter(NullFormatter())


def _kind(sample: Sample) -> str:
    words = (sample.error or sample.outcome).removeprefix("expectation: ")
    return words if len(words) <= 40 else f"{words[:39]}…"


def _index(t: float, view: View) -> int:
    return min(max(int((t - view.zero) / view.step), 0), len(view.by_step) - 1)


def _stages(axes: Axes, view: View) -> None:
    """Where each stage begins, with its name."""
    of = stage_spans(view.history, view.profile)
    last = len(view.by_step) * view.step
    for name, (start, end) in of.stages.items():
        begin = start - view.zero
        if name == of.faulted:
            axes.axvspan(begin, min(end - view.zero, last), color="#F3D9D9", alpha=0.75, linewidth=0, zorder=0)
        axes.axvline(begin, color="#BBBBBB", linewidth=0.9, linestyle=(0, (2, 3)), zorder=1)
        if (min(end - view.zero, last) - begin) / last > 0.0095 * len(name):
            axes.text(begin, 1.01, f" {name}", transform=axes.get_xaxis_transform(), fontsize=9, color=INK, va="bottom")
    axes.set_xlim(0, last)
    axes.set_xlabel("seconds since the load began", color=INK)


PLOTS: Final[Mapping[str, Callable[[Axes, View], None]]] = {
    "latency": _latency,
    "histogram": _histogram,
    "rate": _rate,
    "errors": _errors,
}
"""By the name that the attachment and the file have."""
