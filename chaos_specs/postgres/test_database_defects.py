"""The experiments on databases can go red, too; see `test_defects.py`."""

from pathlib import Path

import pytest
from test_defects import Defect, measure_without

SPECS = Path(__file__).parent
DEFECTS = [
    Defect("database_reset", "orders", "problem_details", "fault/place_order undocumented_rate"),
    Defect("database_partitioned", "orders", "database_limit", "fault/place_order p98"),
]


@pytest.mark.defect
@pytest.mark.parametrize("defect", DEFECTS, ids=lambda d: f"{d.experiment}-without-{d.policy}")
def test_experiment_on_a_database_fails_without_what_it_guards(defect, request, record_property):
    """Switched off: FAIL, on the named expectation, and not by an error of the harness."""
    measure_without(defect, SPECS, request, record_property)


def test_every_experiment_on_a_database_has_a_defect_that_it_catches():
    """A new experiment must say here what would turn it red."""
    assert {defect.experiment for defect in DEFECTS} == {path.stem for path in SPECS.glob("*.yaml")}
