"""The timeline as a drawing of the page itself: SVG that needs no script, with the requests beside it for the script
that shows the one under the pointer.

    latency of each request (log scale), its mark by outcome; p95 as a line; limits dashed, a broken one solid
    |  baseline  |#### fault ####| recovery |  recovered  |
    share of requests that failed or were degraded, in small steps of time
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from os.path import commonprefix
from typing import Final, TypeAlias

from windtunnel.checks.figures import quantile
from windtunnel.checks.windows import first_offset, spans
from windtunnel.history import LATE, Sample
from windtunnel.report.breakers import Stretch, moved
from windtunnel.report.html import Markup, el
from windtunnel.report.scene import DEGRADED, FAILED, LOST, OK, Mark, Scene
from windtunnel.report.words import number
from windtunnel.spec.model import Expectation, Window

WIDTH, LEFT, RIGHT = 1000, 58, 988
TOP, FLOOR = 30, 300
STRIP_TOP, STRIP_FLOOR = 318, 368
HEIGHT = 398
LANE = 26
"""Height of one breaker's strip."""
NAMES: Final = {OK: "ok", DEGRADED: "degraded", LOST: "lost", FAILED: "failed"}
BARS: Final = {OK: "ok", DEGRADED: "degraded", LOST: "failed", FAILED: "failed"}
"""What counts as what in the strip of shares."""
MOST_OF_A_KIND: Final = 4000
"""Points of one kind that are drawn; of more, every n-th, and the legend says so."""
STEPS: Final = 48
"""Into how many steps of time the percentile and the strip divide the run, at most."""
SHORTEST_STEP: Final = 0.25
P95_SAMPLES: Final = 5
"""The fewest requests of a step of which a percentile is drawn."""


Step: TypeAlias = tuple[float, float, list[tuple[Mark, Sample]]]
"""A step of time: left, right, and the requests that were due in it."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """From seconds and latencies to the drawing's own units."""

    first: float
    last: float
    low: float
    high: float

    @classmethod
    def of(cls, scene: Scene) -> Scale:
        latencies = [max(sample.latency, 1e-4) for sample in scene.history.samples] or [0.001, 1.0]
        promises = scene.spec.slo if scene.spec else ()
        limits = [value for _, value in _by_line(promises)]
        return cls(
            first=scene.first,
            last=scene.last,
            low=min(latencies) / 1.5,
            high=max(1.6 * max([*latencies, *limits]), 1.0),
        )

    def x(self, second: float) -> float:
        inside = min(max(second, self.first), self.last)
        return round(LEFT + (RIGHT - LEFT) * (inside - self.first) / (self.last - self.first), 1)

    def y(self, latency: float) -> float:
        inside = min(max(latency, self.low), self.high)
        return round(FLOOR - (FLOOR - TOP) * math.log(inside / self.low) / math.log(self.high / self.low), 1)


def timeline(scene: Scene) -> Markup:
    """The figure: legend, drawing, and the data that the script reads."""
    scale = Scale.of(scene)
    drawn = {mark: _thinned(samples) for mark, samples in scene.kinds.items()}
    steps = list(_steps(scene, scale))
    parts = [_shade(scene, scale), *_grid(scale), *_borders(scene, scale), *_shares(steps)]
    parts += [_dots(mark, samples, scene, scale) for mark, samples in drawn.items() if samples]
    parts += [_percentile(steps, scale), *_limits(scene, scale), *_recovery(scene, scale)]
    lanes = moved(scene.history, scene.zero + scene.last)
    parts += _lanes(lanes, scene, scale)
    height = HEIGHT + LANE * len(lanes)
    drawing = el(
        "svg", *parts, el("circle", r="7", class_="pick", hidden=True), viewBox=f"0 0 {WIDTH} {height}", role="img",
        aria_label=_in_words(scene), tabindex="0", id="timeline",
    )  # fmt: skip
    data = el("script", Markup(_data(drawn, scene, scale)), type="application/json", id="requests")
    said = el("p", "Point at a request, or step through them with the arrow keys.", class_="said", id="said",
              aria_live="polite")  # fmt: skip
    return el("figure", _legend(scene, drawn), el("div", drawing, class_="wide"), said, data, class_="timeline")


def _in_words(scene: Scene) -> str:
    kinds = ", ".join(f"{len(samples)} {mark.label}" for mark, samples in scene.kinds.items())
    return f"Timeline of {number(len(scene.history.samples), 'request')}: {kinds}. The tables below hold its figures."


def _legend(scene: Scene, drawn: dict[Mark, list[Sample]]) -> Markup:
    """A button for each kind of request, which hides and shows it."""
    buttons = []
    for mark, samples in scene.kinds.items():
        if not samples:
            continue
        few = f", every {len(samples) // len(drawn[mark])}th drawn" if len(drawn[mark]) < len(samples) else ""
        shape = el("path", d=_shape(mark, 8, 8), class_=f"dots {NAMES[mark]}")
        sign = el("svg", shape, width="16", height="16", viewBox="0 0 16 16", aria_hidden="true", class_="sign")
        words = f" {mark.label} ({len(samples)}{few})"
        buttons.append(el("button", sign, words, type="button", aria_pressed="true", data_kind=NAMES[mark]))
    line = el("span", "line: p95 of each step of time; dashed: limits", class_="soft")
    return el("div", *buttons, line, class_="tools")


def _shade(scene: Scene, scale: Scale) -> Markup:
    if not scene.fault:
        return Markup("")
    start, end = map(scale.x, scene.fault)
    return el("rect", x=start, y=TOP - 8, width=round(end - start, 1), height=STRIP_FLOOR - TOP + 8, class_="shade")


def _grid(scale: Scale) -> Iterator[Markup]:
    """Lines at the powers of ten, the seconds below, the shares of the strip."""
    for power in range(-4, 4):
        value = 10.0**power
        if scale.low <= value <= scale.high:
            y = scale.y(value)
            yield el("line", x1=LEFT, x2=RIGHT, y1=y, y2=y, class_="grid")
            label = f"{value:g} s" if value >= 1 else f"{1000 * value:g} ms"
            yield el("text", label, x=LEFT - 6, y=y + 4, text_anchor="end", class_="axis")
    for words, y in (("100 %", STRIP_TOP + 4), ("0 %", STRIP_FLOOR + 4)):
        yield el("text", words, x=LEFT - 6, y=y, text_anchor="end", class_="axis")
    yield el("line", x1=LEFT, x2=RIGHT, y1=STRIP_FLOOR, y2=STRIP_FLOOR, class_="grid")
    step = next(s for s in (1, 2, 5, 10, 20, 60, 120, 300, 600, 3600, 86400) if (scale.last - scale.first) / s <= 14)
    for second in range(math.ceil(scale.first / step) * step, math.floor(scale.last) + 1, step):
        yield el("text", f"{second} s", x=scale.x(second), y=STRIP_FLOOR + 18, text_anchor="middle", class_="axis")
    yield el("text", "not ok", x=LEFT - 6, y=(STRIP_TOP + STRIP_FLOOR) / 2 + 4, text_anchor="end", class_="axis")


def _borders(scene: Scene, scale: Scale) -> Iterator[Markup]:
    """Where each window begins, and its name above it."""
    starts = {name: start for name in ("warmup", "baseline", "recovered") if (start := scene.phase(name)) is not None}
    if scene.fault:
        starts |= {"fault": scene.fault[0], "recovery": scene.fault[1]}
    ordered = sorted(starts.items(), key=lambda named: named[1])
    ends = [scale.x(start) for _, start in ordered[1:]] + [float(RIGHT)]
    for (name, start), end in zip(ordered, ends, strict=True):
        x = scale.x(start)
        yield el("line", x1=x, x2=x, y1=TOP - 8, y2=STRIP_FLOOR, class_="border")
        if end - x > 7.5 * len(name):
            yield el("text", name, x=(x + end) / 2, y=TOP - 14, text_anchor="middle", class_="strong")


def _shares(steps: list[Step]) -> Iterator[Markup]:
    """In each step of time, the share that failed (or was lost), and on top of it what was degraded."""
    paths: dict[str, list[str]] = {"failed": [], "degraded": []}
    for start, end, samples in steps:
        marks = Counter(BARS[mark] for mark, _ in samples)
        base = float(STRIP_FLOOR)
        for name, path in paths.items():
            if marks[name]:
                tall = round((STRIP_FLOOR - STRIP_TOP) * marks[name] / len(samples), 1)
                path.append(f"M{start:g} {base:g}v{-tall:g}H{end:g}v{tall:g}z")
                base -= tall
    for name, path in paths.items():
        if path:
            yield el("path", d="".join(path), class_=f"bars {name}")


def _thinned(samples: list[Sample]) -> list[Sample]:
    return samples[:: math.ceil(len(samples) / MOST_OF_A_KIND)] if samples else []


def _dots(mark: Mark, samples: list[Sample], scene: Scene, scale: Scale) -> Markup:
    places = [(scale.x(s.due - scene.zero), scale.y(s.latency)) for s in samples]
    path = _points(places) if mark is OK else "".join(_shape(mark, x, y) for x, y in places)
    return el("path", d=path, class_=f"dots {NAMES[mark]}")


def _points(places: list[tuple[float, float]]) -> str:
    """One dot for each, told from the one before: there are many, and that is a third shorter."""
    parts, last = [], (0.0, 0.0)
    for x, y in places:
        parts.append(f"m{round(x - last[0], 1):g} {round(y - last[1], 1):g}h0")
        last = (x, y)
    return "".join(parts)


def _shape(mark: Mark, x: float, y: float) -> str:
    """A dot, a triangle, a diamond or a cross: each outcome has a shape of its own."""
    if mark is OK:
        return f"M{x:g} {y:g}h0"
    if mark is DEGRADED:
        return f"M{x - 3.5:.5g} {y + 3:.5g}h7l-3.5 -6z"
    if mark is LOST:
        return f"M{x - 4:.5g} {y:g}l4 -4l4 4l-4 4z"
    return f"M{x - 3:.5g} {y - 3:.5g}l6 6m0 -6l-6 6"


def _percentile(steps: list[Step], scale: Scale) -> Markup:
    """p95 of each step of time, as a line with a stair at each border."""
    stairs = []
    for start, end, samples in steps:
        if len(samples) >= P95_SAMPLES:
            height = scale.y(quantile(sorted(sample.latency for _, sample in samples), 0.05))
            stairs.append(f"{start:g},{height:g} {end:g},{height:g}")
    return el("polyline", points=" ".join(stairs), class_="percentile")


def _steps(scene: Scene, scale: Scale) -> Iterator[Step]:
    """Those in which something was due, with one border at the injection."""
    step = max(SHORTEST_STEP, (scene.last - scene.first) / STEPS)
    inside: dict[int, list[tuple[Mark, Sample]]] = {}
    for mark, samples in scene.kinds.items():
        for sample in samples:
            inside.setdefault(math.floor((sample.due - scene.zero) / step), []).append((mark, sample))
    for index in sorted(inside):
        yield scale.x(index * step), scale.x((index + 1) * step), inside[index]


def _limits(scene: Scene, scale: Scale) -> Iterator[Markup]:
    """Each latency promise as a line over its window, solid where it broke."""
    if scene.spec is None:
        return
    since = None if scene.recovered is None else scene.recovered + scene.zero
    windows = spans(scene.history, first_at=first_offset(scene.spec), recovered_since=since).windows
    broken = {finding.expectation for finding in scene.verdict.findings if finding.judgement == "failed"}
    for (window, value), promises in _by_line(scene.spec.slo).items():
        if window not in windows:
            continue
        start, end = (scale.x(t - scene.zero) for t in windows[window])
        tone = "broken" if any(promise.name in broken for promise in promises) else ""
        words = " | ".join(f"{promise.scope or ''} {promise.metric} {promise.text}".strip() for promise in promises)
        y = scale.y(value)
        yield el("line", x1=start, x2=end, y1=y, y2=y, class_=f"limit {tone}".strip())
        yield el("text", words, x=end - 4, y=y - 4, text_anchor="end", class_=tone or "axis")


def _by_line(promises: tuple[Expectation, ...]) -> dict[tuple[Window, float], list[Expectation]]:
    """Those that would be drawn on top of each other, together."""
    lines: dict[tuple[Window, float], list[Expectation]] = {}
    for promise in promises:
        if (promise.metric == "max" or promise.metric[1:2].isdigit()) and promise.limit.value is not None:
            lines.setdefault((promise.window, promise.limit.value), []).append(promise)
    return lines


def _recovery(scene: Scene, scale: Scale) -> Iterator[Markup]:
    figure = scene.verdict.recovery
    if figure is None or figure.seconds is None or scene.fault is None:
        return
    if scene.recovered is None:
        words = f"not recovered within {figure.seconds:.1f} s"
        yield el("text", words, x=scale.x(scene.fault[1]) + 5, y=TOP + 8, class_="broken")
        return
    x = scale.x(scene.recovered)
    yield el("line", x1=x, x2=x, y1=TOP - 8, y2=STRIP_FLOOR, class_="recovered")
    yield el("text", f"recovered after {figure.seconds:.1f} s", x=x + 5, y=TOP + 8, class_="recovered")


def _lanes(lanes: dict[str, list[Stretch]], scene: Scene, scale: Scale) -> Iterator[Markup]:
    """A strip for each breaker that was not closed all the time: where it was open, half open, or not known."""
    for row, (breaker, states) in enumerate(lanes.items()):
        y = HEIGHT + LANE * row
        yield el("rect", x=LEFT, y=y, width=RIGHT - LEFT, height=LANE - 6, class_="lane closed")
        for start, end, state in states:
            left, right = scale.x(start - scene.zero), scale.x(end - scene.zero)
            if state == "closed" or right <= left:
                continue
            words = f"breaker {breaker} {state.replace('_', ' ')} for {end - start:.1f} s"
            yield el("rect", el("title", words), x=left, y=y, width=round(right - left, 1), height=LANE - 6,
                     class_=f"lane {state}")  # fmt: skip
        told = ", ".join(dict.fromkeys(state.replace("_", " ") for _, _, state in states if state != "closed"))
        yield el("text", f"breaker {breaker}: {told}", x=LEFT + 6, y=y + 14, class_="axis")


def _data(drawn: dict[Mark, list[Sample]], scene: Scene, scale: Scale) -> str:
    """The drawn requests for the script, in order of time: `flat` has, for each, milliseconds since the one before,
    latency in tenths of milliseconds and the number of its kind; `ids` what follows the `prefix` of its request id.

    What many requests share (outcome, scenario, route, status, error) is said once, as a kind. `late` has, by number,
    how many milliseconds late a request was sent.
    """
    kinds: dict[tuple[str, str, str, int, str], int] = {}
    ordered = sorted(((mark, s) for mark, samples in drawn.items() for s in samples), key=lambda told: told[1].due)
    prefix = commonprefix([s.request_id for _, s in ordered])  # noqa: RUF071 - no path
    flat, before = list[int](), 0
    for mark, s in ordered:
        kind = kinds.setdefault((NAMES[mark], s.scenario, s.route, s.status or 0, s.error or ""), len(kinds))
        due = round(1000 * (s.due - scene.zero))
        flat += [due - before, round(10_000 * s.latency), kind]
        before = due
    plain = {
        "first": scale.first, "last": scale.last, "low": scale.low, "high": scale.high,
        "box": [LEFT, RIGHT, TOP, FLOOR], "kinds": list(kinds), "prefix": prefix, "flat": flat,
        "ids": " ".join(s.request_id.removeprefix(prefix) for _, s in ordered),
        "late": {number: round(1000 * s.late) for number, (_, s) in enumerate(ordered) if s.late > LATE},
    }  # fmt: skip
    # `<` could end the script element that this stands in.
    return json.dumps(plain, separators=(",", ":")).replace("<", "\\u003c")
