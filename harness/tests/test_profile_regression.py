"""Accepted runs: what is kept, what later runs are held to, and what is not compared."""

from dataclasses import replace

import pytest
from hand_written import always
from profile_samples import driven, profile, stage

from windtunnel.errors import BadInputError
from windtunnel.machine import machine
from windtunnel.profiles import judge_profile
from windtunnel.profiles.baselines import baseline_path, read_baseline, write_baseline
from windtunnel.profiles.model import Tolerance
from windtunnel.profiles.regression import Accepted, figures_to_accept, incomparable, judge_regression, load_key

OF = profile("p95 < 5s", regression=(Tolerance(metric="p95", growth=1.0),))
HERE = {"system": "Linux", "cores": "2"}


def accepted(of=OF, **changes):
    own = {
        "profile": of.id,
        "load": load_key(of),
        "machine": HERE,
        "versions": {"flask": "3.1"},
        "commit": "abc",
        "accepted_unix": 1.0,
        "stages": figures_to_accept(driven(of), of),
    }
    return Accepted(**{**own, **changes})


def test_figures_of_judged_stages_are_kept():
    """20 ms, every one of them; a warm-up is not kept."""
    of = profile("p95 < 5s", stages=(stage("warmup", slo=()), stage()))

    assert figures_to_accept(driven(of), of) == {"steady": {"p50": 0.02, "p95": 0.02, "p99": 0.02}}


@pytest.mark.parametrize(("latency", "judgement"), [(0.02, "passed"), (0.035, "passed"), (0.05, "failed")])
def test_run_may_be_worse_by_what_is_tolerated(latency, judgement):
    """+100 % of 20 ms is 40 ms."""
    history = driven(OF, each={"steady": always(latency=latency)})
    (finding,) = judge_regression(accepted(), history, OF)

    assert finding.judgement == judgement
    assert finding.message.startswith("steady p95 <= accepted + 100%: got ")
    assert finding.message.endswith("limit 40ms (accepted 20ms)")


def test_regression_makes_the_verdict_fail():
    """Though the SLO of 5 s holds."""
    history = driven(OF, each={"steady": always(latency=0.05)})

    assert judge_profile(history, extra=judge_regression(accepted(), history, OF)).verdict.outcome == "FAIL"


def test_another_machine_is_said_and_not_compared():
    """Its figures are no measure for this one."""
    why = incomparable(accepted(), OF, {**HERE, "cores": "8"})

    assert why == "not compared: accepted on another machine (cores '2')"


def test_another_load_is_said_and_not_compared():
    """Twice the rate is another question."""
    assert "another load" in incomparable(accepted(), replace(OF, stages=(stage(rate=100.0),)), HERE)


def test_same_load_with_other_promises_is_compared():
    """What is promised does not change what is driven."""
    assert incomparable(accepted(), replace(OF, objectives={}, title="another"), HERE) is None


def test_baseline_survives_storage(tmp_path):
    """Beside the folder of profiles."""
    path = baseline_path(tmp_path / "load" / "profiles" / "steady.yaml", "steady")
    write_baseline(path, accepted())

    assert path == tmp_path / "load" / "baselines" / "steady.json"
    assert read_baseline(path) == accepted()


def test_nothing_accepted_is_no_error(tmp_path):
    """The first run ever."""
    assert read_baseline(tmp_path / "steady.json") is None


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"baseline": "windtunnel/baseline/v9"}'])
def test_file_that_is_no_baseline_is_one_line(tmp_path, text):
    """With the remedy."""
    (tmp_path / "steady.json").write_text(text)

    with pytest.raises(BadInputError, match="accept a run again"):
        read_baseline(tmp_path / "steady.json")


def test_this_machine_can_be_told_from_others():
    """Every part of it is known."""
    assert all(machine().values())
