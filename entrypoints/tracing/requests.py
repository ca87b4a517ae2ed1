"""The span of an HTTP request (https://opentelemetry.io/docs/specs/semconv/http/http-spans/)."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Final

from attrs import frozen
from opentelemetry.trace import Span, get_current_span

from application.log_context import current_ids
from entrypoints.http.http_request import HeaderValues
from entrypoints.http.metrics import METHODS
from entrypoints.http.probes import PROBES
from entrypoints.http.request_tracing import Exemplar, received_traceparent
from entrypoints.trace_context import recorded_ids, use_traceparent
from entrypoints.tracing.spans import Attributes, Spans, fail, remote_parent, shown

# https://www.w3.org/TR/trace-context/#tracestate-limits: at least this many are to be passed on.
MAX_TRACESTATE: Final = 512


@frozen
class TracedRequests:
    """A span for each request, in its client's trace; it implements RequestTracing.

    Nothing of a request's content is in it, and its path only if it is that of a route.
    """

    _spans: Spans

    def begin(
        self, method: str, scope: Mapping[str, object], fields: HeaderValues
    ) -> AbstractContextManager[object]:
        """Return the span of a request; probes and scrapers have none."""
        traceparent = received_traceparent(fields)
        if str(scope["path"]).startswith(PROBES):
            return use_traceparent(traceparent)
        is_known = method in METHODS
        attributes: Attributes = {
            "http.request.method": method if is_known else "_OTHER",
            "url.scheme": str(scope["scheme"]),
            "network.protocol.version": str(scope["http_version"]),
        }
        state = ",".join(fields.getall("tracestate"))
        parent = remote_parent(traceparent, state if len(state) <= MAX_TRACESTATE else None)
        return self._spans.server(method if is_known else "HTTP", parent, attributes)

    def replied(self, path: str, route: str | None, status: int) -> None:
        """Note the reply in the span of the current request."""
        span = get_current_span()
        if not span.is_recording():
            return
        if route is not None:
            _name(span, route)
            span.set_attributes({"http.route": route, "url.path": shown(path)})
        span.set_attribute("http.response.status_code", status)
        if status >= 500:
            fail(span, str(status))
        for name, value in current_ids().items():
            span.set_attribute(f"payments.{name}", shown(value))

    def exemplar(self) -> Exemplar:
        """Return the ids of the current span, if it is recorded."""
        return recorded_ids()


def _name(span: Span, route: str) -> None:
    method = getattr(span, "name", "HTTP").partition(" ")[0]
    span.update_name(f"{method} {route}")
