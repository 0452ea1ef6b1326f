"""Which tests must not run side by side."""

import pytest

DRIVE_LOAD = {
    "test_bench_proxy.py",
    "test_bench_stack.py",
    "test_compare_command.py",
    "test_docker_killed.py",
    "test_docker_stack.py",
    "test_docker_workers.py",
    "test_evidence_is_kept.py",
    "test_external_run.py",
    "test_load_farm.py",
    "test_load_frozen.py",
    "test_load_truth.py",
    "test_process_killed.py",
    "test_profiles_end_to_end.py",
    "test_report_end_to_end.py",
    "test_run_from_outside.py",
    "test_up_from_outside.py",
    "test_verdicts_end_to_end.py",
}
"""They drive a real system and judge what they measure: two of them on two cores are each other's noise."""


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker has all of them, one after the other (`--dist=loadgroup`); the others have the rest."""
    for item in items:
        if item.path.name in DRIVE_LOAD:
            item.add_marker(pytest.mark.xdist_group("drives_load"))
