"""Ask whether the collector of spans accepts them, for `payments doctor`."""

import logging
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import SpanExportResult

from entrypoints.tracing.spans import shown

# The exporter tries again within this time; a collector beside the service answers in milliseconds.
ASK_SECONDS: Final = 1.5


class _Status(logging.Handler):
    """Keeps the status of a refusal, which the exporter only logs."""

    text = ""

    def emit(self, record: logging.LogRecord) -> None:
        match record.args:
            case (_, int(status), reason):
                self.text = f"{status} {reason}"
            case _:
                pass  # a failure before there was a reply, or a note that it is tried again


def collector_problem() -> str | None:
    """Send no spans to the collector of the variables; return what is wrong in one line."""
    exporter, status = OTLPSpanExporter(timeout=ASK_SECONDS), _Status()
    log = logging.getLogger(OTLPSpanExporter.__module__)
    log.addHandler(status)
    try:
        is_accepted = exporter.export(()) is SpanExportResult.SUCCESS
    finally:
        log.removeHandler(status)
        exporter.shutdown()  # type: ignore[no-untyped-call]
    return None if is_accepted else shown(status.text) or "no answer"
