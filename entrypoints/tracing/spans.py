"""Start and end spans; a current span is also the trace context of our log lines and events."""

import time
from contextlib import AbstractContextManager
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Final

from attrs import define, field, frozen
from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from entrypoints.logs import redact
from entrypoints.trace_context import use_span, valid_traceparent

Attributes = dict[str, AttributeValue]

MAX_TEXT: Final = 250
"""Characters of a text in an attribute or a status: the first line of an error."""

MAX_KEPT: Final = 32
"""How many spans of a run are kept until it is known whether it has done anything: more than the
statements with which a loop finds out that there is nothing to do."""

_PROPAGATOR: Final = TraceContextTextMapPropagator()


def shown(text: str) -> str:
    """Return a text for an attribute: bounded, and without secrets."""
    return redact(text[: 2 * MAX_TEXT])[:MAX_TEXT]


def traceparent_of(context: SpanContext) -> str:
    """Return the `traceparent` of a span (https://www.w3.org/TR/trace-context/)."""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def remote_parent(traceparent: str | None, tracestate: str | None = None) -> Context:
    """Return the context of a span of another process; an empty one if there is none."""
    valid = valid_traceparent(traceparent)
    if valid is None:
        return Context()
    carrier = {"traceparent": valid} | ({"tracestate": tracestate} if tracestate else {})
    return _PROPAGATOR.extract(carrier, Context())


def fail(span: Span, kind: str, text: str = "") -> None:
    """Mark a span as failed; the kind is one of few."""
    span.set_attribute("error.type", kind)
    span.set_status(Status(StatusCode.ERROR, shown(text) or kind))


@define(eq=False)
class Run:
    """The span of a run of a loop. It is only recorded if the run has done something.

    Loops run ten times a second, and most runs find nothing to do. A span that is not ended is not
    exported and is garbage, so the spans of a run are ended when it has done something.
    """

    span: Span
    _is_busy: bool = field(default=False, init=False)
    _kept: list[tuple[Span, int]] = field(factory=list, init=False)

    def end(self, child: Span) -> None:
        """End a span of this run, now or when the run has done something."""
        if self._is_busy:
            child.end()
        elif len(self._kept) < MAX_KEPT:
            self._kept.append((child, time.time_ns()))

    def record(self) -> None:
        """Record this run."""
        if not self._is_busy:
            self._is_busy = True
            for child, ended_at in self._kept:
                child.end(ended_at)
            self._kept.clear()

    def finish(self) -> None:
        """End the span if the run is recorded."""
        if self._is_busy:
            self.span.end()


_RUN: Final[ContextVar[Run | None]] = ContextVar("run", default=None)


@define(eq=False)
class CurrentSpan(AbstractContextManager[Span]):
    """Makes a span the current one in a block, and ends it with the block."""

    span: Span
    _attached: "Token[Context] | None" = field(default=None, init=False)
    _trace: AbstractContextManager[str] | None = field(default=None, init=False)

    def __enter__(self) -> Span:
        self._attached = otel_context.attach(set_span_in_context(self.span))
        self._trace = use_span(traceparent_of(self.span.get_span_context()))
        self._trace.__enter__()
        return self.span

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.leave()
        if isinstance(error, Exception):
            fail(self.span, type(error).__name__, str(error))
        self.span.end()

    def leave(self) -> None:
        """Make the span around this one the current one again."""
        if self._trace is not None and self._attached is not None:
            self._trace.__exit__(None, None, None)
            otel_context.detach(self._attached)


@define(eq=False)
class CurrentRun(AbstractContextManager["CurrentRun"]):
    """Makes the span of a run the current one in a block."""

    run: Run
    _current: CurrentSpan = field(init=False)
    _token: "Token[Run | None] | None" = field(default=None, init=False)

    @_current.default
    def _make_current(self) -> CurrentSpan:
        return CurrentSpan(self.run.span)

    def __enter__(self) -> "CurrentRun":
        self._current.__enter__()
        self._token = _RUN.set(self.run)
        return self

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            _RUN.reset(self._token)
        self._current.leave()
        self.run.finish()

    def done(self, number: int) -> None:
        """Note how much the run has done; nothing is not recorded."""
        if number:
            self.run.span.set_attribute("payments.done", number)
            self.run.record()

    def failed(self, error: Exception) -> None:
        """Note that the run has failed."""
        fail(self.run.span, type(error).__name__, str(error))
        self.run.record()


@frozen
class Spans:
    """Starts the spans of this process."""

    _tracer: Tracer

    def server(self, name: str, parent: Context, attributes: Attributes) -> CurrentSpan:
        """Start the span of a request."""
        span = self._tracer.start_span(name, parent, SpanKind.SERVER, attributes)
        return CurrentSpan(span)

    def run(self, name: str) -> CurrentRun:
        """Start the span of a run of a loop; a trace of its own."""
        return CurrentRun(Run(self._tracer.start_span(name, Context(), SpanKind.INTERNAL)))

    def statement(
        self, name: str, attributes: Attributes, *, commits: bool
    ) -> tuple[Span | None, Run | None]:
        """Start the span of a statement, and return its run; no span outside of any trace."""
        if not get_current_span().get_span_context().is_valid:
            return None, None
        run = _RUN.get()
        if run is not None and commits:
            run.record()
        return self._tracer.start_span(name, None, SpanKind.CLIENT, attributes), run

    def call(self, name: str, attributes: Attributes) -> CurrentSpan:
        """Start the span of a call of another system."""
        record_run()
        return CurrentSpan(self._tracer.start_span(name, None, SpanKind.CLIENT, attributes))

    def message(self, name: str, kind: SpanKind, parent: Context, attributes: Attributes) -> Span:
        """Start the span of a message, with a link to the run that handles it."""
        record_run()
        current = get_current_span().get_span_context()
        links = [Link(current)] if current.is_valid else []
        return self._tracer.start_span(name, parent, kind, attributes, links)


def record_run() -> None:
    """Record the current run, if there is one."""
    if (run := _RUN.get()) is not None:
        run.record()
