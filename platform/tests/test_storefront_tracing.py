"""Spans of OpenTelemetry reach a collector where one is configured; where none is, nothing of it is loaded."""

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from storefront_shop import Shop

from resilience.errors import SettingsError
from resilience.tracing import configured

otlp = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2", reason="the extra `tracing`")
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Collector(ThreadingHTTPServer):
    """Takes spans as OTLP over HTTP."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Take)
        self.spans = []


class _Take(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        for resource in otlp.ExportTraceServiceRequest.FromString(body).resource_spans:
            (name,) = [a.value.string_value for a in resource.resource.attributes if a.key == "service.name"]
            self.server.spans += [(name, span) for scope in resource.scope_spans for span in scope.spans]
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Nothing."""


@pytest.fixture
def collector():
    server = Collector()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_spans_of_both_services_are_one_tree_under_the_callers(tmp_path, collector):
    """orders' span, its call of users, and users' span, each the parent of the next; all are sent by the end."""
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}"}
    with Shop(tmp_path, services=()) as shop:
        for name in ("users", "orders"):
            shop.start(name, **endpoint)
        for name in ("users", "orders"):
            shop.await_ready(name)
        shop.http.get(f"{shop.url('orders')}/orders/x", headers={"traceparent": PARENT})
        for name in ("orders", "users"):
            shop.processes[name].terminate()
            shop.processes[name].wait()
    ours = [(name, span) for name, span in collector.spans if span.trace_id.hex() == PARENT[3:35]]
    by_name = {(name, span.name): span for name, span in ours}
    chain = [by_name["orders", "GET"], by_name["orders", "GET orders->users"], by_name["users", "GET"]]

    assert [span.parent_span_id.hex() for span in chain] == [
        PARENT[36:52],
        chain[0].span_id.hex(),
        chain[1].span_id.hex(),
    ]
    assert [a.value.int_value for a in chain[2].attributes if a.key == "http.response.status_code"] == [401]


def test_without_an_exporter_nothing_of_it_is_loaded():
    """No import, so no cost."""
    code = "import sys, storefront.bank.app; print([name for name in sys.modules if name.startswith('opentelemetry')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, "otlp"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, "otlp"),
        ({"OTEL_TRACES_EXPORTER": "console"}, "console"),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, None),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "otlp"}, None),
    ],
)
def test_standard_variables_decide(env, expected):
    """As OpenTelemetry's specification names them."""
    assert configured(env) == expected


def test_unknown_exporter_is_refused():
    """With what would be right."""
    with pytest.raises(SettingsError, match="OTEL_TRACES_EXPORTER is 'zipkin'; right is one of otlp, console, none"):
        configured({"OTEL_TRACES_EXPORTER": "zipkin"})
