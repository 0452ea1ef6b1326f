"""Load profiles and fuzzed cells as they stand in a run's summary, made by hand."""

FULL = "full: in stage steady orders was full"
WINDOW = {"samples": 500, "error_rate": 0.25, "p50_ms": 20.0, "p95_ms": 871.0, "p99_ms": 1200.0, "degraded_rate": 0.0}


def profile(verdict="PASS", **more):
    return {
        "id": "steady",
        "title": "The <shop> keeps up",
        "item": "load/profiles/steady.yaml::steady",
        "verdict": verdict,
        "reasons": [] if verdict == "PASS" else ["steady p95 < 500ms: got 871ms (n=500, 9% over)", FULL],
        "rate": 100.0,
        "stages": [{"stage": "steady", "seconds": 20.0, "from_rate": 100.0, "to_rate": 100.0, "requests_rate": 160.0,
                    "cores": {}, "errors": {}}],
        "windows": {"steady": WINDOW},
        "promises": [{"promise": "steady p95 < 500ms", "judgement": "passed" if verdict == "PASS" else "failed",
                      "got": "got 871ms (n=500, 9% over)", "observed": 0.871, "samples": 500}],
        "capacity": None,
        "recovery": None,
        "reproduce": "windtunnel load steady --wt-seed=0",
        **more,
    }  # fmt: skip


def cell(verdict="PASS", fault="refused", **more):
    return {
        "id": f"orders: POST /orders, orders->payments {fault}",
        "item": f"contracts::{fault}",
        "operation": "orders: POST /orders",
        "edge": "orders->payments",
        "fault": fault,
        "found": False,
        "verdict": verdict,
        "reasons": [] if verdict == "PASS" else ["500 is not documented"],
        "reproduce": f"windtunnel fuzz --cell {fault}",
        **more,
    }


def fuzz(*cells):
    return {
        "operations": 1,
        "operations_covered": 1,
        "operations_left_out": {"orders: GET /audit": "for tests only"},
        "cells": len(cells),
        "cells_covered": len(cells),
        "cases": 40,
        "totals": {},
        "results": list(cells),
    }
