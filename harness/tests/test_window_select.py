"""All samples of a window at once, and each sample's own window: the same answer."""

import math

from hand_written import sample
from hypothesis import given
from hypothesis import strategies as st

from windtunnel.checks.windows import Spans, in_scope, select

MOMENTS = st.floats(0, 60, allow_nan=False)


@st.composite
def several(draw):
    ends = sorted(draw(st.lists(MOMENTS, min_size=5, max_size=5)))
    whole = {"baseline": (ends[0], ends[1]), "fault": (ends[1], ends[2]), "recovered": (ends[3], math.inf)}
    reached = draw(st.sets(st.sampled_from(sorted(whole))))
    of = Spans(windows={name: whole[name] for name in whole if name in reached}, injection=ends[1])
    dues = sorted(draw(st.lists(MOMENTS, max_size=30)))
    return of, [sample(due, latency=draw(st.floats(0, 20)), scenario=draw(st.sampled_from("ab"))) for due in dues]


@given(several(), st.sampled_from(["baseline", "fault", "recovered"]), st.sampled_from([None, "a", "nobody"]))
def test_a_window_holds_the_samples_that_are_its_own(told, window, scope):
    """Those that were still under way at the injection are the fault's; none is lost, none is in two windows."""
    of, samples = told

    assert select(samples, of, window, scope) == [
        s for s in samples if in_scope(s, scope) and of.window_of(s) == window
    ]
