"""Every mistake in a topology file is one line: where, what, what would be right."""

import pytest
from spec_samples import TOPOLOGY, changed, read_shop, write_topology

from windtunnel.errors import TopologyError
from windtunnel.topology import read_topology

PROCESS = "process: {command: [python, -m, shop.payments]}"
MISTAKES = [
    (
        "unknown-key",
        ("    ready: tcp", "    redy: tcp"),
        23,
        (
            "unknown key 'redy'; known: ready, after, docker, env, external, metrics, openapi, port, process, quiet, "
            "replicas"
        ),
    ),
    (
        "unknown-top-key",
        ("degrades_to:", "degrade_to:"),
        32,
        (
            "unknown key 'degrade_to'; known: degrades_to, allow, edges, fuzz, invariants, name, scenarios, services, "
            "topology"
        ),
    ),
    (
        "format",
        ("topology: windtunnel/v1", "topology: windtunnel/v9"),
        1,
        "unknown format 'windtunnel/v9'; known: windtunnel/v1",
    ),
    ("missing-key", ("name: shop\n", ""), 1, "missing key 'name'; needed: topology, name, scenarios, services, edges"),
    (
        "reserved-name",
        ("  ledger:", "  client:"),
        21,
        "'client' is the test's own side; call the service something else",
    ),
    (
        "bad-name",
        ("  ledger:", "  Led_ger:"),
        21,
        "'Led_ger' cannot be a service's name; use small letters, digits and -",
    ),
    (
        "nothing-starts-it",
        (PROCESS, "ready: /"),
        6,
        (
            "nothing starts 'payments'; add process: {command: [...]} or docker: {...}; where it runs already: "
            "external: {url: ...}"
        ),
    ),
    (
        "empty-command",
        (PROCESS, "process: {command: []}"),
        7,
        "the command of 'payments' is empty; write [python, -m, package.payments]",
    ),
    (
        "command-is-text",
        (PROCESS, "process: {command: python -m shop}"),
        7,
        "expected a list, found the text 'python -m shop'",
    ),
    ("port-too-high", ("number: 5001", "number: 70000"), 10, "expected a port from 1 to 65535, found 70000"),
    ("no-replicas", ("    ready: tcp", "    replicas: 0"), 23, "expected a whole number of at least 1, found 0"),
    (
        "variable-not-set",
        ("${HOME}", "${HOM}"),
        15,
        "service 'orders': the variable HOM is not set; set it, or write ${HOM:-default}",
    ),
    (
        "host-in-env",
        ("${HOME}", "${host}"),
        15,
        "service 'orders': '${host}' means nothing here; known: ${data}, ${port}, ${secret:NAME}, ${NAME}",
    ),
    (
        "bad-variable",
        ("HOME_OF:", "HOME-OF:"),
        15,
        "'HOME-OF' is not the name of a variable; use letters, digits and _",
    ),
    (
        "ready-no-path",
        ("ready: /health/ready", "ready: health/ready"),
        18,
        "'health/ready' is not a path; write /health/ready",
    ),
    (
        "after-unknown",
        ("after: [payments]", "after: [paymets]"),
        20,
        "unknown service 'paymets'; known: payments, ledger, orders",
    ),
    (
        "after-itself",
        ("after: [payments]", "after: [orders]"),
        20,
        "orders -> orders is a cycle of 'after'; one of them must be able to start first",
    ),
    (
        "after-cycle",
        (PROCESS, PROCESS + "\n    after: [orders]"),
        8,
        "payments -> orders -> payments is a cycle of 'after'; one of them must be able to start first",
    ),
    (
        "edge-unknown-service",
        ("from: orders, to: payments", "from: orders, to: payment"),
        26,
        "unknown service 'payment'; known: payments, ledger, orders",
    ),
    (
        "edge-to-client",
        ("from: orders, to: payments", "from: orders, to: client"),
        26,
        "unknown service 'client'; known: ledger, orders, payments",
    ),
    (
        "edge-twice",
        ("to: orders}", "to: orders}\n  - {from: client, to: orders}"),
        26,
        "duplicate edge 'client->orders'; it is already on line 25",
    ),
    (
        "client-via",
        ("to: orders}", "to: orders, via: {env: X}}"),
        25,
        "an edge from the client has no via: the harness itself is told the address; remove it",
    ),
    (
        "no-via",
        ("via: {env: PAYMENTS_URL}, ", ""),
        26,
        "missing key 'via'; how is 'orders' told the address? write via: {env: SOME_URL}",
    ),
    (
        "via-unknown",
        ("{env: PAYMENTS_URL}", "{env: PAYMENTS_URL, ulr: x}"),
        26,
        "unknown key 'ulr'; known: url, api, env, listen, proxy, separator",
    ),
    (
        "replicas-of-a-fixed-port",
        ("number: 5001}", "number: 5001}\n    replicas: 2"),
        11,
        "2 instances cannot share port 5001; remove the port's number",
    ),
    (
        "url-without-port",
        ("${host}:${port}/ledger", "${host}/ledger"),
        29,
        "the url has no ${port}; write for instance http://${host}:${port}",
    ),
    (
        "url-variable-not-set",
        ("${host}:${port}/ledger", "${host}:${port}/${LEDGER}"),
        29,
        "service 'payments': the variable LEDGER is not set; set it, or write ${LEDGER:-default}",
    ),
    (
        "variable-twice",
        ("degrades_to:", "  - {from: orders, to: ledger, via: {env: PAYMENTS_URL}, backends: [docker]}\ndegrades_to:"),
        32,
        "'orders' is told two addresses in PAYMENTS_URL (see line 26)",
    ),
    (
        "variable-of-its-own",
        ("{env: PAYMENTS_URL}", "{env: DATA}"),
        26,
        "DATA is also set by service 'orders' itself; remove it there",
    ),
    (
        "variable-of-the-port",
        ("{env: PAYMENTS_URL}", "{env: PORT}"),
        26,
        "PORT is also set by service 'orders' itself; remove it there",
    ),
    (
        "no-process",
        ("    backends: [docker]\n", ""),
        27,
        "'ledger' is no process; write backends: [docker], or give 'ledger' a process",
    ),
    ("protocol", ("protocol: tcp", "protocol: tpc"), 30, "unknown protocol 'tpc'; known: tcp, http, postgresql"),
    ("criticality", ("criticality: soft", "criticality: sof"), 26, "unknown criticality 'sof'; known: soft, hard"),
    ("background", ("background: true", "background: perhaps"), 26, "expected true or false, found the text 'perhaps'"),
    (
        "backend",
        ("backends: [docker]", "backends: [dokcer]"),
        31,
        "unknown backend 'dokcer'; known: docker, external, process",
    ),
    (
        "degrades-scenario",
        ("  place_order: {", "  place_ordr: {"),
        33,
        "unknown scenario 'place_ordr'; known: place_order, read_order",
    ),
    (
        "degrades-private",
        ("  place_order: {", "  _log_in: {"),
        33,
        "unknown scenario '_log_in'; known: place_order, read_order",
    ),
    (
        "degrades-edge",
        ("    orders->payments: ok", "    orders->payment: ok"),
        35,
        "unknown edge 'orders->payment'; known: orders->payments, client->orders, payments->ledger",
    ),
    (
        "degrades-word",
        ("orders->payments: ok", "orders->payments: fine"),
        35,
        "expected a list of statuses such as [503, 202], or ok",
    ),
    ("degrades-status", ("[503, 202]", "[503, 20]"), 33, "expected an HTTP status from 100 to 599, found 20"),
    ("disk-unit", ("disk: 64MB", "disk: 64"), 22, "'64' has no unit; write 64B or 64KB"),
    (
        "disk-small",
        ("disk: 64MB", "disk: 10KB"),
        22,
        "a disk of 10000 bytes holds nothing; write 64 KB or more, such as 64MB",
    ),
    ("degrades-none", ("[503, 202]", "[]"), 33, "expected a list of at least 1, found 0"),
]


@pytest.mark.parametrize(
    ("change", "line", "message"), [case[1:] for case in MISTAKES], ids=[case[0] for case in MISTAKES]
)
def test_mistake_names_file_line_and_remedy(tmp_path, change, line, message):
    """One mistake each, put into a file that is right otherwise."""
    with pytest.raises(TopologyError) as caught:
        read_shop(tmp_path, changed(TOPOLOGY, change))

    assert f"{tmp_path / 'topology.yaml'}:{line}: {message}" == str(caught.value)


@pytest.mark.parametrize("key", ["scenarios", "invariants"])
def test_file_that_is_not_there_is_named(tmp_path, key):
    """Paths start from the folder of the topology file, and messages show them without detours."""
    text = changed(TOPOLOGY, (f"{key}: {key}.py", f"{key}: ../none.py"))
    line = {"scenarios": 3, "invariants": 4}[key]

    with pytest.raises(TopologyError) as caught:
        read_shop(tmp_path, text)

    assert (
        f"{tmp_path / 'topology.yaml'}:{line}: there is no file {tmp_path.parent / 'none.py'}; "
        "paths start from the folder of this file"
    ) == str(caught.value)


def test_scenario_file_that_is_no_python_is_named_with_its_line(tmp_path):
    """The mistake is there, not in the topology."""
    path = write_topology(tmp_path)
    (tmp_path / "scenarios.py").write_text("x = 1\ndef broken(:\n")

    with pytest.raises(TopologyError, match=r"scenarios\.py:2: not valid Python: invalid syntax"):
        read_topology(path, {"HOME": "/"})


def test_long_cycle_is_shown_in_its_order(tmp_path):
    """Each arrow is one `after`."""
    services = "".join(
        f"  {name}: {{process: {{command: [x]}}, after: [{after}]}}\n" for name, after in zip("abc", "bca", strict=True)
    )
    top = "topology: windtunnel/v1\nname: x\nscenarios: scenarios.py\nservices:\n"
    text = f"{top}{services}edges: [{{from: client, to: a}}]\n"

    with pytest.raises(TopologyError, match=r"topology\.yaml:5: a -> b -> c -> a is a cycle of 'after'"):
        read_shop(tmp_path, text)


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("services: {}\nedges: []\n", "4: expected at least one service, found none"),
        ("services: {a: {docker: {image: a}}}\nedges: []\n", "5: expected a list of at least 1, found 0"),
    ],
    ids=["services", "edges"],
)
def test_system_without_services_or_edges_is_refused(tmp_path, rest, message):
    """There would be nothing to test."""
    with pytest.raises(TopologyError) as caught:
        read_shop(tmp_path, f"topology: windtunnel/v1\nname: x\nscenarios: scenarios.py\n{rest}")

    assert f"{tmp_path / 'topology.yaml'}:{message}" == str(caught.value)
