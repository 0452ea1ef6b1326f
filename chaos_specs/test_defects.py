"""The experiments can go red: each is run once more on a storefront in which one policy is switched off.

A suite that stays green whatever is broken is worse than none. Every experiment names here the policy that it guards
and the expectation that must break without it; the table is printed at the end of the run.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from windtunnel.faults import SHAPES
from windtunnel.items import open_tunnel
from windtunnel.spec import read_specs

SPECS = Path(__file__).parent
BEFORE, AFTER = 5.0, 2.0
"""Seconds. Nothing is promised of these phases here: what must break does so under the fault, or is an invariant."""


@dataclass(frozen=True)
class Defect:
    """A policy that is switched off, the experiment that guards it, and the finding that must be among the failed."""

    experiment: str
    service: str
    policy: str
    breaks: str
    hidden_by: str = ""
    """Another policy, which is switched off too because it would keep the lack from being felt."""


DEFECTS = [
    Defect("payments_refused", "orders", "compensation", "stock_is_conserved"),
    Defect("payments_black_holed", "orders", "payments.deadline", "fault/place_order p98"),
    Defect("payments_slow", "orders", "payments.breaker", "fault/place_order p50"),
    Defect("payments_answers_lost", "orders", "charge_key", "every_confirmed_order_is_paid_exactly_once"),
    Defect("payments_answers_truncated", "orders", "payments.retry", "fault/place_order degraded_rate"),
    Defect("users_partitioned", "orders", "users.breaker", "fault/place_order p50"),
    # Three attempts that end early are not slow enough to be noticed.
    Defect("inventory_slow", "orders", "inventory.deadline", "fault/place_order p98", "inventory.attempt_timeout"),
    # Without a balancer every call goes to the first instance, which is the one that is killed.
    Defect("inventory_instance_killed", "orders", "inventory.balancer", "fault/place_order error_rate"),
    Defect("bank_refused", "orders", "problem_details", "fault/place_order undocumented_rate"),
    Defect("notifications_killed", "orders", "outbox", "fault/place_order error_rate"),
    Defect("notifications_disk_full", "orders", "outbox", "fault/place_order error_rate"),
    # After the pause all waiting requests come at once, and the limit at the door turns most second attempts away.
    Defect("orders_paused", "orders", "idempotency", "one_order_per_key", hidden_by="inbound.limit"),
]


@pytest.mark.defect
@pytest.mark.parametrize("defect", DEFECTS, ids=lambda d: f"{d.experiment}-without-{d.policy}")
def test_experiment_fails_without_the_policy_it_guards(defect, request, record_property):
    """Switched off: FAIL, on the named expectation, and not by an error of the harness."""
    measure_without(defect, SPECS, request, record_property)


def measure_without(defect, folder, request, record_property):
    """Run the experiment of that folder; it must FAIL, on the named expectation."""
    tunnel = open_tunnel(request.config)
    (spec,) = read_specs(folder / f"{defect.experiment}.yaml", tunnel.topology, faults=SHAPES)
    phases = replace(spec.phases, baseline=BEFORE, recovered=AFTER)
    spec = replace(spec, phases=phases, slo=tuple(promise for promise in spec.slo if promise.window == "fault"))
    off = ",".join(filter(None, (defect.policy, defect.hidden_by)))
    tunnel.stack.replace(defect.service, {"POLICIES_OFF": off})
    try:
        measured = tunnel.measure(spec, lambda tick: None)
    finally:
        tunnel.restore(defect.service)
    broken = [finding for finding in measured.verdict.findings if finding.judgement == "failed"]
    killer = next((finding.message for finding in broken if finding.expectation.startswith(defect.breaks)), None)
    record_property("defect", (defect.experiment, f"{defect.service}: no {defect.policy}", killer or "SURVIVED"))

    assert measured.verdict.outcome == "FAIL", measured.verdict.reasons
    assert killer is not None, [finding.message for finding in broken]


def test_every_experiment_has_a_defect_that_it_catches():
    """A new experiment must say here what would turn it red."""
    experiments = {path.stem for path in SPECS.glob("*.yaml")}

    assert {defect.experiment for defect in DEFECTS} == experiments
