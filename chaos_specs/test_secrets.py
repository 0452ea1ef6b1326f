"""No password, token or key appears in anything that a run leaves behind."""

import re

import pytest

from windtunnel.faults import SHAPES
from windtunnel.items import SETTINGS, open_tunnel
from windtunnel.report.allure import show_evidence
from windtunnel.report.summary import write_part
from windtunnel.spec import read_specs

SPEC = """
spec: windtunnel/v1
title: A short outage of payments, to fill the evidence
phases: {warmup: 500ms, baseline: 3s, fault: 2s, recovery: 6s, recovered: 3s}
load: {rate: 40/s, mix: [{scenario: place_order}, {scenario: read_order}]}
method:
  - {name: payments refuses, type: fault, fault: down, edge: orders->payments}
slo:
  baseline: {error_rate: "< 5%"}
  fault: {undocumented_rate: "< 10%"}
  recovered: {error_rate: "< 5%"}
invariants: [no_failed_order_stays_charged]
"""
JWT = re.compile(rb"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}")


@pytest.mark.defect
def test_no_secret_in_any_evidence(request, tmp_path):
    """Logs, history, attachments and summary are searched byte by byte."""
    tunnel, settings = open_tunnel(request.config), request.config.stash[SETTINGS]
    path = tmp_path / "short_outage.yaml"
    path.write_text(SPEC)
    (spec,) = read_specs(path, tunnel.topology, faults=SHAPES)
    measured = tunnel.measure(spec, lambda tick: None)
    show_evidence(measured.history, measured.verdict, measured.path, measured.logs)
    write_part(
        settings.out, settings.worker, request.node.nodeid, spec, measured.verdict, measured.history, measured.path
    )
    secrets = [value.encode() for value in tunnel.stack.secrets.values()]
    files = [file for file in settings.out.rglob("*") if file.is_file()]

    assert measured.logs["users"]
    assert secrets
    assert len(files) > 5
    for file in files:
        content = file.read_bytes()
        assert not JWT.search(content), f"a token in {file}"
        assert not any(secret in content for secret in secrets), f"a secret in {file}"
        assert b"correct horse" not in content, f"the client's password in {file}"
