"""The spans of calls of a gateway: one for each method of the port, however many requests it is."""

import re
from collections.abc import Awaitable, Callable, Sized
from typing import Any, Final, cast
from urllib.parse import urlsplit

from opentelemetry.trace import Span

from application.ports.payment_gateway import GatewayAdapter, OutcomeUnknown
from domain.capture import CaptureFailed
from domain.outcome import Declined, Refused
from domain.payment import Payment
from domain.refund import RefundFailed
from entrypoints.gateway_calls import CALLS
from entrypoints.tracing.spans import Attributes, Spans, fail, shown

_WORD: Final = re.compile(r"(?<!^)(?=[A-Z])")


class TracedGateway:
    """A gateway whose calls have spans. It has exactly those methods that the gateway has."""

    def __init__(self, adapter: GatewayAdapter, spans: Spans, address: str | None) -> None:
        self._adapter = adapter
        self._spans = spans
        self._attributes: Attributes = {"payments.gateway": adapter.name, **_server(address)}

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._adapter, name)
        if name not in CALLS or not callable(found):
            return found
        traced = self._traced(name, found)
        setattr(self, name, traced)  # found here the next time
        return traced

    def _traced(
        self, name: str, call: Callable[..., Awaitable[Any]]
    ) -> Callable[..., Awaitable[Any]]:
        span_name = f"{self._adapter.name} {name}"
        attributes = {**self._attributes, "payments.operation": name}

        async def traced(*arguments: Any, **named: Any) -> Any:
            with self._spans.call(span_name, {**attributes, **_ids(arguments)}) as span:
                try:
                    outcome = await call(*arguments, **named)
                except OutcomeUnknown:
                    span.set_attribute("payments.outcome", "unknown")
                    raise
                _note(span, outcome)
                return outcome

        return traced


def traced_gateway(adapter: GatewayAdapter, spans: Spans, address: str | None) -> GatewayAdapter:
    """Return the gateway with spans; the address is that of its API, if it is known."""
    return cast(GatewayAdapter, TracedGateway(adapter, spans, address))


def _server(address: str | None) -> Attributes:
    parts = urlsplit(address or "")
    if not parts.hostname:
        return {}
    port = parts.port or (80 if parts.scheme == "http" else 443)  # RFC 9110, section 4.2
    return {"server.address": parts.hostname, "server.port": port}


def _ids(arguments: tuple[Any, ...]) -> Attributes:
    for each in arguments:
        if isinstance(each, Payment):
            ids = {"payments.payment_id": each.id, "payments.order_id": each.order_id}
            return {name: shown(value) for name, value in ids.items()}
    return {}


def _note(span: Span, outcome: object) -> None:
    """Note what the gateway has answered. Only what it refuses to the shop is an error."""
    match outcome:
        case None:
            span.set_attribute("payments.outcome", "no_record")
        case Declined(code=code) | RefundFailed(code=code) | CaptureFailed(code=code):
            span.set_attribute("payments.outcome_code", shown(code))
            span.set_attribute("payments.outcome", _name(outcome))
        case Refused(code=code):
            span.set_attribute("payments.outcome_code", shown(code))
            span.set_attribute("payments.outcome", "refused")
            fail(span, "refused", code)
        case Sized():
            span.set_attribute("payments.items", len(outcome))
        case _:
            span.set_attribute("payments.outcome", _name(outcome))


def _name(outcome: object) -> str:
    return _WORD.sub("_", type(outcome).__name__).lower()
