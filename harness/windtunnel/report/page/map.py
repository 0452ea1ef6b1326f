"""The system as a drawing: who calls whom, and what this experiment broke."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from windtunnel.report.html import Markup, el
from windtunnel.topology.instances import choose, instance_names
from windtunnel.topology.model import CLIENT

WIDE, TALL = 122, 34
ACROSS, DOWN = 190, 58
MARGIN: Final = 12


def system_map(
    services: Iterable[str], edges: Mapping[str, str], broken: Collection[str], replicas: Mapping[str, int]
) -> Markup:
    """Callers on the left, whom they call to the right of them, each instance on its own; `broken` names edges and
    services."""
    services, edges = _instances(services, replicas), _links(edges, replicas)
    broken = {each for name in broken for each in choose(name, {**edges, **dict.fromkeys(services)})}
    pairs = {edge: (edge.split("->")[0], edge.split("->")[1]) for edge in edges if "->" in edge}
    names = list(dict.fromkeys([*(end for pair in pairs.values() for end in pair), *services]))
    places = _places(names, list(pairs.values()))
    width = max((x for x, _ in places.values()), default=0) + WIDE + MARGIN
    height = max((y for _, y in places.values()), default=0) + TALL + MARGIN
    parts = [_edge(edge, places[a], places[b], kind=edges[edge], hit=edge in broken) for edge, (a, b) in pairs.items()]
    parts += [_node(name, places[name], hit=name in broken) for name in names]
    said = f"The system: {len(names)} nodes. Broken: {', '.join(sorted(broken)) or 'nothing'}."
    drawing = el("svg", *parts, viewBox=f"0 0 {width} {height}", width=str(width), role="img", aria_label=said)
    words = "Red and dashed with a cross: what was broken. Dashed: an edge that may be lost without harm."
    return el("figure", drawing, el("figcaption", words), class_="map", style="margin:0")


def _instances(services: Iterable[str], replicas: Mapping[str, int]) -> list[str]:
    return [each for name in services for each in instance_names(name, replicas.get(name, 1))]


def _links(edges: Mapping[str, str], replicas: Mapping[str, int]) -> dict[str, str]:
    return {
        f"{a}->{b}": kind
        for edge, kind in edges.items()
        for caller, _, callee in [edge.partition("->")]
        for a in _instances([caller], replicas)
        for b in _instances([callee], replicas)[: 1 if caller == CLIENT else None]
    }


def _places(names: list[str], pairs: list[tuple[str, str]]) -> dict[str, tuple[float, float]]:
    """A column for each step away from the client (the longest way counts, loops once); rows near one's callers."""
    depth = dict.fromkeys(names, 0)
    for _ in names:
        for caller, callee in pairs:
            if callee != CLIENT and depth[callee] <= depth[caller] < len(names):
                depth[callee] = depth[caller] + 1
    columns: dict[int, list[str]] = {}
    for name in names:
        columns.setdefault(depth[name], []).append(name)
    most = max(map(len, columns.values()), default=1)
    places: dict[str, tuple[float, float]] = {}
    for i, column in enumerate(columns[key] for key in sorted(columns)):
        callers = {name: [places[a][1] for a, b in pairs if b == name and a in places] for name in column}
        column.sort(key=lambda name: sum(callers[name]) / len(callers[name]) if callers[name] else 0.0)
        top = MARGIN + (most - len(column)) * DOWN / 2
        places |= {name: (MARGIN + i * ACROSS, top + row * DOWN) for row, name in enumerate(column)}
    return places


def _node(name: str, place: tuple[float, float], *, hit: bool) -> Markup:
    x, y = place
    box = el("rect", x=x, y=y, width=WIDE, height=TALL, rx="6", class_="node hit" if hit else "node")
    words = f"✕ {name}" if hit else name
    text = el("text", words, x=x + WIDE / 2, y=y + TALL / 2 + 4, text_anchor="middle", class_="hit" if hit else None)
    return el("g", box, text)


def _edge(name: str, start: tuple[float, float], end: tuple[float, float], *, kind: str, hit: bool) -> Markup:
    """A curve from the right side of the caller to the left side of the callee, and its tip."""
    x1, y1, x2, y2 = start[0] + WIDE, start[1] + TALL / 2, end[0] - 7, end[1] + TALL / 2
    bend = max(40.0, (x2 - x1) / 2)
    curve = f"M{x1:g} {y1:g}C{x1 + bend:g} {y1:g} {x2 - bend:g} {y2:g} {x2:g} {y2:g}"
    tone = "hit" if hit else "soft-edge" if kind.startswith("soft") else ""
    tip = el("path", d=f"M{x2 + 7:g} {y2:g}l-9 -4.5v9z", class_=f"tip {tone}".strip())
    cross = el("text", "✕", x=(x1 + x2) / 2, y=(y1 + y2) / 2 + 5, text_anchor="middle", class_="hit") if hit else None
    title = el("title", f"{name}{f' ({kind})' if kind else ''}")
    return el("g", title, el("path", d=curve, class_=f"edge {tone}".strip()), tip, cross)
