"""Every provider of the storefront keeps its contracts, the degraded ones too: real processes, real faults."""

import os
from pathlib import Path

import pytest
from provider import PROVIDERS, verified
from regenerate import PACTS
from storefront_states import Shop

from windtunnel.contracts.pact_files import HTTP, read_pacts
from windtunnel.contracts.pact_matrix import MATRIX, changed, now
from windtunnel.contracts.pact_version import current_version

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.contract


@pytest.fixture
def shop(stack, chaos):
    """The running storefront."""
    if stack.backend != "process":
        pytest.skip("some states change a service's database file, which only the process backend has at hand")
    return Shop(stack, chaos)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_provider_keeps_its_contracts(shop, provider):
    """Every interaction is replayed over the consumer's own edge, and the edge's record has seen it; then the matrix
    is told."""
    files = [file for file in read_pacts(PACTS) if file.provider == provider]
    wanted = sum(one.kind == HTTP for file in files for one in file.interactions)
    edge = shop.stack.proxy(f"{files[0].consumer}->{provider}") if wanted else None
    before = edge.requests().next if edge else 0
    report = verified(shop, provider)
    seen = len(edge.requests(before).requests) if edge else 0
    version, at = current_version(ROOT, os.environ), now()
    with changed(ROOT / MATRIX) as matrix:
        matrix.add_contracts(files, version, at)
        matrix.add_report(report, version, at)

    report.check()
    assert len(report.results) == sum(len(file.interactions) for file in files)
    assert seen >= wanted


def test_every_provider_is_verified():
    """A pact whose provider nobody verifies would be a promise on paper."""
    assert {file.provider for file in read_pacts(PACTS)} == set(PROVIDERS)
