"""The span of a statement (https://opentelemetry.io/docs/specs/semconv/db/postgresql/)."""

from contextlib import AbstractContextManager
from types import TracebackType

from attrs import define
from opentelemetry.trace import Span

from application.ports.unit_of_work import Conflict
from entrypoints.tracing.spans import Attributes, Run, Spans, fail

MAX_NAME = 60
"""Characters of a span's name; the summary of a commit of many tables is longer."""


@define(eq=False)
class StatementSpan(AbstractContextManager[None]):
    """The span of one statement; it is never the current one, because nothing happens in it."""

    _span: Span | None
    _run: Run | None

    def __enter__(self) -> None:
        """Do nothing: the span has begun."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        span = self._span
        if span is None:
            return
        if isinstance(error, Conflict):  # an expected answer: the decision is made again
            span.set_attribute("payments.outcome", "conflict")
        elif isinstance(error, Exception):
            fail(span, type(error).__name__, str(error))
        if self._run is None:
            span.end()
        else:
            self._run.end(span)


def statement_span(
    spans: Spans, server: Attributes, summary: str, operation: str, *, commits: bool
) -> StatementSpan:
    """Start the span of a statement, if it belongs to a trace; its parameters are not in it."""
    attributes: Attributes = {
        "db.system.name": "postgresql",
        "db.operation.name": operation,
        "db.query.summary": summary,
        **server,
    }
    name = summary if len(summary) <= MAX_NAME else f"{summary[:MAX_NAME]}…"
    return StatementSpan(*spans.statement(name, attributes, commits=commits))
