"""A run of load profiles and fuzzed cells is reported as one of experiments is: nothing of it can be overlooked."""

import pytest
from stored_kinds import FULL, cell, fuzz, profile
from stored_runs import SYSTEM, store, story

from windtunnel.report.comment import comment
from windtunnel.report.overall import counted, headline
from windtunnel.report.page import Overview, index_page, overview_page
from windtunnel.report.stored import read_summary
from windtunnel.report.track import tracks


@pytest.fixture
def empty(one):
    """The summary of a run without experiments."""
    return {**one, "experiments": [], "totals": {}}


@pytest.fixture
def one(tmp_path):
    """The summary of a run of one experiment, which held."""
    return read_summary(store(tmp_path, story()) / "summary.json")


def shown(document):
    """The page of that run."""
    return overview_page(Overview(document=document, tracks=tracks([], document), changes=None))


def remark(document):
    return comment(document, tracks([], document), None)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "1 experiment held"),
        ({"load_profiles": [profile()]}, "all 1 experiment and 1 load profile held"),
        ({"load_profiles": [profile("FAIL"), profile()]}, "1 failed of 1 experiment and 2 load profiles"),
        ({"fuzz": fuzz(cell("ERROR"), cell("FAIL", "slow"))}, "1 failed, 1 unknown of 1 experiment and 2 fuzzed cells"),
        ({"load_profiles": [profile("SKIP")]}, "1 of 2 held (1 experiment and 1 load profile)"),
    ],
)
def test_headline_counts_everything(one, more, said):
    """On the page and in the comment the same words."""
    document = {**one, **more}

    assert headline(document) == said
    assert f"Resilience of storefront: {said}" in shown(document)
    assert f"Resilience: {said}" in remark(document)


def test_run_of_nothing_held_nothing(empty):
    """Neither green nor red."""
    page, text, index = shown(empty), remark(empty), index_page([("run", empty)])

    assert "Resilience of storefront: nothing was tested" in page
    assert "every promise that was put to the test held" not in page
    assert text.startswith("### ❔ Resilience: nothing was tested")
    assert "never tested" in index
    assert "passed" not in index.partition("<main")[2]


def test_broken_profile_is_what_broke(one):
    """With stage, limit, figure, what was full, and how to see it again."""
    document = {**one, "load_profiles": [profile("FAIL")]}
    page, text = shown(document), remark(document)
    broken = page.partition('id="broken"')[2].partition("</section>")[0]

    assert "The &lt;shop&gt; keeps up" in broken
    for words in (
        "p95 &lt; 500ms",
        "got 871ms (n=500, 9% over)",
        FULL,
        "windtunnel load steady",
    ):
        assert words in broken
    assert "**FAIL: load profile steady: The \\<shop\\> keeps up**" in text
    assert text.startswith("### ❌")


def test_broken_cell_is_what_broke(one):
    """With what was wrong and how to see it again."""
    document = {**one, "fuzz": fuzz(cell(), cell("FAIL", "slow"))}
    page, text = shown(document), remark(document)
    broken = page.partition('id="broken"')[2].partition("</section>")[0]

    for words in (
        "orders: POST /orders, orders-&gt;payments slow",
        "500 is not documented",
        "windtunnel fuzz --cell slow",
    ):
        assert words in broken
    assert "**FAIL: orders: POST /orders, orders-\\>payments slow**" in text


def test_failures_come_before_what_is_unknown(one):
    """Whatever kind they are of."""
    document = {**one, "load_profiles": [profile("ERROR")], "fuzz": fuzz(cell("FAIL"))}
    broken = shown(document).partition('id="broken"')[2].partition("</section>")[0]

    assert broken.index("orders: POST /orders") < broken.index("keeps up")


def test_every_figure_of_a_profile_is_the_summary_s(one):
    """Of the judged stage with the highest p95."""
    document = {**one, "load_profiles": [profile(capacity={"held_rate": 240.0, "bound": "orders"})]}
    row = shown(document).partition('id="load"')[2].partition("</section>")[0]

    for figure in ("100/s", "160/s", "25%", "20 ms", "871 ms", "1200 ms", "capacity 240/s, bound by orders"):
        assert figure in row


def test_chains_and_walks_have_tables_of_their_own(one):
    """They are no cells, and are not in the cells' table."""
    chain = {**cell(), "id": "orders: placeOrder -> readOrder", "kind": "chain", "edge": "", "fault": "healthy"}
    walk = {**cell("FAIL"), "id": "walk 1", "kind": "walk", "operation": "", "edge": "", "fault": "several"}
    part = shown({**one, "fuzz": fuzz(chain, walk)}).partition('id="fuzz"')[2].partition("</section>")[0]

    assert "Broken edge" not in part
    assert part.index("orders: placeOrder -&gt; readOrder") < part.index("Walks, while faults come and go")
    assert part.index("Walks, while faults come and go") < part.index("walk 1")


def test_every_cell_has_its_place(one):
    """A row for operation and edge, a column for each fault; what was left out is said."""
    document = {**one, "fuzz": fuzz(cell(), cell("ERROR", "slow"))}
    part = shown(document).partition('id="fuzz"')[2].partition("</section>")[0]

    assert part.index(">refused<") < part.index(">slow<")
    assert "2 of 2 cells decided, 1 of 1 documented operation covered, with 40 requests." in part
    assert "left out: orders: GET /audit: for tests only" in part
    assert (part.count("badge passed"), part.count("badge error")) == (1, 1)


def test_index_marks_a_run_by_its_worst(one):
    """A profile that failed is not hidden behind experiments that held."""
    document = {**one, "load_profiles": [profile("FAIL")]}
    index = index_page([("run", document)])

    assert "badge failed" in index
    assert counted(document) in index
    assert SYSTEM["name"] in index
