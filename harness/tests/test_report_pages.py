"""The published pages: their figures are those of summary.json, and they ask nobody for anything."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest
from hand_written import good_events, without
from stored_runs import BROKEN, DEGRADED, NEVER_BACK, store, story

from windtunnel.report.site import MANY, publish
from windtunnel.report.stored import read_run

LOGS = {
    "orders": "\n".join(
        f'{{"time": "2023-11-15T22:13:{second:02}.000+00:00", "message": "<b>tick</b>", "request_id": "r-{second}"}}'
        for second in range(20, 50)
    )
}


ADDRESSES = ("href", "src", "srcset", "action", "data")


class Page(HTMLParser):
    """Cells, links and texts of a page; a tag that is not closed is an error."""

    OPEN = frozenset({"meta", "link", "br"})

    def __init__(self, text):
        super().__init__()
        self.policy = ""
        self.stack, self.addresses, self.rows, self.styles, self.scripts = [], [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.addresses += [(name, value) for name, value in attrs if name in ADDRESSES]
        if ("http-equiv", "Content-Security-Policy") in attrs:
            self.policy = dict(attrs)["content"]
        if tag not in self.OPEN:
            self.stack.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_startendtag(self, tag, attrs):
        self.addresses += [(name, value) for name, value in attrs if name in ADDRESSES]

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        if self.stack and self.stack[-1] in ("style", "script"):
            (self.styles if self.stack[-1] == "style" else self.scripts).append(data)
        elif self.stack and any(tag in ("td", "th") for tag in self.stack):
            self.rows[-1][-1] += data + " "


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """One run with every state, published after a healthy one of the day before."""
    folder = tmp_path_factory.mktemp("site")
    good = store(
        folder / "one", story("cut"), story("slow", kind="latency"), story("killed", edge="users", kind="kill")
    )
    bad = store(
        folder / "two",
        story("cut", day=1, fault=DEGRADED),
        story("slow", kind="latency", day=1, fault=BROKEN, after=NEVER_BACK),
        story("killed", edge="users", kind="kill", day=1, events=without(good_events(), "restored")),
        logs=LOGS,
    )
    publish(read_run(good), folder / "published")
    return publish(read_run(bad), folder / "published")


def pages(site):
    return [*sorted(site.folder.glob("*.html")), site.index]


def number(text):
    found = re.search(r"[\d.]+", text)
    return float(found.group()) if found else None


def test_every_figure_of_the_matrix_is_the_summary_s(site):
    """Error share and recovery of each tested cell, read from the page, are those of the run's summary."""
    entries = {e["faults"][0]["kind"]: e for e in json.loads((site.folder / "summary.json").read_text())["experiments"]}
    rows = Page((site.folder / "index.html").read_text()).rows
    heads = [row for row in rows if row[0].strip() in ("Edge", "Service")]
    checked = 0
    for row in rows:
        for head in heads:
            for fault, cell in zip(head[1:], row[1:], strict=False):
                if "errors" not in cell:
                    continue
                entry = entries.get(fault.strip())
                step = entry["faults"][0] if entry else {"edges": [], "service": None}
                if row[0].strip() not in (*step["edges"], step["service"]):
                    continue
                share, back = re.search(r"([\d.]+)% errors", cell), re.search(r"back in (>? ?)([\d.]+) s", cell)
                assert float(share[1]) == pytest.approx(100 * entry["windows"]["fault"]["error_rate"], rel=0.005)
                assert float(back[2]) == pytest.approx(entry["recovery"]["seconds"], abs=0.05)
                assert bool(back[1].strip()) is entry["recovery"]["censored"]
                checked += 1

    assert checked == 3


def test_every_figure_of_the_table_is_the_summary_s(site):
    """Errors, p95 of each window and recovery of each experiment."""
    entries = {e["title"]: e for e in json.loads((site.folder / "summary.json").read_text())["experiments"]}
    rows = [row for row in Page((site.folder / "index.html").read_text()).rows if row and row[0].strip() in entries]
    full = [row for row in rows if len(row) == 8]

    assert len(full) == 3
    for name, _, errors, *p95, recovery, _ in full:
        entry = entries[name.strip()]
        assert number(errors) == pytest.approx(100 * entry["windows"]["fault"]["error_rate"], rel=0.005)
        for text, window in zip(p95, ("baseline", "fault", "recovered"), strict=True):
            expected = entry["windows"][window]["p95_ms"] if window in entry["windows"] else None
            assert number(text) == (pytest.approx(expected, abs=0.5) if expected is not None else None)
        assert number(recovery) == pytest.approx(entry["recovery"]["seconds"], abs=0.05)


def test_pages_ask_nobody_for_anything(site):
    """Every address is a file of the report or a place in the page; styles and scripts name none."""
    for path in pages(site):
        page = Page(path.read_text())
        for name, value in page.addresses:
            assert value == "data:," or not re.match(r"[a-z]+:|//", value), (path.name, name, value)
            target = (path.parent / value.split("#")[0]) if not value.startswith(("#", "data:")) else path
            assert target.is_file(), (path.name, value)
        assert not re.search(r"url\(|@import|https?:", "".join(page.styles))
        assert not re.search(r"fetch\(|XMLHttpRequest|import\s*\(|https?:", "".join(page.scripts))
        assert "default-src 'none'" in page.policy


def test_every_tag_is_closed(site):
    """A page whose elements do not nest is drawn by guesswork."""
    assert [path.name for path in pages(site) if Page(path.read_text()).stack] == []


def test_texts_of_the_system_are_never_markup(site):
    """A title or a log line with `<` in it is shown, not run."""
    page = (site.folder / "slow.html").read_text()

    assert "&lt;slow&gt; &amp; more" in page
    assert "&lt;b&gt;tick&lt;/b&gt;" in page
    assert "<b>tick" not in page


def test_failures_come_first_with_figure_limit_window_and_command(site):
    """What a reader in a hurry needs is above the matrix."""
    page = (site.folder / "index.html").read_text()
    top = page[: page.index('id="matrix"')]

    for text in ("place_order p99 &lt; 1500ms", "got 5000ms (n=500, 10% over)", "new in this run (was PASS)",
                 "--wt-seed=0 --wt-profile=ci", "1 failed, 1 unknown of 3 experiments"):  # fmt: skip
        assert text in top


def test_page_of_an_experiment_shows_its_evidence(site):
    """Timeline, proofs, limits, the broken edge, the log of the window, the spec."""
    page = (site.folder / "slow.html").read_text()

    for text in ('id="timeline"', "not recovered within", "proven, seen", 'class="edge hit"', "recovery within 9s",
                 "What the services wrote", "scenario: place_order"):  # fmt: skip
        assert text in page


def test_every_request_is_in_the_drawing_and_in_its_data(site):
    """1450 requests, each a point, each with a row for the pointer."""
    page = (site.folder / "slow.html").read_text()
    data = json.loads(re.search(r'id="requests">(.*?)</script>', page)[1])
    dots = re.findall(r'<path d="([^"]+)" class="dots (?:ok|failed|degraded|lost)"/></svg>', page)
    paths = re.findall(r'<path d="([^"]+)" class="dots \w+"/>', page)
    # A dot is a stroke of no length. A cross is one move to its begin and one relative move (`m`) to its second stroke.
    drawn = sum(path.count("h0") or path.count("M") for path in paths) - len(dots)

    assert len(data["ids"].split(" ")) == len(data["flat"]) / 3 == drawn == 1450


def test_a_run_of_ten_experiments_is_small(tmp_path):
    """Ten pages with 1450 requests each and their logs, under 0.8 MB."""
    run = store(tmp_path / "run", *(story(f"e{i}", fault=DEGRADED) for i in range(10)), logs=LOGS)

    published = publish(read_run(run), tmp_path / "published")

    assert len(list(published.folder.glob("e*.html"))) == 10
    assert published.size < 800_000


def test_experiment_without_a_history_has_a_page_all_the_same(tmp_path):
    """The verdict and why; nothing is invented."""
    run = store(tmp_path / "run", story("cut"))
    (run / "histories" / "cut.jsonl").unlink()

    published = publish(read_run(run), tmp_path / "published")

    assert "place_order p99" in (published.folder / "cut.html").read_text()
    assert 'id="timeline"' not in (published.folder / "cut.html").read_text()


def test_many_experiments_give_the_same_pages_as_few(tmp_path):
    """From 24 on they are made by several processes: each page is what one process makes of it."""
    few = publish(read_run(store(tmp_path / "few", story("e0"))), tmp_path / "one")
    run = store(tmp_path / "many", *(story(f"e{i}") for i in range(MANY)))

    many = publish(read_run(run), tmp_path / "all")

    assert len(list(many.folder.glob("e*.html"))) == MANY
    assert (many.folder / "e0.html").read_text() == (few.folder / "e0.html").read_text()
