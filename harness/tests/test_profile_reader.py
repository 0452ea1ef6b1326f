"""Load profiles and SLO files: what they say is what is run, and every mistake is one line with its remedy."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from profile_samples import PROFILE, SLOS
from spec_samples import FAULTS, changed, damaged, damages, outcome, read_shop, unhurried

from windtunnel.errors import BadInputError, ProfileError, SloError
from windtunnel.profiles import read_profile, read_slos
from windtunnel.profiles.plain import is_profile, profile_from_plain, profile_to_plain


def read(folder, text=PROFILE, slos=SLOS, **more):
    """The profile that the texts describe, on the sample system."""
    (folder / "slos.yaml").write_text(slos)
    (folder / "steady.yaml").write_text(text)
    return read_profile(folder / "steady.yaml", read_shop(folder), slos=folder / "slos.yaml", faults=FAULTS, **more)


def test_rates_in_percent_are_shares_of_the_profile_s_rate(tmp_path):
    """One number says what a machine holds."""
    stages = read(tmp_path).stages

    assert [(s.name, s.duration, s.start, s.end) for s in stages] == [
        ("warmup", 2.0, 5.0, 50.0),
        ("steady", 20, 50, 50),
    ]


def test_another_rate_can_be_asked_for(tmp_path):
    """`--rate`: everything in percent follows."""
    of = read(tmp_path, rate=200.0)

    assert (of.rate, of.stages[1].start) == (200.0, 200.0)


def test_promises_come_from_the_slo_file_with_their_units(tmp_path):
    """Seconds, shares, multiples of the budget; scopes are scenarios and routes."""
    promises = read(tmp_path).objectives["shop"].promises
    found = {(p.scope, p.metric): (p.op, p.bound) for p in promises}

    assert found == {
        (None, "availability"): (">=", 0.99),
        (None, "burn_rate"): ("<", 2.0),
        (None, "p95"): ("<", 0.5),
        ("place_order", "p99"): ("<", 1.0),
        ("GET /orders/{id}", "error_rate"): ("<", 0.01),
    }


def test_period_is_in_seconds(tmp_path):
    """Thirty days."""
    assert read(tmp_path).objectives["shop"].period == 30 * 86_400


def test_nightly_variant_changes_what_it_names(tmp_path):
    """As with experiments: `--wt-profile=nightly`."""
    more = "profiles:\n  nightly: {stages: [{name: steady, for: 60s, rate: 100%, slo: shop}]}\n"

    assert read(tmp_path, PROFILE + more, profile="nightly").planned == 60.0
    assert read(tmp_path, PROFILE + more).planned == 22.0


def test_search_rises_by_one_factor(tmp_path):
    """Five steps from 50 to 800: each twice the one before."""
    found = "search: {from: 100%, to: 1600%, steps: 5, each: 10s, slo: shop}\n"
    of = read(tmp_path, PROFILE + found)

    assert [round(s.end) for s in of.stages[2:]] == [50, 100, 200, 400, 800]


def test_profile_survives_storage(tmp_path):
    """Histories keep it as JSON; what comes back is the same."""
    text = PROFILE.replace(
        "20s, rate: 100%, slo: shop}", "20s, rate: 100%, slo: shop}\n  - {name: after, for: 9s, rate: 50/s}"
    )
    faults = "faults: {during: steady, method: [{type: fault, fault: latency, edge: orders->payments, latency: 1s}]}\n"
    recovery = 'recovery: {after: steady, until: {p95: "< 1s"}, within: 5s}\nregression: {p95: "+50%"}\n'
    of = read(tmp_path, text + faults + recovery)
    stored = json.loads(json.dumps(profile_to_plain(of)))

    assert is_profile(stored)
    assert profile_from_plain(stored) == of


MISTAKES = {
    "key": (("title:", "titel:"), 2, "unknown key 'titel'; known: title"),
    "format": (("windtunnel/v1", "windtunnel/v9"), 1, "unknown format 'windtunnel/v9'"),
    "rate": (("rate: 50/s", "rate: 50"), 3, "'50' has no unit; write 50/s or 50/min"),
    "no load": (("rate: 50/s", "rate: 0/s"), 3, "a load without arrivals shows nothing"),
    "objective": (("slo: shop", "slo: shpo"), 7, "unknown objective 'shpo'; known: shop, incident"),
    "stage twice": (("name: warmup", "name: steady"), 7, "duplicate stage 'steady'; give each stage a name of its own"),
    "both rates": (
        ("20s, rate: 100%", "20s, rate: 100%, from: 1%"),
        7,
        "a stage has a rate (rate: 100%), or goes from",
    ),
    "no rate": (("20s, rate: 100%", "20s, from: 1%"), 7, "a stage has a rate (rate: 100%), or goes from"),
    "no time": (("for: 20s", "for: 0s"), 7, "'0s' is no time at all"),
    "ends idle": (("rate: 100%, slo: shop", "from: 100%, to: 0%"), 7, "the last stage must end with some load"),
    "undecidable": (
        ("for: 20s", "for: 3s"),
        7,
        "stage 'steady': 'availability >= 99%' cannot be decided: 3s at 50/s give about 150 samples, 299 are needed",
    ),
    "promises nothing": ((", slo: shop", ""), 1, "promises nothing, so nothing can fail"),
    "not in the mix": (
        ("{scenario: place_order, weight: 3}, ", ""),
        7,
        "its slo promises something about 'place_order', which is not in the mix",
    ),
    "reserved": (("name: warmup", "name: drain"), 6, "'drain' is what comes after the last stage; write another name"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_each_mistake_is_one_line_with_its_remedy(tmp_path, case):
    """File, line, what, what would be right."""
    change, line, message = MISTAKES[case]
    _, error = outcome(lambda: read(tmp_path, changed(PROFILE, change)), ProfileError)

    assert error is not None
    assert error.startswith(f"{tmp_path / 'steady.yaml'}:{line}: ")
    assert message in error


MORE = {
    "fault in an unknown stage": ("faults: {during: staedy, method: []}", "unknown stage 'staedy'; known: steady"),
    "fault to the end": (
        "faults: {during: steady, method: [{type: fault, fault: down, edge: orders->payments}]}",
        "no stage follows, so that its end could not be seen",
    ),
    "recovery that is too long": (
        'recovery: {after: warmup, until: {p95: "< 1s"}, within: 30s}',
        "30s is not within the 20 s of load after 'warmup', of which 2 s must be left to see it",
    ),
    "regression without a sign": ("regression: {p95: 50%}", "'50%' is no growth over the accepted run"),
    "regression of what": ('regression: {p96: "+50%"}', "unknown figure 'p96'; known: p95, p99, p50"),
    "search that falls": (
        "search: {from: 100%, to: 50%, steps: 3, each: 9s, slo: shop}",
        "a search rises: 'to' must be above 'from'",
    ),
    "override": ("profiles: {nightly: {mix: []}}", "unknown key 'mix'; known: "),
}


@pytest.mark.parametrize("case", MORE)
def test_each_mistake_in_what_is_optional_is_one_line(tmp_path, case):
    """The same, for what a profile need not have."""
    text, message = MORE[case]
    _, error = outcome(lambda: read(tmp_path, PROFILE + text + "\n"), ProfileError)

    assert error is not None
    assert message in error


SLO_MISTAKES = {
    "metric": (("p95: ", "p950: "), 8, "unknown metric or scenario 'p950'; known: p50, "),
    "no unit": (('"< 500ms"', '"< 500"'), 8, "'500' has no unit; write 500s or 500ms"),
    "relative": (('"< 500ms"', '"<= baseline + 50ms"'), 8, "is relative to a baseline, which a load profile has not"),
    "availability from above": (('">= 99%"', '"< 99%"'), 6, "'< 99%' is not a limit of availability"),
    "no budget": (('">= 99%"', '">= 100%"'), 6, "availability: 100% leaves no error budget to count"),
    "burn rate in percent": (('"< 2"', '"< 2%"'), 7, "burn_rate: '2%' is not a multiple of the budget"),
    "burn rate of nothing": (('    availability: ">= 99%"\n', ""), 4, "burn_rate counts against an availability"),
    "budget of no time": (("    period: 30d\n    target", "    target"), 12, "is a share of a period's budget"),
    "period": (("period: 30d\n    a", "period: 30s\n    a"), 5, "unknown unit 's'; known: h, d, w"),
    "empty": (('    target: 99.9%\n    budget_spent: "<= 1%"\n', ""), 12, "promises nothing; write for instance p95"),
}


@pytest.mark.parametrize("case", SLO_MISTAKES)
def test_each_mistake_in_an_slo_file_is_one_line(tmp_path, case):
    """File, line, what, what would be right."""
    change, line, message = SLO_MISTAKES[case]
    path = tmp_path / "slos.yaml"
    path.write_text(changed(SLOS, change))
    _, error = outcome(lambda: read_slos(path, ("place_order", "read_order")), SloError)

    assert error is not None
    assert error.startswith(f"{path}:{line}: ")
    assert message in error


@settings(unhurried, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(damages(PROFILE), damages(SLOS))
def test_damaged_files_are_refused_cleanly_or_read(tmp_path, own, slos):
    """Whatever stands in them: a profile, or one line; never a traceback."""
    of, error = outcome(lambda: read(tmp_path, damaged(PROFILE, own), damaged(SLOS, slos)), BadInputError)

    assert of.stages if error is None else "\n" not in error
