"""Export the spans of this process by OTLP over HTTP, with the SDK of the extra `otel`."""

import logging
import socket
import threading
import time
from importlib.metadata import version
from typing import Final

from attrs import define, field, frozen
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import set_tracer_provider

from entrypoints.tracing.spans import Spans
from entrypoints.tracing.tracing import Tracing

FLUSH_SECONDS: Final = 3.0
"""How long a process that stops waits for its last spans to be exported. With the 29 s that `serve`
may take to stop after its drain, this is close to the 30 s after which Kubernetes kills it."""


_EXPORTER: Final = "opentelemetry.exporter.otlp.proto.http.trace_exporter"

# Writes a header of OTEL_EXPORTER_OTLP_HEADERS that it cannot read into the log.
_HEADERS: Final = "opentelemetry.util.re"

# An exporter that is down fails every few seconds, and repeats its lines.
_LOG_SECONDS: Final = 60.0


@define
class _OncePerMinute:
    """Lets each line of a logger pass once a minute."""

    _shown_at: dict[str, float] = field(factory=dict, init=False)

    def filter(self, record: logging.LogRecord) -> bool:
        now = time.monotonic()
        if now - self._shown_at.get(record.msg, -_LOG_SECONDS) < _LOG_SECONDS:
            return False
        self._shown_at[record.msg] = now
        return True


def _hide_arguments(record: logging.LogRecord) -> bool:
    record.args = ("<redacted>",)
    return True


@frozen
class Exporting:
    """The spans of this process, and what exports them."""

    tracing: Tracing
    _provider: TracerProvider

    def make_global(self) -> None:
        """Let plug-ins that have spans of their own use the same exporter."""
        set_tracer_provider(self._provider)

    def close(self, seconds: float = FLUSH_SECONDS) -> None:
        """Export what is left, for this time at most; the rest is lost."""
        # The SDK has no time limit of its own that is shorter than 30 s. The thread ends with the
        # process.
        flushing = threading.Thread(target=self._provider.shutdown, daemon=True)
        flushing.start()
        flushing.join(seconds)


def start_exporting(service: str, exporter: SpanExporter | None = None) -> Exporting:
    """Start to export spans as the variables `OTEL_…` say.

    Spans wait in a bounded queue, and a thread sends them; if it cannot, the oldest are lost.

    Args:
        service: the name of the service, unless the variables have one.
        exporter: sends the spans; None for OTLP.
    """
    provider = TracerProvider(resource=_resource(service), shutdown_on_exit=False)
    logging.getLogger(_HEADERS).addFilter(_hide_arguments)
    logging.getLogger(_EXPORTER).addFilter(_OncePerMinute())
    provider.add_span_processor(BatchSpanProcessor(exporter or _otlp_exporter()))
    return Exporting(tracing_of(provider), provider)


def tracing_of(provider: TracerProvider) -> Tracing:
    """Return what records spans with this provider."""
    return Tracing(Spans(provider.get_tracer("payments", version("payments"))))


def _otlp_exporter() -> SpanExporter:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter()


def _resource(service: str) -> Resource:
    ours = {
        "service.name": service,
        "service.version": version("payments"),
        "service.instance.id": socket.gethostname(),
    }
    # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win.
    return Resource.create({**ours, **OTELResourceDetector().detect().attributes})
