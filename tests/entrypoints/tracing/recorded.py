"""The spans that were recorded, in memory."""

from collections.abc import Callable

from attrs import frozen
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from entrypoints.tracing.exporting import tracing_of
from entrypoints.tracing.tracing import Tracing
from tests.checkpoints import TIMEOUT
from tests.system.waiting import eventually


@frozen
class Recorded:
    """What was recorded by `tracing`."""

    exporter: InMemorySpanExporter
    tracing: Tracing

    @classmethod
    def new(cls) -> "Recorded":
        exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        return cls(exporter, tracing_of(provider))

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    @property
    def names(self) -> list[str]:
        return [each.name for each in self.spans]

    def one(self, name: str) -> ReadableSpan:
        """Return the only span with this name."""
        [found] = [each for each in self.spans if each.name == name]
        return found

    async def find(self, name: str, when: Callable[[ReadableSpan], object]) -> ReadableSpan:
        """Wait for the first span with this name for which something is true."""

        async def found() -> ReadableSpan:
            matching = [each for each in self.spans if each.name == name and when(each)]
            assert matching
            return matching[0]

        return await eventually(found, TIMEOUT)


def attributes(span: ReadableSpan) -> dict[str, object]:
    """Return the attributes of a span."""
    return dict(span.attributes or {})


def is_ok(span: ReadableSpan) -> bool:
    """Whether a span is no error."""
    return span.status.status_code is StatusCode.UNSET


def trace_of(span: ReadableSpan) -> str:
    """Return the id of a span's trace."""
    return f"{span.context.trace_id:032x}" if span.context else ""
