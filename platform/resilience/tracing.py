"""Spans of OpenTelemetry, for whoever has configured an exporter; without one nothing is imported and nothing is paid.

Configured by the standard variables: an endpoint (OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) or a
name in OTEL_TRACES_EXPORTER (`otlp`, which speaks protobuf over HTTP, or `console`); `none` and OTEL_SDK_DISABLED=true
switch it off. Needs the extra `tracing`. Sampling, service name and the rest are the SDK's own variables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from resilience import trace
from resilience.errors import SettingsError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_EXPORTERS = ("otlp", "console")
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def configured(env: Mapping[str, str]) -> str | None:
    """The exporter that the environment asks for; None for none. Raises SettingsError for an unknown one."""
    default = "otlp" if any(env.get(name) for name in _ENDPOINTS) else "none"
    name = env.get("OTEL_TRACES_EXPORTER") or default
    if name == "none" or env.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    if name not in _EXPORTERS:
        raise SettingsError(f"OTEL_TRACES_EXPORTER is {name!r}; right is one of {', '.join(_EXPORTERS)}, none")
    return name


class Tracing:
    """Spans for what comes in and what goes out. The no-op when made without a tracer."""

    def __init__(self, tracer: Any = None, shut_down: Callable[[], None] = lambda: None) -> None:
        self._tracer = tracer
        self.close = shut_down
        """Sends what is left to send."""

    def around(self, app: WSGIApplication) -> WSGIApplication:
        """The application with a span for each request; itself when nobody records."""
        return app if self._tracer is None else _Traced(app, self._tracer)

    def call(self, method: str, edge: str) -> AbstractContextManager[object]:
        """A span around one outbound call, all attempts included."""
        if self._tracer is None:
            return _NOTHING
        from opentelemetry.trace import SpanKind

        attributes = {"http.request.method": method, "peer.service": edge.rpartition(">")[2]}
        span: AbstractContextManager[object] = self._tracer.start_as_current_span(
            f"{method} {edge}", kind=SpanKind.CLIENT, attributes=attributes
        )
        return span


_NOTHING = nullcontext()


def start(service: str, env: Mapping[str, str]) -> Tracing:
    """Begin to record, if the environment asks for it. Raises SettingsError when the extra is missing."""
    exporter = configured(env)
    if exporter is None:
        return Tracing()
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        made = _exporter(exporter)
    except ImportError as error:
        raise SettingsError(
            f"tracing is configured, but {error.name} is not installed; install the extra `tracing`"
        ) from None
    name = env.get("OTEL_SERVICE_NAME", service)
    provider = TracerProvider(resource=Resource.create({"service.name": name}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(made))
    trace.inject = _inject
    return Tracing(provider.get_tracer("resilience"), provider.shutdown)


def _exporter(name: str) -> Any:
    if name == "console":
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        return ConsoleSpanExporter()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter()


def _inject(headers: dict[str, str]) -> None:
    """The current span becomes the parent of what is called. Outside of a span the context is passed on as it came."""
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    TraceContextTextMapPropagator().inject(headers)


class _Traced:
    def __init__(self, app: WSGIApplication, tracer: Any) -> None:
        self._app, self._tracer = app, tracer

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        sent = {"traceparent": environ.get("HTTP_TRACEPARENT", ""), "tracestate": environ.get("HTTP_TRACESTATE", "")}
        method = environ["REQUEST_METHOD"]
        with self._tracer.start_as_current_span(
            method,
            context=TraceContextTextMapPropagator().extract(sent),
            kind=SpanKind.SERVER,
            # The path, not the query: that can hold what nobody may see.
            attributes={"http.request.method": method, "url.path": environ.get("PATH_INFO", "")},
        ) as span:
            carried: dict[str, str] = {}
            TraceContextTextMapPropagator().inject(carried)
            # What the log says and what is recorded are one trace, also where the trace begins here.
            environ["HTTP_TRACEPARENT"] = carried["traceparent"]

            def started(status: str, fields: Any, *error: Any) -> Any:
                span.set_attribute("http.response.status_code", int(status[:3]))
                return start_response(status, fields, *error)

            return self._app(environ, started)
