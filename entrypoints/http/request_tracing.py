"""How requests are traced: the port of the middleware, and what it does without spans."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from entrypoints.http.http_request import HeaderValues
from entrypoints.trace_context import use_traceparent

Exemplar = dict[str, str] | None
"""The labels of an exemplar, which lead from a metric to a trace."""


class RequestTracing(Protocol):
    """Traces the requests of a process."""

    def begin(
        self, method: str, scope: Mapping[str, object], fields: HeaderValues
    ) -> AbstractContextManager[object]:
        """Return the context in which a request is handled: the trace of its client, if any."""

    def replied(self, path: str, route: str | None, status: int) -> None:
        """Note the reply to the current request; the route is None if it has none."""

    def exemplar(self) -> Exemplar:
        """Return the exemplar of the current request, if its trace is recorded."""


class NoSpans:
    """Continues the traces of clients, or begins one, and records nothing."""

    def begin(
        self, method: str, scope: Mapping[str, object], fields: HeaderValues
    ) -> AbstractContextManager[object]:
        """Return the trace context."""
        return use_traceparent(received_traceparent(fields))

    def replied(self, path: str, route: str | None, status: int) -> None:
        """Do nothing."""

    def exemplar(self) -> Exemplar:
        """Return none."""
        return None


def received_traceparent(fields: HeaderValues) -> str | None:
    """Return the header, unless there are several."""
    values = fields.getall("traceparent")
    return values[0] if len(values) == 1 else None
