"""How long calls of the gateways take, and how they end, as Prometheus metrics."""

import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

from attrs import Factory, field, frozen
from prometheus_client import CollectorRegistry, Counter, Histogram

from application.ports.payment_gateway import GatewayAdapter, GatewayUnavailable
from entrypoints.gateway_calls import CALLS

# Stripe answers in about 300 ms. A call is given up after 15 s, and a list may be of many requests.
_BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0)

_LABELS: Final = ("gateway", "call")


@frozen
class GatewayMetrics:
    """The metrics of all gateways of a process. A decline is an answer like any other."""

    seconds: Histogram = Factory(
        lambda: Histogram(
            "payments_gateway_call_seconds",
            "Duration of calls of a gateway.",
            _LABELS,
            buckets=_BUCKETS,
            registry=None,
        )
    )
    calls: Counter = Factory(
        lambda: Counter(
            "payments_gateway_calls",
            "Calls of a gateway: answered, unavailable (nothing was sent), or unknown.",
            (*_LABELS, "result"),
            registry=None,
        )
    )
    clock: Callable[[], float] = field(default=time.perf_counter)
    exemplar: Callable[[], dict[str, str] | None] = lambda: None
    """Returns the ids of the current trace, if it is recorded."""
    _series: dict[tuple[str, str, str], tuple[Counter, Histogram]] = field(init=False, factory=dict)
    """Those found so far: to find one by its labels takes longer than to count."""

    def export(self, registry: CollectorRegistry) -> None:
        """Export the metrics; the gateways are opened before there is a registry."""
        registry.register(self.seconds)
        registry.register(self.calls)

    def measured(self, adapter: GatewayAdapter) -> GatewayAdapter:
        """Return the gateway with its calls measured."""
        for result in ("answered", "unavailable", "unknown"):
            self.calls.labels(adapter.name, "charge", result)
        return cast(GatewayAdapter, _MeasuredGateway(adapter, self))

    def count(self, gateway: str, call: str, result: str, seconds: float) -> None:
        """Count a call that has ended."""
        series = self._series.get((gateway, call, result))
        if series is None:
            series = self.calls.labels(gateway, call, result), self.seconds.labels(gateway, call)
            self._series[gateway, call, result] = series
        calls, durations = series
        calls.inc()
        durations.observe(seconds, self.exemplar())


class _MeasuredGateway:
    """A gateway whose calls are measured. It has exactly those methods that the gateway has."""

    def __init__(self, adapter: GatewayAdapter, metrics: GatewayMetrics) -> None:
        self._adapter = adapter
        self._metrics = metrics
        self.name = adapter.name  # read several times for each charge

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._adapter, name)
        if name not in CALLS or not callable(found):
            return found
        measured = self._measured(name, found)
        setattr(self, name, measured)  # found here the next time
        return measured

    def _measured(
        self, call: str, method: Callable[..., Awaitable[Any]]
    ) -> Callable[..., Awaitable[Any]]:
        metrics, gateway = self._metrics, self._adapter.name

        async def measured(*arguments: Any, **named: Any) -> Any:
            started, result = metrics.clock(), "unknown"
            try:
                outcome = await method(*arguments, **named)
                result = "answered"
            except GatewayUnavailable:
                result = "unavailable"
                raise
            finally:
                metrics.count(gateway, call, result, metrics.clock() - started)
            return outcome

        return measured
